import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import * as Base from "../../src/config/Base.ts"
import { decode, documentOf, expand, problems, told } from "./reading.ts"

const judged = (facts: Partial<Base.BaseFacts>) =>
  told(
    Base.judge({
      document: documentOf("model: m\nbase: shared.yaml\n"),
      written: "shared.yaml",
      path: "/s/shared.yaml",
      realPath: "/s/shared.yaml",
      folder: "/s",
      realFolder: "/s",
      chain: ["/s/study.yaml"],
      ...facts,
    }),
  )

describe("which base may be used", () => {
  test("a file of the same folder, one below it, and one that is openly written as elsewhere", () => {
    expect(judged({})).toEqual([])
    expect(judged({ path: "/s/a/b.yaml", realPath: "/s/a/b.yaml" })).toEqual([])
    expect(judged({ written: "../b.yaml", path: "/b.yaml", realPath: "/b.yaml" })).toEqual([])
    expect(judged({ written: "/etc/b.yaml", path: "/etc/b.yaml", realPath: "/etc/b.yaml" })).toEqual([])
  })

  test("a folder that is itself reached through a link is no escape", () => {
    expect(judged({ realPath: "/real/shared.yaml", realFolder: "/real" })).toEqual([])
  })

  test("a link that leads out of the folder is refused, also into one whose name begins alike", () => {
    for (const realPath of ["/secret/shared.yaml", "/s2/shared.yaml"])
      expect(judged({ realPath })).toEqual([
        `study.yaml:2:7 base base leads out of the study's folder through a symbolic link, to ${realPath}`,
      ])
  })

  test("a base that leads back to the file itself, or to one before it", () => {
    expect(judged({ realPath: "/s/study.yaml", chain: ["/s/study.yaml"] })[0]).toContain("a loop")
    expect(judged({ realPath: "/s/study.yaml", chain: ["/s/study.yaml", "/s/other.yaml"] })[0]).toContain("a loop")
  })

  test("what is written, and the failure that it cannot be read", () => {
    expect(Base.written(documentOf("base: b.yaml\n"))).toBe("b.yaml")
    for (const text of ["model: m\n", "base:\n", "base: [b]\n", 'base: ""\n'])
      expect(Base.written(documentOf(text))).toBeNull()
    const failure = Base.unreadable(documentOf("n: 1\nbase: b.yaml\n"), "/s/b.yaml", "there is no such file")
    expect(told(Result.fail(failure))).toEqual([
      "study.yaml:2:7 base the base file /s/b.yaml cannot be read: there is no such file",
    ])
  })
})

describe("what a base gives", () => {
  test("whole fields, under those of the study; not its own study", () => {
    const base = [
      "name: other",
      "model: m",
      "n: 5",
      "decoder: {top_k: 3}",
      "execution: {n_cycles: 9}",
      "runner: docker",
      "sweep: {n: [1]}",
      "experiments: [{n: 2}]",
      "output_dir: there",
    ].join("\n")
    const spec = Result.getOrThrow(decode("base: base.yaml\ndecoder: {top_p: 0.5}\n", { base }))
    expect(spec).toMatchObject({
      name: "study",
      kind: "experiment",
      execution: { cycles: 1 },
      runners: { all: null },
      resultsDirectory: "there",
    })
    expect(spec.material.fixed).toEqual({ model: "m", n: 5, decoder: { top_p: 0.5 } })
  })

  test("null in the study takes a field of the base away", () => {
    const spec = Result.getOrThrow(decode("base: base.yaml\nn:\n", { base: "model: m\nn: 5\n" }))
    expect(spec.material.fixed).toEqual({ model: "m" })
  })

  test("a wrong field is placed in the file that it comes from", () => {
    const base = "model: m\nprecison: bf16\nn: 0\n"
    expect(told(decode("base: base.yaml\nwarmup: {n_warmup: 0}\n", { base }))).toEqual([
      "study.yaml:2:20 warmup.n_warmup should be at least 1",
      "base.yaml:2:1 precison Unknown field 'precison' - did you mean 'precision'?",
      "base.yaml:3:4 n should be at least 1",
    ])
  })

  test("a combination that is invalid for a field of the base points into the base", () => {
    const base = "model: m\nload:\n  n: 4\n"
    const result = expand("base: base.yaml\nsweep: {n: [5, 6]}\n", { base })
    expect(problems(result)).toMatchObject([
      { file: "study.yaml", line: 2, column: 13, path: "n" },
      { file: "study.yaml", line: 2, column: 16, path: "n" },
    ])
    const fixed = expand("base: base.yaml\nsweep: {random_seed: [1, 2]}\n", { base: "model: m\nn: 3\nload:\n  n: 4\n" })
    expect(problems(fixed)).toMatchObject([{ file: "base.yaml", line: 2, column: 4, path: "n" }])
    expect(problems(fixed)[0]?.message).toEndWith("(in 2 of 2 combinations, none of which is valid)")
  })
})
