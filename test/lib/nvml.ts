import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { projectRoot } from "./env.ts"

export interface StandInGpu {
  readonly uuid: string
  readonly name?: string
  readonly totalBytes?: number
  readonly usedBytes?: number
  /** NVML code that asking for the device gives. */
  readonly handleCode?: number
  /** NVML code that asking for its memory gives. */
  readonly memoryCode?: number
  readonly processes?: ReadonlyArray<{ readonly pid: number; readonly usedBytes: number | null }>
}

export interface StandIn {
  readonly gpus?: ReadonlyArray<StandInGpu>
  readonly driverVersion?: string
  /** NVML code that its start gives. */
  readonly initCode?: number
  /** Calls that it lacks. */
  readonly without?: ReadonlyArray<"UUID" | "MEMORY_V2" | "PROCESSES_V3" | "PROCESSES_V2">
}

const compiled = new Map<string, string>()
let work: string | null = null

/** The stand-in library, compiled once per set of calls that it lacks. */
const compile = (without: ReadonlyArray<string>): string => {
  const key = without.join()
  const known = compiled.get(key)
  if (known !== undefined) return known
  if (work === null) {
    const made = mkdtempSync(join(tmpdir(), "llem-nvml-"))
    process.on("exit", () => rmSync(made, { recursive: true, force: true }))
    work = made
  }
  const library = join(work, `nvml-${compiled.size}.so`)
  const source = join(projectRoot, "test/fixtures/nvml.c")
  const flags = without.map((call) => `-DWITHOUT_${call}`)
  const built = Bun.spawnSync(["gcc", "-shared", "-fPIC", "-Wall", "-Werror", ...flags, "-o", library, source, "-ldl"])
  if (built.exitCode !== 0) throw new Error(`The stand-in for NVML does not compile: ${built.stderr.toString()}`)
  compiled.set(key, library)
  return library
}

const notAvailable = "18446744073709551615"
const gibibyte = 2 ** 30

const lines = (what: StandIn): ReadonlyArray<string> => [
  `init ${what.initCode ?? 0}`,
  `driver ${what.driverVersion ?? "580.95.05"}`,
  ...(what.gpus ?? []).flatMap((gpu) => [
    `gpu ${gpu.handleCode ?? 0} ${gpu.memoryCode ?? 0} ${gpu.totalBytes ?? 80 * gibibyte} ${gpu.usedBytes ?? 0} ${gpu.uuid} ${gpu.name ?? "Stand-in GPU"}`,
    ...(gpu.processes ?? []).map(({ pid, usedBytes }) => `process ${pid} ${usedBytes ?? notAvailable}`),
  ]),
]

/** What the stand-in at `library` answers from its next start on. */
export const answers = (library: string, what: StandIn): void =>
  writeFileSync(`${library}.gpus`, `${lines(what).join("\n")}\n`)

let made = 0

/** Puts a stand-in for NVML into a folder and gives its path. */
export const standIn = (folder: string, what: StandIn): string => {
  const library = join(folder, `stand-in-${++made}.so`)
  copyFileSync(compile(what.without ?? []), library)
  answers(library, what)
  return library
}

/** Its starts and shutdowns so far. */
export const lifecycle = (library: string): ReadonlyArray<string> => {
  const log = `${library}.log`
  return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []
}
