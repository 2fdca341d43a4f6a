import { describe, expect, test } from "bun:test"
import { Result, Runtime } from "effect"
import type { Finding } from "../../src/domain/Notice.ts"
import type { Resolution } from "../../src/domain/RunnerSpec.ts"
import * as Judge from "../../src/preflight/Judge.ts"
import { everyMode, facts, localResolution, without } from "../runner/samples.ts"

const judge = (resolution: Resolution, over: Partial<Judge.JudgeInput> = {}) =>
  Judge.judge({ resolution, facts: facts(), executors: everyMode, ...over })

const blocking: Finding = { code: "docker_unavailable", message: "No Docker.", fix: "Install it.", blocking: true }

describe("judgement", () => {
  test("a node that has everything has nothing to say", () => {
    expect(judge(localResolution("vllm", "embedded"))).toEqual({ notices: [], findings: [], unavailable: {} })
  })

  test("a missing local engine is one error notice on one line, and no finding", () => {
    const { notices, findings, unavailable } = judge(localResolution("vllm", "embedded"), { facts: without("vllm") })
    expect(findings).toEqual([])
    expect(unavailable).toEqual({ vllm: "vllm cannot run here: it was not found on PATH" })
    expect(notices).toEqual([
      {
        code: "backend_unavailable",
        severity: "error",
        message: "vllm cannot run here: it was not found on PATH. Its cells are skipped.",
      },
    ])
  })

  test("an engine that runs in a container, or on another node, need not be on this one", () => {
    for (const mode of ["docker", "slurm"] as const) {
      const runners = { vllm: { mode, image: "vllm:1", source: "env" } } as const
      expect(judge({ ...localResolution(), runners }, { facts: without("vllm") }).unavailable).toEqual({})
    }
  })

  test("a missing engine without a reason has one all the same, after what the resolution had to say", () => {
    const known = facts()
    const engines = { ...known.engines, vllm: { available: false, reason: null } }
    const said = { code: "runner_auto", severity: "warning", message: "It was chosen." } as const
    const { notices, unavailable } = judge(
      { ...localResolution("vllm"), notices: [said] },
      { facts: { ...known, engines } },
    )
    expect(unavailable).toEqual({ vllm: "vllm cannot run here: its engine was not found" })
    expect(notices.map(({ code }) => code)).toEqual(["runner_auto", "backend_unavailable"])
  })

  test("a backend whose runner is not decided is not called missing", () => {
    const resolution: Resolution = { ...localResolution("vllm"), undecided: ["vllm"], findings: [blocking] }
    expect(judge(resolution, { facts: without("vllm") })).toEqual({
      notices: [],
      findings: [blocking],
      unavailable: {},
    })
  })

  test("a runner that this build cannot use blocks, in words of its own", () => {
    const docker = { mode: "docker", image: null, source: "yaml" } as const
    const runners = { vllm: docker, pytorch: docker, embedded: { mode: "local", image: null, source: "yaml" } } as const
    const { findings } = judge({ ...localResolution(), runners }, { executors: ["local"] })
    expect(findings).toHaveLength(1)
    expect(findings[0]).toMatchObject({ code: "runner_unsupported", blocking: true })
    expect(findings[0]?.message).toBe(
      "pytorch, vllm would run in Docker, but this build of llem runs engines only as local processes.",
    )
    expect(findings[0]?.fix).toBe("Ask for a runner that it has (--runner local).")
    const slurm = { vllm: { mode: "slurm", image: null, source: "yaml" } } as const
    const both = judge({ ...localResolution(), runners: slurm }, { executors: ["local", "docker"] }).findings
    expect(both[0]?.message).toContain("vllm would run through Slurm")
    expect(both[0]?.message).toContain("only as local processes and in Docker.")
    expect(both[0]?.fix).toContain("--runner local or docker")
  })

  test("TensorRT without a GPU is said, and does not block", () => {
    expect(judge(localResolution("tensorrt")).findings).toMatchObject([{ code: "gpu_required", blocking: false }])
    const runners = { tensorrt: { mode: "slurm", image: null, source: "yaml" } } as const
    expect(judge({ ...localResolution(), runners }).findings).toEqual([])
    const gpus = [{ uuid: "GPU-a", name: "H100" }]
    expect(judge(localResolution("tensorrt"), { facts: facts({ gpus }) }).findings).toEqual([])
  })

  test("ready fails with every blocking finding and exit code 1", () => {
    const other = { ...blocking, code: "nested_container", message: "Inside a container." }
    const verdict = Judge.ready([blocking, { ...blocking, code: "gpu_required", blocking: false }, other])
    const error = Result.isFailure(verdict) ? verdict.failure : null
    expect(error?.findings.map((one) => one.code)).toEqual(["docker_unavailable", "nested_container"])
    expect(error?.message).toBe("No Docker.\n  Install it.\nInside a container.\n  Install it.")
    expect(error?.[Runtime.errorExitCode]).toBe(1)
    expect(Result.isSuccess(Judge.ready([{ ...blocking, blocking: false }]))).toBe(true)
  })
})
