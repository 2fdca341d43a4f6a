import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Arguments from "../../src/engines/embedded/Arguments.ts"
import * as Synthetic from "../../src/engines/embedded/Synthetic.ts"
import * as Shape from "../../src/engines/embedded/SyntheticShape.ts"
import { freePort } from "../../src/platform/process.ts"
import { projectRoot } from "../lib/env.ts"

/** The folder that the engines of tests unpack their libraries in. */
export const libraries = join(tmpdir(), "llem-test-cache")

/** A small synthetic model on disk. */
export const syntheticModel = (): string => {
  const model = Shape.parse("synthetic:15m")
  if (model === null) throw new Error("no such model")
  const path = join(mkdtempSync(join(tmpdir(), "llem-model-")), "15m.gguf")
  writeFileSync(path, Buffer.concat([...Synthetic.chunks(model)]))
  return path
}

export interface RunningServer {
  readonly url: string
  readonly pid: number
  readonly process: Bun.Subprocess<"pipe", "ignore", "pipe">
  readonly post: (body: unknown) => Promise<Response>
  readonly props: () => Promise<Record<string, number>>
  readonly stop: () => Promise<void>
}

export const commandOf = async (
  modelPath: string,
  slots: number,
  followParent = false,
  over: Partial<Arguments.EngineArguments> = {},
) => {
  const port = await freePort()
  const argv = Arguments.toArgv({
    modelPath,
    slots,
    contextPerSequence: 256,
    prefillChunk: 64,
    prefixCache: false,
    threads: 1,
    mmap: true,
    gpuLayers: 0,
    variantFolder: null,
    followParent,
    ...over,
    servedModel: "m",
    host: "127.0.0.1",
    port: String(port),
    libraries: (over.libraryFolders ?? [libraries]).join(":"),
  })
  return { port, command: [process.execPath, join(projectRoot, "src/main.ts"), ...argv] }
}

/** Mebibytes that a process has in memory. */
export const residentMebibytes = (pid: number): number => {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
  return Number(kibibytes) / 1024
}

/** Starts the engine's server as a process of its own and waits until it is ready. */
export const startServer = async (
  modelPath: string,
  slots = 4,
  over: Partial<Arguments.EngineArguments> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningServer> => {
  const { port, command } = await commandOf(modelPath, slots, false, over)
  const url = `http://127.0.0.1:${port}`
  const child = Bun.spawn(command, {
    env: { ...process.env, ...environment },
    stdin: "pipe",
    stdout: "ignore",
    stderr: "pipe",
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error(await new Response(child.stderr).text())
    const health = await fetch(`${url}/health`).catch(() => null)
    if (health?.status === 200) break
    await Bun.sleep(20)
  }
  return {
    url,
    pid: child.pid,
    process: child,
    post: (body) => fetch(`${url}/v1/completions`, { method: "POST", body: JSON.stringify(body) }),
    props: async () => JSON.parse(await (await fetch(`${url}/props`)).text()),
    stop: async () => {
      child.kill("SIGTERM")
      await child.exited
    },
  }
}
