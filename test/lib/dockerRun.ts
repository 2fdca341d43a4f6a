import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Place, readJson, results, start, studyFolder } from "./cli.ts"
import { docker } from "./docker.ts"

/** Polls until there is something to see; the limit only ends a test that cannot pass any more. */
export const until = async <A>(what: string, look: () => A | null, seconds = 30): Promise<A> => {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const found = look()
    if (found !== null) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`)
    await Bun.sleep(10)
  }
}

/** The whole lines that the one study of a place has in its journal by now. */
export const journal = (where: Place): ReadonlyArray<Record<string, unknown>> => {
  const base = join(where.directory, "results")
  if (!existsSync(base) || readdirSync(base).length === 0) return []
  const path = join(studyFolder(where), "journal.ndjson")
  if (!existsSync(path)) return []
  const text = readFileSync(path, "utf8")
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n")
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line))
}

const labelOfOwner = '{{.ID}} {{.Label "io.llem.owner"}}'

const ownedBy = (pid: number, listing: string): ReadonlyArray<string> =>
  listing.split("\n").flatMap((line) => {
    const [id = "", owner = ""] = line.split(" ")
    return owner.startsWith(`${pid}:`) ? [id] : []
  })

/** Containers of one llem process, running or not. */
export const containersOf = (pid: number): ReadonlyArray<string> =>
  ownedBy(pid, docker("ps", "-a", "--no-trunc", "--filter", "label=io.llem.owner", "--format", labelOfOwner))

export const networksOf = (pid: number): ReadonlyArray<string> =>
  ownedBy(pid, docker("network", "ls", "--no-trunc", "--filter", "label=io.llem.owner", "--format", labelOfOwner))

/** Everything in Docker that carries a process's label. */
export const leftOf = (pid: number): ReadonlyArray<string> => [...containersOf(pid), ...networksOf(pid)]

const started: Array<{ kill: (signal: NodeJS.Signals) => void }> = []

/** Ends what a test that failed may have left running. */
export const endAll = (): void => {
  for (const child of started.splice(0)) child.kill("SIGKILL")
}

/** Starts the binary and tells about it while it runs. */
export const begin = (where: Place, ...args: ReadonlyArray<string>) => {
  const child = start(where, args)
  started.push(child)
  const texts = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return {
    pid: child.pid,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Waits until a cell is in a phase. */
    phase: (phase: string, index = 1) =>
      until(`cell ${index} in ${phase}`, () => {
        const seen = journal(where).find((event) => event["phase"] === phase && event["index"] === index)
        if (seen === undefined && child.exitCode !== null) throw new Error(`llem ended before ${phase}`)
        return seen ?? null
      }),
    /** The one container that it has. */
    container: () => until("a container", () => containersOf(child.pid)[0] ?? null),
    ended: async () => {
      const [[stdout, stderr], code] = [await texts, await child.exited]
      return { code, stdout, stderr }
    },
  }
}

/** Status and error of each entry of the one study's manifest. */
export const outcomes = (where: Place): ReadonlyArray<readonly [string, string | null]> =>
  readJson(join(studyFolder(where), "manifest.json")).entries.map(
    ({ status, error_type }: { status: string; error_type: string | null }) => [status, error_type] as const,
  )

/** The result documents of the one study, in the order of their cells' folders. */
export const resultsOf = (where: Place) => Object.values(results(studyFolder(where)))

/** A study file of short cells; more is added to it at the end. */
export const studyText = (more: string, { n = 2, output = 16, warmup = 1, execution = "" } = {}): string => `
name: contained
model: synthetic:15m
dataset: { n: ${n}, input_len: 16, output_len: ${output}, seed: 42 }
execution: { n_cycles: 1, cycle_order: sequential, experiment_gap_seconds: 0${execution} }
warmup: { n_warmup: ${warmup}, thermal_floor_seconds: 0 }
baseline: { enabled: false }
${more}
`
