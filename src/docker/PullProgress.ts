import { Option, Schema } from "effect"
import type { PullProgress } from "./Docker.ts"

const Event = Schema.Struct({
  status: Schema.optionalKey(Schema.String),
  id: Schema.optionalKey(Schema.String),
  error: Schema.optionalKey(Schema.String),
  errorDetail: Schema.optionalKey(Schema.Struct({ message: Schema.optionalKey(Schema.String) })),
  progressDetail: Schema.optionalKey(
    Schema.Struct({ current: Schema.optionalKey(Schema.Finite), total: Schema.optionalKey(Schema.Finite) }),
  ),
})

const decode = Schema.decodeUnknownOption(Event)

/** What went wrong according to an event of a pull or load; null when the event tells of progress. */
export const errorOf = (event: unknown): string | null =>
  Option.match(decode(event), {
    onNone: () => null,
    onSome: ({ error, errorDetail }) => errorDetail?.message ?? error ?? null,
  })

interface Layer {
  readonly done: boolean
  readonly current: number
  readonly total: number
}

/** The layers of a pull as its events tell of them. */
export type Layers = ReadonlyMap<string, Layer>

const finished = /^(pull complete|already exists)$/i
const downloading = /^downloading$/i
const layerStatus =
  /^(pulling fs layer|waiting|downloading|verifying checksum|download complete|extracting|pull complete|already exists)$/i

/** The layers after one more event. */
export const follow = (layers: Layers, event: unknown): Layers => {
  const { id, status, progressDetail } = Option.getOrElse(decode(event), (): typeof Event.Type => ({}))
  if (id === undefined || status === undefined || !layerStatus.test(status)) return layers
  const before = layers.get(id) ?? { done: false, current: 0, total: 0 }
  const total = downloading.test(status) ? (progressDetail?.total ?? before.total) : before.total
  const current = downloading.test(status) ? (progressDetail?.current ?? before.current) : before.current
  const downloaded = /^(download complete|verifying checksum|extracting|pull complete)$/i.test(status)
  const after: Layer = { done: finished.test(status), total, current: downloaded ? total : current }
  return new Map([...layers, [id, after]])
}

/** Seconds until a pull is over at the speed that it has had since; null while there is nothing to judge by. */
export const secondsLeft = (before: PullProgress, now: PullProgress, elapsedSeconds: number): number | null => {
  const bytes = now.bytesDone - before.bytesDone
  return bytes > 0 && elapsedSeconds > 0 ? ((now.bytes - now.bytesDone) * elapsedSeconds) / bytes : null
}

/** The sum over all layers. */
export const sum = (layers: Layers): PullProgress => {
  const all = [...layers.values()]
  return {
    layers: all.length,
    layersDone: all.filter(({ done }) => done).length,
    bytesDone: all.reduce((bytes, { current }) => bytes + current, 0),
    bytes: all.reduce((bytes, { total }) => bytes + total, 0),
  }
}
