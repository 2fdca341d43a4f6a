import { mkdtempSync, openSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Effect } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { RequestRecord, WorkloadRequest } from "../../src/domain/Request.ts"
import type { Engine } from "../../src/engines/Engine.ts"
import { engine as embedded } from "../../src/engines/embedded/engine.ts"
import { engine as llamacpp } from "../../src/engines/llamacpp/engine.ts"
import * as Http from "../../src/platform/http.ts"
import { freePort } from "../../src/platform/process.ts"
import { LoadClient } from "../../src/workload/LoadClient.ts"
import * as SocketClient from "../../src/workload/socketClient.ts"
import { launchOf } from "../../test/lib/launch.ts"
import { experiment } from "../../test/store/samples.ts"

const root = resolve(import.meta.dir, "../..")

/** A small real model. */
export const realModel = join(root, ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf")

/** How both servers are started: the same file, threads, sequences and room for each of them. */
export interface Shape {
  readonly model: string
  readonly slots: number
  readonly context: number
  readonly threads: number
}

/** A server that answers, and a way to send it a workload with so many requests in flight. */
export interface Server {
  readonly name: string
  readonly pid: number
  readonly send: (
    requests: ReadonlyArray<WorkloadRequest>,
    concurrency: number,
  ) => Promise<ReadonlyArray<RequestRecord>>
  readonly stop: () => Promise<void>
}

const work = mkdtempSync(join(tmpdir(), "llem-servers-"))

/** Starts a server that speaks as an engine of this project does, and waits until it answers. */
export const start = async (engine: Engine, command: ReadonlyArray<string>, port: number): Promise<Server> => {
  const log = openSync(join(work, `${engine.backend}-${port}.log`), "w")
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: log, stderr: log })
  const url = `http://127.0.0.1:${port}/health`
  while ((await Http.ask("GET", url, 1000))?.status !== 200) {
    if (child.exitCode !== null) throw new Error(`${engine.backend} ended; its log is in ${work}`)
    await Bun.sleep(50)
  }
  const asked: Experiment = experiment({ backend: engine.backend })
  const launched = launchOf({ servedModel: "m" })
  return {
    name: engine.backend,
    pid: child.pid,
    send: (requests, concurrency) =>
      Effect.runPromise(
        LoadClient.use((client) =>
          client.run({
            endpoint: { kind: "tcp", host: "127.0.0.1", port },
            schedule: { kind: "closed", concurrency },
            requests,
            encode: (request) => engine.encode(asked, launched, request),
            silenceSeconds: 300,
          }),
        ).pipe(
          Effect.map((record) => {
            const failed = record.requests.find(({ error }) => error !== null)
            if (failed !== undefined) throw new Error(`${engine.backend}: ${failed.error?.message}`)
            return record.requests
          }),
          Effect.provide(SocketClient.layer),
        ),
      ),
    stop: async () => {
      child.kill("SIGTERM")
      await child.exited
    },
  }
}

/** llem's embedded engine, from the compiled binary. */
export const ours = async ({ model, slots, context, threads }: Shape): Promise<Server> => {
  const port = await freePort()
  const command = [
    ...[join(root, "dist/llem"), "__engine", `--model=${model}`, "--served-model=m", "--host=127.0.0.1"],
    ...[`--port=${port}`, `--slots=${slots}`, `--context=${context}`, "--prefill-chunk=512", `--threads=${threads}`],
    `--libraries=${join(work, "libraries")}`,
  ]
  return start(embedded, command, port)
}

/** llama.cpp's own server. */
export const theirs = async ({ model, slots, context, threads }: Shape): Promise<Server> => {
  const port = await freePort()
  const command = [
    ...[join(root, ".cache/llama-server/llama-server"), "--model", model, "--alias", "m", "--port", String(port)],
    ...["--parallel", String(slots), "--ctx-size", String(slots * context), "--threads", String(threads)],
    ...["--no-cache-prompt", "--cache-ram", "0", "--ctx-checkpoints", "0", "--offline", "--no-ui"],
  ]
  return start(llamacpp, command, port)
}
