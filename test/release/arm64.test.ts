import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { llem, mockScript, place, put, readJson, studyFolder } from "../lib/cli.ts"
import { emulated, quick, released } from "../lib/env.ts"

const folder = mkdtempSync(join(tmpdir(), "llem-arm64-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const limit = 120_000

/** Runs the arm64 binary on an emulated processor to its end. */
const onArm = async (args: ReadonlyArray<string>, where = place()) => {
  const child = Bun.spawn([...emulated(released("llem-linux-arm64")), ...args], {
    cwd: where.directory,
    env: where.environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, stdout, stderr }
}

describe.skipIf(quick)("the binary for arm64", () => {
  test(
    "starts, and prints what the one for x64 prints",
    async () => {
      for (const args of [["--version"], ["schema", "study"], ["man"], ["licenses", "--json", "--full"]]) {
        const arm = await onArm(args)
        expect(arm.stderr).toBe("")
        expect(arm).toEqual(await llem(place(), ...args))
      }
    },
    limit,
  )

  test(
    "runs a study to its end",
    async () => {
      const where = place()
      const mock = put(where, "mock.json", mockScript({ default: { seconds: 0, outcome: "completed" } }))
      put(
        where,
        "study.yaml",
        "model: synthetic:15m\nsweep: { embedded.batch_size: [1, 2] }\nexecution: { n_cycles: 2 }\n",
      )
      const environment = { ...where.environment, LLEM_EXECUTOR: `mock:${mock}` }
      const ran = await onArm(["run", "study.yaml"], { ...where, environment })
      expect(ran.stderr).toContain("4 completed")
      expect(ran.code).toBe(0)
      expect(readJson(join(studyFolder(where), "manifest.json")).status).toBe("completed")
    },
    limit,
  )

  // The engine is started by hand: an emulated process cannot start another program for its processor (exit code 127),
  // unless the kernel was told of the emulator.
  test(
    "its engine loads a model and generates from it, with the libraries for this processor",
    async () => {
      const where = place()
      const cache = join(folder, "cache")
      const libraries = join(folder, "libraries")
      mkdirSync(libraries)
      const sizes = ["--set", "dataset.input_len=8", "--set", "dataset.output_len=2", "-n", "1"]
      const quickly = ["warmup.enabled=false", "baseline.enabled=false"].flatMap((one) => ["--set", one])
      const made = await llem(
        { ...where, environment: { ...where.environment, LLEM_CACHE_DIR: cache } },
        ...["run", "-m", "synthetic:15m-q4_0", ...sizes, ...quickly],
      )
      expect(made.stderr).toContain("1 completed")
      const socket = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
      const { port } = socket
      socket.stop(true)
      const engine = Bun.spawn(
        [
          ...emulated(released("llem-linux-arm64")),
          "__engine",
          `--model=${join(cache, "models/synthetic-15m-q4_0.gguf")}`,
          "--served-model=m",
          "--host=127.0.0.1",
          `--port=${port}`,
          ...["--slots=1", "--context=64", "--prefill-chunk=32", "--threads=1", `--libraries=${libraries}`],
        ],
        { env: where.environment, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
      )
      try {
        const log: Array<string> = []
        for await (const chunk of engine.stderr.pipeThrough(new TextDecoderStream())) {
          log.push(chunk)
          if (log.join("").includes("ready,")) break
        }
        expect(log.join("")).toContain("NEON = 1")
        const answer = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ model: "m", prompt: "hello there", max_tokens: 4, temperature: 0 }),
        })
        const said = await answer.json()
        expect(said).toMatchObject({ usage: { completion_tokens: 4 }, choices: [{ finish_reason: "length" }] })
        expect(readdirSync(libraries).map((name) => name.slice(0, 19))).toEqual(["engine-linux-arm64-"])
      } finally {
        engine.kill("SIGKILL")
        await engine.exited
      }
    },
    limit,
  )
})
