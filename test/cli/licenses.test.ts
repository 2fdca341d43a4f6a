import { describe, expect, test } from "bun:test"
import { natives } from "../../scripts/release/natives.ts"
import { bundled } from "../../scripts/release/packages.ts"
import { llem, place } from "../lib/cli.ts"

interface Entry {
  readonly name: string
  readonly version: string | null
  readonly license: string
  readonly text?: string
}

const entries = async (...flags: ReadonlyArray<string>): Promise<ReadonlyArray<Entry>> => {
  const ran = await llem(place(), "licenses", "--json", ...flags)
  if (ran.code !== 0) throw new Error(ran.stderr)
  const document = JSON.parse(ran.stdout)
  expect(document.schema).toBe("llem.licenses/1")
  return document.components
}

const spdx = /^[A-Za-z0-9.-]+( (AND|OR) [A-Za-z0-9.-]+)*$/

describe("llem licenses", () => {
  test("every package of the bundle, Bun and the engine stand there with the text they came with", async () => {
    const said = new Map((await entries("--full")).map((one) => [`${one.name}@${one.version}`, one]))
    const inside = [...(await bundled()), ...natives()]
    expect(inside.length).toBeGreaterThan(40)
    for (const { name, version, license, text } of inside) {
      expect(said.get(`${name}@${version}`)).toEqual({ name, version, license, text })
      expect(text.length).toBeGreaterThan(300)
    }
    expect(said.size).toBe(inside.length + 1)
  })

  test("what llem leans on most is among them, each under a licence of SPDX", async () => {
    const all = await entries()
    expect(all[0]?.name).toBe("llem")
    const names = all.map(({ name }) => name)
    for (const name of ["effect", "dockerode", "bun", "JavaScriptCore", "llama.cpp and ggml", "node-llama-cpp", "yaml"])
      expect(names).toContain(name)
    expect(all.filter(({ license }) => !spdx.test(license))).toEqual([])
    expect(all.filter(({ text }) => text !== undefined)).toEqual([])
  })

  test("people get a table, and with --full the texts, each once", async () => {
    const short = await llem(place(), "licenses")
    expect(short.stdout).toMatch(/^effect +\d+\.\d+\.\d+ +MIT$/m)
    expect(short.stdout).not.toContain("Permission is hereby granted")
    const full = await llem(place(), "licenses", "--full")
    expect(full.stdout).toContain("Bun statically links JavaScriptCore")
    expect(full.stdout.match(/Version 2, June 1991/g)).toHaveLength(1)
    expect(full.stdout).toContain("Copyright (c) 2023-2026 The ggml authors")
  })
})
