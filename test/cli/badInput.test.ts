import { describe, expect, test } from "bun:test"
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { syntheticModel } from "../engines/server.ts"
import { llem, place, put, readJson, results, studyFolder } from "../lib/cli.ts"
import { fuzzed } from "./fuzz.ts"

const refused = async (text: string | Uint8Array) => {
  const where = place()
  writeFileSync(join(where.directory, "study.yaml"), text)
  const ran = await llem(where, "run", "study.yaml")
  expect(ran.stdout).toBe("")
  expect(ran.code).toBe(2)
  return ran.stderr
}

describe("a study file that is wrong is refused with its place", () => {
  test("each problem of the file at once, with the source line and a caret", async () => {
    const said = await refused("model: x.gguf\nprecison: bf16\nwarmup:\n  n_warmup: zero\n  cv_treshold: 0.1\n")
    expect(said).toContain("Config validation failed (3 errors):")
    expect(said).toContain(
      "study.yaml:2:1: precison: Unknown field 'precison' - did you mean 'precision'?\n    2 | precison: bf16\n        ^",
    )
    expect(said).toContain("study.yaml:4:13: warmup -> n_warmup: ")
    expect(said).toContain("    4 |   n_warmup: zero\n                    ^")
    expect(said).toContain(
      "study.yaml:5:3: warmup -> cv_treshold: Unknown field 'cv_treshold' - did you mean 'cv_threshold'?",
    )
  })

  test("YAML that is none, and YAML that is a trap", async () => {
    expect(await refused("model: [a\n")).toContain("study.yaml:2:1")
    expect(await refused("model: a\nmodel: b\n")).toContain("study.yaml:2:1: this key stands twice")
    expect(await refused("model:\n\tgguf: a\n")).toContain("study.yaml:2:1: Tabs are not allowed")
    expect(await refused("")).toContain("the file is empty")
    expect(await refused("# nothing\n")).toContain("a configuration is a mapping")
    expect(await refused("- a\n")).toContain("a configuration is a mapping")
    expect(await refused(Uint8Array.from([...Buffer.from("model: a\nn: "), 0xff, 0xfe]))).toContain(
      "study.yaml:2:4: the file is not UTF-8",
    )
    const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    for (let level = 1; level < 10; level++)
      bomb.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(",")}]`,
      )
    expect(await refused(bomb.join("\n"))).toContain("its aliases unfold into too many values")
    expect(await refused("model: &m [*m]\n")).toContain("contains itself")
  })

  test("a file that is too big, a directory, a missing one", async () => {
    expect(await refused("x".repeat(50_000_000))).toContain("50000000 bytes")
    const where = place()
    mkdirSync(join(where.directory, "folder"))
    const directory = await llem(where, "run", "folder")
    expect([directory.code, directory.stderr.includes("it is a directory")]).toEqual([2, true])
    expect((await llem(where, "plan", "/dev/zero")).stderr).toContain("it is not a regular file")
    const missing = await llem(where, "run", "nothing.yaml")
    expect([missing.code, missing.stderr.includes("Config file not found: nothing.yaml")]).toEqual([2, true])
  })

  test("anchors and merges keep their places", async () => {
    const text = "model: m.gguf\ndefaults: &d\n  n_warmpu: 3\nwarmup: *d\n"
    const said = await refused(text)
    expect(said).toContain("study.yaml:3:3: warmup -> n_warmpu")
    expect(said).toContain("study.yaml:2:1: defaults: Unknown field 'defaults'")
  })

  test("a base: loops, symbolic links that lead away, and files that are not there", async () => {
    const where = place()
    put(where, "a.yaml", "base: b.yaml\nmodel: m.gguf\n")
    put(where, "b.yaml", "base: a.yaml\n")
    const loop = await llem(where, "run", "a.yaml")
    expect([loop.code, loop.stderr.includes("b.yaml:1:7: base: base leads back to")]).toEqual([2, true])
    writeFileSync(join(where.directory, "../secret.yaml"), "n: 5\n")
    symlinkSync("../secret.yaml", join(where.directory, "link.yaml"))
    put(where, "c.yaml", "base: link.yaml\nmodel: m.gguf\n")
    const escape = await llem(where, "run", "c.yaml")
    expect([escape.code, escape.stderr.includes("leads out of the study's folder")]).toEqual([2, true])
    put(where, "d.yaml", "model: m.gguf\nbase: gone.yaml\n")
    const gone = await llem(where, "run", "d.yaml")
    expect([gone.code, gone.stderr.includes("d.yaml:2:7: base: the base file")]).toEqual([2, true])
  })

  test("flags: misspelt, wrong-typed, out of range, swept", async () => {
    const where = place()
    put(where, "study.yaml", "model: synthetic:15m\nsweep: { embedded.batch_size: [1, 2] }\n")
    for (const flags of [
      ["--batch-size", "4"],
      ["-n", "many"],
      ["-n", "0"],
      ["--set", "warmup.n_warmpu=3"],
      ["--set", "nonsense"],
      ["--order", "random"],
      ["--no-such-flag"],
    ]) {
      const ran = await llem(where, "run", "study.yaml", ...flags)
      expect([flags.join(" "), ran.code, ran.stdout]).toEqual([flags.join(" "), 2, ""])
      expect(ran.stderr.length).toBeGreaterThan(10)
    }
    expect((await llem(where, "run", "study.yaml", "--batch-size", "4")).stderr).toContain(
      "embedded.batch_size is swept",
    )
  })
})

describe("200 damaged files", () => {
  test("no stack trace, no exit code outside the contract", async () => {
    const where = place({ LLEM_EXECUTOR: "mock:mock.json" })
    put(where, "mock.json", "{}")
    put(where, "other.yaml", "n: 3\n")
    for (let number = 0; number < 200; number += 4) {
      await Promise.all(
        [0, 1, 2, 3].map(async (offset) => {
          const text = fuzzed(number + offset)
          const file = `f${number + offset}.yaml`
          put(where, file, text)
          const ran = await llem(where, "plan", file, "--json")
          if (![0, 2].includes(ran.code) || /\n\s+at .*\d+:\d+/.test(ran.stderr))
            throw new Error(`file ${number + offset}, exit code ${ran.code}:\n${text}\n${ran.stderr}`)
          if (ran.code === 0) JSON.parse(ran.stdout)
          else expect(ran.stderr).toStartWith("Config validation failed")
        }),
      )
    }
  }, 120_000)
})

describe("a model that cannot be used is a failed cell that says why", () => {
  const failure = async (prepare: (directory: string) => string) => {
    const where = place()
    const model = prepare(where.directory)
    const ran = await llem(
      where,
      "run",
      "-m",
      model,
      "-b",
      "embedded",
      "-n",
      "1",
      "--set",
      "warmup.enabled=false",
      "--set",
      "baseline.enabled=false",
    )
    const [result] = Object.values(results(studyFolder(where)))
    expect(ran.code).toBe(1)
    expect(result.status).toBe("failed")
    expect(result.verdict.valid).toBe(false)
    expect(result.error.fix.length).toBeGreaterThan(10)
    const manifest = readJson(join(studyFolder(where), "manifest.json"))
    expect(manifest.entries[0].error_type).toBe(result.error.type)
    return [result.error.type, result.error.message]
  }

  test("missing, a folder, no GGUF, truncated", async () => {
    expect(await failure(() => "gone.gguf")).toEqual(["EngineError.model", expect.stringContaining("there is no file")])
    expect(
      await failure((directory) => {
        mkdirSync(join(directory, "folder.gguf"))
        return "folder.gguf"
      }),
    ).toEqual(["EngineError.model", expect.stringContaining("is not a file")])
    expect(
      await failure((directory) => {
        writeFileSync(join(directory, "x.gguf"), "hello, this is no model")
        return "x.gguf"
      }),
    ).toEqual(["EngineError.model", expect.stringContaining("GGUF signature")])
    expect(
      await failure(() => {
        const path = syntheticModel()
        truncateSync(path, 5_000_000)
        return path
      }),
    ).toEqual(["EngineError.model", expect.stringContaining("it is truncated")])
  })

  test("a synthetic model of no known size is refused before anything runs", async () => {
    const where = place()
    const ran = await llem(where, "run", "-m", "synthetic:7b", "-n", "1")
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain("synthetic:7b")
  })
})
