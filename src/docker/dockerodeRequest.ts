import type Dockerode from "dockerode"
import { Effect } from "effect"
import { DockerError } from "../domain/Failure.ts"
import { fieldOf, reasonOf } from "../domain/Unknown.ts"
import * as Streams from "../platform/dockerStreams.ts"
import { FileProblem, stoppable } from "../platform/wholeFile.ts"
import { type Doing, dockerError, silent } from "./Refusal.ts"

/** Seconds that requests may take before the daemon counts as silent. */
export const limits = { short: 10, work: 120, transfer: 1800 } as const

const statusOf = (cause: unknown): number | null => {
  const status = fieldOf(cause, "statusCode")
  return typeof status === "number" ? status : null
}

const messageOf = (cause: unknown): string => {
  const inBody = fieldOf(fieldOf(cause, "json"), "message")
  if (typeof inBody === "string") return inBody
  const text = reasonOf(cause)
  // The client's own words stand before the daemon's where the answer came as a stream.
  const said = text.replace(/^\(HTTP code \d+\)[^-]*- /, "").trim()
  const whole = /^\{.*\}$/.test(said) ? parsed(said) : null
  const message = fieldOf(whole, "message")
  return typeof message === "string" ? message : said
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** What went wrong in a request as the typed error: the daemon's answer, a connection's end, or a file of this node. */
export const refused =
  (doing: Doing, image: string | null) =>
  (cause: unknown): DockerError => {
    if (cause instanceof FileProblem)
      return new DockerError({
        reason: "image",
        message: cause.message,
        fix: "Name another file, or make room and give this user the right to it.",
        details: { doing, image },
      })
    const status = statusOf(cause)
    const code = fieldOf(cause, "code")
    return dockerError({
      doing,
      status,
      code: status === null && typeof code === "string" ? code : null,
      message: messageOf(cause),
      image,
    })
  }

const within =
  (doing: Doing, seconds: number, image: string | null) =>
  <A>(effect: Effect.Effect<A, DockerError>): Effect.Effect<A, DockerError> =>
    Effect.timeoutOrElse(effect, {
      duration: `${seconds} seconds`,
      orElse: () => Effect.fail(silent(doing, seconds, image)),
    })

/** A request that the daemon has to answer in time. */
export const request = <A>(
  doing: Doing,
  seconds: number,
  run: (signal: AbortSignal) => Promise<A>,
  image: string | null = null,
): Effect.Effect<A, DockerError> =>
  Effect.tryPromise({ try: run, catch: refused(doing, image) }).pipe(within(doing, seconds, image))

/** A request that works on a file of this node: an interrupt waits until that is left as it should be. */
export const transfer = <A>(
  doing: Doing,
  run: (signal: AbortSignal) => Promise<A>,
  image: string | null,
): Effect.Effect<A, DockerError> =>
  stoppable(run).pipe(Effect.mapError(refused(doing, image)), within(doing, limits.transfer, image))

/** Passes where the daemon says that the thing is not there, or is in that state already. */
export const unless =
  (statuses: ReadonlyArray<number>) =>
  <A>(effect: Effect.Effect<A, DockerError>): Effect.Effect<void, DockerError> =>
    effect.pipe(
      Effect.asVoid,
      Effect.catchIf(
        ({ details }) => typeof details["status"] === "number" && statuses.includes(details["status"]),
        () => Effect.void,
      ),
    )

/** A request as the client sends it. A path ends in a question mark or an ampersand, which the client cuts off. */
interface Dialled {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly body?: object
  readonly file?: NodeJS.ReadableStream
  readonly signal?: AbortSignal | undefined
}

const dial = (docker: Dockerode, { method, path, body, file, signal }: Dialled, isStream: boolean): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const options = {
      path,
      method,
      isStream,
      statusCodes: {
        200: true,
        201: true,
        400: "bad parameter",
        404: "not found",
        409: "conflict",
        500: "server error",
      },
      ...(body === undefined ? {} : { options: body }),
      ...(file === undefined ? {} : { file }),
      ...(signal === undefined ? {} : { abortSignal: signal }),
    }
    docker.modem.dial(options, (error: unknown, answer: unknown) =>
      error === null || error === undefined ? resolve(answer) : reject(error),
    )
  })

/** An answer as JSON. */
export const ask = (docker: Dockerode, dialled: Dialled): Promise<unknown> => dial(docker, dialled, false)

/** An answer as a stream, once its head has come. */
export const stream = async (docker: Dockerode, dialled: Dialled): Promise<NodeJS.ReadableStream> => {
  const answer = await dial(docker, dialled, true)
  if (Streams.isReadable(answer)) return answer
  throw new Error("the daemon's answer is no stream")
}
