import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { llem, place, put } from "../lib/cli.ts"
import { projectRoot } from "../lib/env.ts"

const where = place()
const page = async (): Promise<string> => {
  const ran = await llem(where, "man")
  if (ran.code !== 0) throw new Error(ran.stderr)
  return ran.stdout
}

/** The page as a reader sees it, one paragraph a line. */
const read = (roff: string): string =>
  roff
    .replace(/\\f[BIR]/g, "")
    .replace(/\\-/g, "-")
    .replace(/\\\(ti/g, "~")

const sources = readdirSync(join(projectRoot, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.startsWith("report/"))
  .map((name) => readFileSync(join(projectRoot, "src", name), "utf8"))

describe("llem man", () => {
  test("has every command and flag that --help has", async () => {
    const text = read(await page())
    const help = (await llem(where, "--help")).stdout
    const commands = [...help.matchAll(/^ {2}([a-z]+)\b.* {2,}\S/gm)].map((match) => match[1] ?? "")
    expect(commands.length).toBeGreaterThan(8)
    for (const command of commands) {
      expect(text).toContain(`.SS llem ${command}`)
      const flags = (await llem(where, command, "--help")).stdout.match(/--[a-z][a-z-]+/g) ?? []
      for (const flag of flags) expect(text).toContain(flag)
    }
  })

  test("has the exit codes, and every variable of llem's that the sources read", async () => {
    const text = read(await page())
    for (const code of ["0", "1", "2", "70", "129, 130, 143"]) expect(text).toContain(`.TP\n${code}\n`)
    const names = new Set(sources.flatMap((source) => source.match(/\bLLEM_[A-Z]+(_[A-Z]+)*/g) ?? []))
    expect(names.size).toBeGreaterThan(5)
    for (const name of names) expect(text).toContain(name)
  })

  test("is the same every time", async () => {
    expect(await page()).toBe(await page())
  })

  test.skipIf(Bun.which("man") === null)("man has nothing to say against it", async () => {
    const file = put(where, "llem.1", await page())
    const ran = Bun.spawnSync(["man", "--warnings", "-l", file], { env: { ...process.env, MANPAGER: "cat" } })
    expect(ran.stderr.toString()).toBe("")
    expect(ran.stdout.toString()).toContain("EXIT STATUS")
  })

  test.skipIf(Bun.which("mandoc") === null)("nor has mandoc, but that it has no date", async () => {
    const file = put(where, "llem.1", await page())
    const lines = Bun.spawnSync(["mandoc", "-Tlint", file]).stdout.toString().trim().split("\n")
    expect(lines.filter((line) => line !== "" && !line.includes("missing date"))).toEqual([])
  })
})
