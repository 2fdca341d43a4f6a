import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { binary } from "./env.ts"

/** What one run of the binary did. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** An empty folder with an empty HOME beside it: what a newcomer's machine looks like to the binary. */
export interface Place {
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
}

/** A cache that all tests share, so that models and libraries are unpacked once. */
const sharedCache = join(tmpdir(), "llem-test-cache")

const made = new Set<string>()
process.once("exit", () => {
  for (const root of made) rmSync(root, { recursive: true, force: true })
})

export const place = (environment: Readonly<Record<string, string>> = {}): Place => {
  const root = mkdtempSync(join(tmpdir(), "llem-cli-"))
  made.add(root)
  const directory = join(root, "work")
  mkdirSync(directory)
  mkdirSync(join(root, "home"))
  return {
    directory,
    environment: { PATH: "/usr/bin:/bin", HOME: join(root, "home"), LLEM_CACHE_DIR: sharedCache, ...environment },
  }
}

/** Writes a file of the place and gives its path. */
export const put = (where: Place, name: string, text: string): string => {
  const path = join(where.directory, name)
  writeFileSync(path, text)
  return path
}

/** Starts the compiled binary; the caller waits, signals or kills. */
export const start = (where: Place, args: ReadonlyArray<string>) =>
  Bun.spawn([binary(), ...args], {
    cwd: where.directory,
    env: where.environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })

/** Runs the compiled binary to its end. */
export const llem = async (where: Place, ...args: ReadonlyArray<string>): Promise<Ran> => {
  const child = start(where, args)
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}

/** The one study folder below a results folder. */
export const studyFolder = (where: Place, results = "results"): string => {
  const names = readdirSync(join(where.directory, results))
  if (names.length !== 1) throw new Error(`expected one study, found ${names.join(", ")}`)
  return join(where.directory, results, names[0] ?? "")
}

export const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"))

/** The result documents that a study has so far, by cell folder. */
export const results = (study: string) =>
  Object.fromEntries(
    readdirSync(join(study, "cells"))
      .sort()
      .filter((name) => existsSync(join(study, "cells", name, "result.json")))
      .map((name) => [name, readJson(join(study, "cells", name, "result.json"))]),
  )

/** A mock script that drives the binary without engines; write it with `put` and pass `LLEM_EXECUTOR=mock:<path>`. */
export const mockScript = (script: unknown): string => JSON.stringify(script)
