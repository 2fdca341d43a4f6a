import { describe, expect, test } from "bun:test"
import { type ContainerEnd, crashError, signalOf } from "../../src/docker/Crash.ts"
import type { ContainerState } from "../../src/docker/Docker.ts"
import type { DockerError } from "../../src/domain/Failure.ts"
import { ended } from "../lib/containers.ts"

const state = (over: Partial<ContainerState> = {}): ContainerState => ended({ exitCode: 1, ...over })

const end = (over: Partial<ContainerEnd> = {}): ContainerEnd => ({
  engine: "vllm",
  image: "acme/vllm:0.11",
  state: state(),
  exitCode: 1,
  logTail: [],
  logFile: "results/cell/engine.log",
  memoryBytes: null,
  ...over,
})

describe("a container that ended by itself", () => {
  test("was out of memory when the daemon says so, with whatever exit code", () => {
    for (const exitCode of [0, 1, 3, 137]) {
      const error = crashError(end({ exitCode, state: state({ oomKilled: true }), logTail: ["bye"] }))
      expect(error.reason).toBe("oom")
      expect(error.message).toContain(`(exit code ${exitCode})`)
      expect(error.fix).toBe("Reduce the batch size or the context, or use a smaller model.")
      expect(error.details["oom_killed"]).toBe(true)
    }
    const limited = crashError(end({ state: state({ oomKilled: true }), memoryBytes: 1 << 30 }))
    expect(limited.fix).toContain("raise execution.container.memory")
    const told = crashError(end({ logTail: ["CUDA out of memory"], memoryBytes: 1 << 30 }))
    expect(told.fix).toContain("raise execution.container.memory")
  })

  test("was out of memory by the daemon's word, whatever else its log complains of", () => {
    const logTail = ["Failed to initialize NVML", "Address already in use"]
    expect(crashError(end({ state: state({ oomKilled: true }), logTail })).reason).toBe("oom")
  })

  test("without a word in its log has its exit code, and everything about it in the details", () => {
    const error = crashError(end({ exitCode: 3 }))
    expect(error.message).toBe("The vllm container ended with exit code 3")
    expect(error.details).toEqual({
      image: "acme/vllm:0.11",
      exit_code: 3,
      signal: null,
      oom_killed: false,
      daemon_error: null,
      log_tail: [],
      log_file: "results/cell/engine.log",
    })
  })

  test("137 without the daemon's word for memory was killed from outside", () => {
    const error = crashError(end({ exitCode: 137 }))
    expect(error.reason).toBe("crash")
    expect(error.message).toBe("The vllm container was killed from outside (SIGKILL, exit code 137)")
    expect(error.fix).toContain("docker kill")
    expect(error.details).toMatchObject({ exit_code: 137, signal: "SIGKILL", oom_killed: false })
  })

  test("127 and 126 are an image without the program", () => {
    for (const exitCode of [126, 127]) {
      const error = crashError(end({ exitCode, logTail: ["sh: vllm: not found"] }))
      expect(error.reason).toBe("crash")
      expect(error.message).toContain("The image acme/vllm:0.11 has no program that starts the vllm engine")
      expect(error.message).toEndWith(": sh: vllm: not found")
      expect(error.fix).toContain("images: {vllm: IMAGE}")
    }
  })

  const said: ReadonlyArray<readonly [string, DockerError["reason"], string]> = [
    ["RuntimeError: Failed to initialize NVML: Driver/library version mismatch", "gpu", "nvidia-smi"],
    ["nvidia-container-cli: initialization error: nvml error: driver not loaded", "gpu", "nvidia-smi"],
    ["RuntimeError: No GPUs available", "gpu", "nvidia-smi"],
    ["nvidia-container-cli: mount error: cannot allocate memory", "gpu", "nvidia-smi"],
    ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "oom", "batch size"],
    ["terminate called after throwing an instance of 'std::bad_alloc'", "oom", "batch size"],
    ["OSError: [Errno 98] Address already in use", "port", "images:"],
    ["ValueError: unknown quantization", "crash", "results/cell/engine.log"],
  ]
  for (const [line, reason, paste] of said)
    test(`"${line}" in its log: ${reason}`, () => {
      const error = crashError(end({ logTail: ["Loading weights", line] }))
      expect(error.reason).toBe(reason)
      expect(error.message).toContain(line)
      expect(error.fix).toContain(paste)
      expect(error.details["log_tail"]).toEqual(["Loading weights", line])
    })

  test("by a signal names it, and its log", () => {
    const error = crashError(end({ exitCode: 139, logTail: ["last words  "] }))
    expect(error.message).toBe("The vllm container was ended by SIGSEGV (exit code 139): last words")
    expect(error.fix).toContain("results/cell/engine.log")
  })

  test("when the daemon could not be asked says so, and does not guess about memory", () => {
    const error = crashError(end({ state: null, exitCode: 137 }))
    expect(error.reason).toBe("crash")
    expect(error.message).toContain("killed from outside")
    expect(error.details).toMatchObject({ oom_killed: null, daemon_error: null })
  })

  test("the daemon's own word of a failed start is kept", () => {
    expect(crashError(end({ state: state({ error: "no such device" }) })).details["daemon_error"]).toBe(
      "no such device",
    )
  })
})

test("an exit code stands for a signal only above 128", () => {
  expect([0, 1, 127, 128].map(signalOf)).toEqual([null, null, null, null])
  expect([129, 134, 143, 150].map(signalOf)).toEqual(["SIGHUP", "SIGABRT", "SIGTERM", "signal 22"])
  expect([159, 160, 192].map(signalOf)).toEqual(["signal 31", null, null])
})
