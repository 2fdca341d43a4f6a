import { describe, expect, test } from "bun:test"
import { folderName, quoted, runScript } from "../../src/cli/bundleScript.ts"
import type { RunnerSpec } from "../../src/domain/RunnerSpec.ts"

const runner = (over: Partial<RunnerSpec>): RunnerSpec => ({ mode: "local", image: null, source: "yaml", ...over })
const lines = (...elsewhere: Parameters<typeof runScript>[1]) =>
  runScript("study.yaml", elsewhere)
    .split("\n")
    .filter((line) => line.includes("LLEM_") && !line.startsWith("export"))

/** What a shell makes of a script's variables, with others set before. */
const inShell = (script: string, print: string, env: Readonly<Record<string, string>> = {}): string =>
  Bun.spawnSync(
    [
      "sh",
      "-c",
      `${script
        .split("\n")
        .filter((line) => line.includes("LLEM_"))
        .join("\n")}\necho "${print}"`,
    ],
    {
      env: { PATH: "/usr/bin:/bin", ...env },
    },
  )
    .stdout.toString()
    .trim()

describe("the script of a bundle", () => {
  test("says nothing of what the study file decided", () => {
    expect(lines({ backend: "embedded", runner: runner({ source: "yaml" }), image: undefined })).toEqual([])
    expect(lines({ backend: "vllm", runner: runner({ source: "multi_engine_elevation" }), image: undefined })).toEqual(
      [],
    )
  })

  test("says again what a flag, the environment or the user config decided", () => {
    for (const source of ["flag", "env", "user_config"] as const) {
      const script = runScript("s.yaml", [
        { backend: "embedded", runner: runner({ mode: "docker", source }), image: undefined },
      ])
      expect(inShell(script, "$LLEM_RUNNER_EMBEDDED $LLEM_IMAGE_EMBEDDED")).toBe("docker")
    }
    const own = runner({ mode: "docker", image: "acme/llama:1", source: "env" })
    const script = runScript("s.yaml", [{ backend: "llamacpp", runner: own, image: "acme/llama:1" }])
    expect(inShell(script, "$LLEM_RUNNER_LLAMACPP $LLEM_IMAGE_LLAMACPP")).toBe("docker:acme/llama:1 acme/llama:1")
  })

  test("gives way to the other node's environment, and a shell reads every value as it is", () => {
    const script = runScript("s.yaml", [{ backend: "vllm", runner: runner({}), image: 'a$HOME`b`"c\\d' }])
    expect(inShell(script, "$LLEM_IMAGE_VLLM")).toBe('a$HOME`b`"c\\d')
    expect(inShell(script, "$LLEM_IMAGE_VLLM", { LLEM_IMAGE_VLLM: "mine" })).toBe("mine")
  })

  test("lies in a folder below, whatever the study is called", () => {
    expect(["night run", "a/b", "../../evil", "..", ".", "...", "日本", "-x", "", "?"].map(folderName)).toEqual([
      "night-run",
      "a-b",
      "evil",
      "study",
      "study",
      "study",
      "日本",
      "x",
      "study",
      "study",
    ])
  })

  test("names the study as one word", () => {
    expect(quoted("study.yaml")).toBe("study.yaml")
    expect(quoted("it's here.yaml")).toBe("'it'\\''s here.yaml'")
    expect(runScript("my study.yaml", [])).toContain("./llem run './my study.yaml' $offline")
  })
})
