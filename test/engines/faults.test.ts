import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { closeSync, ftruncateSync, mkdtempSync, openSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit } from "effect"
import * as Gguf from "../../src/engines/embedded/Gguf.ts"
import * as Shape from "../../src/engines/embedded/SyntheticShape.ts"
import { crashError } from "../../src/executors/EngineCrash.ts"
import { readHeader } from "../../src/platform/ggufFile.ts"
import { commandOf, type RunningServer, startServer, syntheticModel } from "./server.ts"

const run = async (command: ReadonlyArray<string>) => {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe" })
  const lines = (await new Response(child.stderr).text()).split("\n").filter((line) => line !== "")
  await child.exited
  const exit = { code: child.exitCode, signal: child.signalCode === null ? null : String(child.signalCode) }
  return crashError({ engine: "embedded", exit, logTail: lines, logFile: "engine.log", outOfMemory: false })
}

describe("what the host makes of an engine that cannot start", () => {
  test("a taken port is told apart from a crash", async () => {
    const { command, port } = await commandOf(syntheticModel(), 1)
    const taken = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } })
    try {
      expect((await run(command)).reason).toBe("port")
    } finally {
      taken.stop(true)
    }
  })

  test("more sequences than the library has are not taken for lack of memory", async () => {
    const error = await run((await commandOf(syntheticModel(), 300)).command)
    expect(error.reason).toBe("crash")
    expect(error.message).toContain("300 sequences")
  })
})

describe("a damaged header", () => {
  test("with an absurd length is refused without reading its whole file", () => {
    const bytes = Buffer.alloc(64)
    bytes.write("GGUF", 0)
    bytes.writeUInt32LE(3, 4)
    bytes.writeBigUInt64LE(1n, 16)
    bytes.writeBigUInt64LE(1n, 24)
    bytes.write("k", 32)
    bytes.writeUInt32LE(9, 33)
    bytes.writeUInt32LE(4, 37)
    bytes.writeBigUInt64LE(1n << 40n, 41)
    const path = join(mkdtempSync(join(tmpdir(), "llem-model-")), "sparse.gguf")
    const file = openSync(path, "w")
    writeSync(file, bytes)
    ftruncateSync(file, 4_000_000_000)
    closeSync(file)
    let longest = 0
    const read = Effect.runSyncExit(
      Effect.sync(() =>
        readHeader(path, (prefix) => {
          longest = Math.max(longest, prefix.length)
          return Gguf.parse(prefix)
        }),
      ),
    )
    expect(Exit.isFailure(read)).toBe(true)
    expect(longest).toBeLessThanOrEqual(4 * 1024 * 1024)
  })

  test("names that every object answers to are no synthetic models", () => {
    for (const name of ["synthetic:toString", "synthetic:constructor", "synthetic:15m-valueOf"])
      expect(Shape.parse(name)).toBeNull()
  })
})

describe("a running engine", () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startServer(syntheticModel(), 2)
  }, 60_000)
  afterAll(() => server.stop())

  test("refuses an id past 32 bits and what it does not do, and goes on serving", async () => {
    for (const body of [{ prompt: [2 ** 32] }, { prompt: [5], best_of: 2 }, { prompt: [5], suffix: "x" }])
      expect((await server.post({ model: "m", max_tokens: 2, ...body })).status).toBe(400)
    expect((await server.post({ model: "m", prompt: [5], max_tokens: 2, ignore_eos: true })).status).toBe(200)
  })

  test("serves short requests from several clients without losing one", async () => {
    const client = async (first: number) => {
      for (let index = 0; index < 40; index++) {
        const response = await server.post({ model: "m", prompt: [first + index], max_tokens: 1, ignore_eos: true })
        if (JSON.parse(await response.text()).usage.completion_tokens !== 1) throw new Error("not one token")
      }
    }
    await Promise.all([300, 400, 500].map(client))
    expect((await server.props())["active"]).toBe(0)
  })

  test("a fault in native code ends it with its signal", async () => {
    const other = await startServer(syntheticModel(), 1)
    other.process.kill("SIGSEGV")
    await other.process.exited
    expect(String(other.process.signalCode)).toBe("SIGSEGV")
  })
})
