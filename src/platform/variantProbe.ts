import { Option, Schema } from "effect"
import { type EmbeddedVariant, VariantReport } from "../domain/EmbeddedVariant.ts"
import { reasonOf } from "../domain/Unknown.ts"
import { inheritedEnvironment } from "./process.ts"
import { locate } from "./variantFolder.ts"

/** How variants are probed. */
export interface VariantProbe {
  /** The command that starts this program. */
  readonly command: ReadonlyArray<string>
  readonly limitMillis: number
}

/** Begins the line with the answer: drivers print to the same place. */
export const answerMark = "llem-engine-variant: "

/** Characters that are kept of what a child prints. */
const keptCharacters = 64 * 1024

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(VariantReport))

/** How long a child that was killed may take to be gone, and what it left behind may hold its output open. */
const killedMillis = 2000

/** The end of what a stream has brought so far; `done` once nothing more will come. */
const tail = (stream: ReadableStream<Uint8Array>) => {
  const decoder = new TextDecoder()
  const kept = { text: "" }
  const read = async (): Promise<void> => {
    for await (const chunk of stream)
      kept.text = (kept.text + decoder.decode(chunk, { stream: true })).slice(-keptCharacters)
  }
  return { kept, done: read() }
}

const lastLine = (text: string): string | undefined => text.trim().split("\n").at(-1)?.trim()

const answerIn = (text: string): VariantReport | null => {
  const line = text.split("\n").findLast((one) => one.startsWith(answerMark))
  return line === undefined ? null : Option.getOrNull(decode(line.slice(answerMark.length)))
}

const unusable = (reason: string): VariantReport => ({
  kind: null,
  version: null,
  usable: false,
  reason,
  devices: [],
  memoryBytes: null,
})

/** Asks a child of our own about a folder; what it has started ends with it. */
const ask = async (folder: string, { command, limitMillis }: VariantProbe): Promise<VariantReport> => {
  const child = Bun.spawn([...command, "__probe-engine", folder], {
    env: {
      ...inheritedEnvironment((name) => !name.startsWith("LLAMA_ARG_")),
      GGML_NO_BACKTRACE: "1",
      BUN_ENABLE_CRASH_REPORTING: "0",
    },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  })
  const output = tail(child.stdout)
  const errors = tail(child.stderr)
  let late = false
  const endGroup = (): void => {
    try {
      process.kill(-child.pid, "SIGKILL")
    } catch {
      // Nothing of it is left.
    }
  }
  const limit = setTimeout(() => {
    late = true
    endGroup()
  }, limitMillis)
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<void>()
  const last = [setTimeout(giveUp, limitMillis + killedMillis)]
  const ended = child.exited.then(() => {
    endGroup()
    last.push(setTimeout(giveUp, killedMillis))
  })
  await Promise.race([Promise.all([output.done, errors.done, ended]), givenUp])
  for (const timer of [limit, ...last]) clearTimeout(timer)
  child.unref()
  const answer = answerIn(output.kept.text)
  if (answer !== null) return answer
  if (late) return unusable(`loading it did not end within ${limitMillis / 1000} s`)
  if (child.signalCode !== null) return unusable(`loading it ended the process with ${child.signalCode}`)
  return unusable(
    `loading it ended the process with code ${child.exitCode}: ${lastLine(errors.kept.text) || "it said nothing"}`,
  )
}

/**
 * What loading the variant in a folder shows. A folder that others can write to, or that holds none, is not loaded;
 * whatever loading does to its process, the answer is a value.
 */
export const probe = async (folder: string, how: VariantProbe): Promise<EmbeddedVariant> => {
  try {
    const { kind, version, mismatch } = locate(folder)
    if (mismatch !== null) return { folder, ...unusable(mismatch), kind, version }
    const report = await ask(folder, how)
    return { folder, ...report, kind: report.kind ?? kind, version: report.version ?? version }
  } catch (cause) {
    return { folder, ...unusable(reasonOf(cause)) }
  }
}
