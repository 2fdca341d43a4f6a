import { Effect } from "effect"
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer"
import type { DomainSeries } from "../domain/Energy.ts"
import type { RequestRecord } from "../domain/Request.ts"
import { reasonOf } from "../domain/Unknown.ts"
import { version } from "../domain/Version.ts"
import { type FileError, replaceWith } from "../platform/files.ts"
import { StoreError } from "./Store.ts"

type Column = Pick<ColumnSource, "name" | "data">
type Primitive = "INT32" | "DOUBLE" | "UTF8"
type Presence = "REQUIRED" | "OPTIONAL"

const leaf = (name: string, type: Primitive, presence: Presence): SchemaElement =>
  type === "UTF8"
    ? { name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: presence }
    : { name, type, repetition_type: presence }

const scalar = (name: string, type: Primitive, presence: Presence): ReadonlyArray<SchemaElement> => [
  leaf(name, type, presence),
]

const list = (name: string, type: Primitive, presence: Presence): ReadonlyArray<SchemaElement> => [
  { name, converted_type: "LIST", logical_type: { type: "LIST" }, num_children: 1, repetition_type: presence },
  { name: "list", num_children: 1, repetition_type: "REPEATED" },
  leaf("element", type, "REQUIRED"),
]

const table = (columns: ReadonlyArray<ReadonlyArray<SchemaElement>>): Array<SchemaElement> => [
  { name: "root", num_children: columns.length },
  ...columns.flat(),
]

const requestsSchema = table([
  scalar("id", "INT32", "REQUIRED"),
  scalar("scheduled_seconds", "DOUBLE", "REQUIRED"),
  scalar("sent_seconds", "DOUBLE", "OPTIONAL"),
  scalar("first_token_seconds", "DOUBLE", "OPTIONAL"),
  scalar("last_token_seconds", "DOUBLE", "OPTIONAL"),
  scalar("end_seconds", "DOUBLE", "OPTIONAL"),
  scalar("input_tokens", "INT32", "OPTIONAL"),
  scalar("output_tokens", "INT32", "OPTIONAL"),
  scalar("finish_reason", "UTF8", "OPTIONAL"),
  scalar("error_kind", "UTF8", "OPTIONAL"),
  scalar("error_message", "UTF8", "OPTIONAL"),
  scalar("text", "UTF8", "REQUIRED"),
  list("token_ids", "INT32", "OPTIONAL"),
  list("chunk_seconds", "DOUBLE", "REQUIRED"),
  list("chunk_tokens", "INT32", "REQUIRED"),
])

const powerSchema = table([
  scalar("domain", "UTF8", "REQUIRED"),
  scalar("meter", "UTF8", "REQUIRED"),
  scalar("quality", "UTF8", "REQUIRED"),
  scalar("kind", "UTF8", "REQUIRED"),
  scalar("seconds", "DOUBLE", "REQUIRED"),
  scalar("value", "DOUBLE", "REQUIRED"),
])

const requestColumns = (requests: ReadonlyArray<RequestRecord>): Array<Column> => {
  const column = (name: string, pick: (request: RequestRecord) => unknown): Column => ({
    name,
    data: requests.map(pick),
  })
  return [
    column("id", (request) => request.id),
    column("scheduled_seconds", (request) => request.scheduledSeconds),
    column("sent_seconds", (request) => request.sentSeconds),
    column("first_token_seconds", (request) => request.firstTokenSeconds),
    column("last_token_seconds", (request) => request.lastTokenSeconds),
    column("end_seconds", (request) => request.endSeconds),
    column("input_tokens", (request) => request.inputTokens),
    column("output_tokens", (request) => request.outputTokens),
    column("finish_reason", (request) => request.finishReason),
    column("error_kind", (request) => request.error?.kind ?? null),
    column("error_message", (request) => request.error?.message ?? null),
    column("text", (request) => request.text),
    column("token_ids", (request) => request.tokenIds),
    column("chunk_seconds", (request) => Array.from(request.chunkSeconds)),
    column("chunk_tokens", (request) => Array.from(request.chunkTokens)),
  ]
}

const rowsPerGroup = 10_000
const chunksPerGroup = 200_000

/** Groups of requests, bounded in rows and in list items, so that a long run is written in bounded memory. */
export function* requestGroups(requests: ReadonlyArray<RequestRecord>): Generator<ReadonlyArray<RequestRecord>> {
  let start = 0
  let chunks = 0
  for (const [position, request] of requests.entries()) {
    chunks += request.chunkSeconds.length + (request.tokenIds?.length ?? 0)
    if (position + 1 - start >= rowsPerGroup || chunks >= chunksPerGroup) {
      yield requests.slice(start, position + 1)
      start = position + 1
      chunks = 0
    }
  }
  if (start < requests.length) yield requests.slice(start)
}

const samplesPerGroup = 100_000

function* powerGroups(series: ReadonlyArray<DomainSeries>): Generator<Array<Column>> {
  for (const domain of series) {
    for (let start = 0; start < domain.timesSeconds.length; start += samplesPerGroup) {
      const seconds = domain.timesSeconds.subarray(start, start + samplesPerGroup)
      const same = (name: string, value: string): Column => ({ name, data: new Array(seconds.length).fill(value) })
      yield [
        same("domain", domain.domain),
        same("meter", domain.meter),
        same("quality", domain.quality),
        same("kind", domain.kind),
        { name: "seconds", data: seconds },
        { name: "value", data: domain.values.subarray(start, start + samplesPerGroup) },
      ]
    }
  }
}

function* mapped<A, B>(items: Iterable<A>, change: (item: A) => B): Generator<B> {
  for (const item of items) yield change(item)
}

/** Encodes group by group, so that no more than one group's bytes are in memory. */
const writeTable = (
  path: string,
  schema: Array<SchemaElement>,
  groups: Iterable<Array<Column>>,
  metadata: Readonly<Record<string, string>>,
): Effect.Effect<void, FileError | StoreError> => {
  const encode = (work: () => void) =>
    Effect.try({
      try: work,
      catch: (cause) =>
        new StoreError({
          what: "table",
          path,
          message: `${path} could not be encoded: ${reasonOf(cause)}`,
          fix: "This is a defect of llem: please report it with this message.",
        }),
    })
  return replaceWith(path, (sink) =>
    Effect.gen(function* () {
      const bytes = new ByteWriter()
      const writer = new ParquetWriter({
        writer: bytes,
        schema,
        createdBy: `llem version ${version}`,
        kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      })
      const flush = Effect.suspend(() => sink(bytes.getBytes())).pipe(
        Effect.andThen(
          Effect.sync(() => {
            bytes.index = 0
          }),
        ),
      )
      for (const columnData of groups) {
        yield* encode(() => {
          writer.write({ columnData, rowGroupSize: columnData[0]?.data.length ?? 1 })
        })
        yield* flush
      }
      yield* encode(() => {
        writer.finish()
      })
      yield* flush
    }),
  )
}

/** requests.parquet: one row a request; times in seconds of the monotonic clock, null where the event never came. */
export const writeRequests = (path: string, requests: ReadonlyArray<RequestRecord>) =>
  writeTable(path, requestsSchema, mapped(requestGroups(requests), requestColumns), {
    "llem.schema": "llem.requests/1",
  })

/**
 * power.parquet: one row a sample of a domain, seconds of the monotonic clock; `value` is cumulative joules where
 * `kind` is counter, and watts where it is power. What holds for a whole domain is in the file's metadata.
 */
export const writePower = (path: string, series: ReadonlyArray<DomainSeries>) =>
  writeTable(path, powerSchema, powerGroups(series), {
    "llem.schema": "llem.power/1",
    "llem.domains": JSON.stringify(
      series.map((domain) => ({
        domain: domain.domain,
        meter: domain.meter,
        quality: domain.quality,
        kind: domain.kind,
        resolution: domain.resolution,
        relative_uncertainty: domain.relativeUncertainty,
        nested_in: domain.nestedIn,
        in_total: domain.inTotal,
        lost_at_seconds: domain.lostAtSeconds,
        samples: domain.timesSeconds.length,
        why: domain.why,
      })),
    ),
  })
