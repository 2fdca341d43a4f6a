import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import Dockerode from "dockerode"
import { Effect, Layer } from "effect"
import * as NodeDocker from "../../src/docker/nodeDocker.ts"
import * as NodeImages from "../../src/docker/nodeImages.ts"
import { embeddedImage } from "../../src/domain/OwnImage.ts"
import * as Containers from "../../src/executors/docker.ts"
import { EngineHost } from "../../src/executors/EngineHost.ts"
import { awaitReady } from "../../src/harness/Readiness.ts"
import * as Http from "../../src/platform/http.ts"
import { contextOf, launchOf } from "../../test/lib/launch.ts"
import { median, report } from "./_report.ts"

/**
 * A container from create to ready to removed, against `docker run --rm` of the same image and command, in pairs that
 * take turns in going first. "Ready" is the engine's own answer on /health in both.
 */
const pairs = Number(process.argv[2] ?? 20)
const binary = resolve(import.meta.dir, "../../dist/llem")
const work = mkdtempSync(join(tmpdir(), "llem-container-"))
const cacheDirectories = [join(work, "cache")]
const model = process.argv[3] ?? resolve(import.meta.dir, "../../.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf")

const argv = [
  "__engine",
  `--model=${model}`,
  "--served-model=m",
  "--slots=1",
  "--context=256",
  "--prefill-chunk=256",
  "--threads=1",
  "--libraries=/llem/engine",
]
const launch = launchOf({
  argv: [...argv, "--host={host}", "--port={port}", "--follow-parent"],
  env: { GGML_NO_BACKTRACE: "1" },
  mounts: [{ hostPath: model, readOnly: true }],
})
const context = contextOf(work, { runner: { mode: "docker", image: embeddedImage, source: "flag" } })

const ours = Effect.scoped(
  Effect.gen(function* () {
    const host = yield* EngineHost
    const handle = yield* host.launch(launch, context)
    yield* awaitReady(handle, launch, 60)
  }),
)

const api = new Dockerode()

/**
 * The same by the docker command, gone when it returns. It is looked at, asked and stopped by the same means and as
 * often as llem does, so that only its own way is timed.
 */
const theirs = async (): Promise<void> => {
  const name = `llem-bench-${process.pid}`
  const child = Bun.spawn(
    [
      ...["docker", "run", "--rm", "--init", "--name", name, "--read-only", "--tmpfs", "/tmp:rw,exec"],
      ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--log-driver", "none"],
      ...["-v", `${model}:${model}:ro`, embeddedImage, "/llem/llem", ...argv, "--host=0.0.0.0", "--port=8000"],
    ],
    { stdout: "ignore", stderr: "ignore" },
  )
  const container = api.getContainer(name)
  let address = ""
  for (let pause = 20; ; pause = Math.min(500, pause * 1.5)) {
    if (address === "")
      address = await container.inspect().then(
        ({ NetworkSettings }) => Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "",
        () => "",
      )
    const answer = address === "" ? null : await Http.ask("GET", `http://${address}:8000/health`, 5000)
    if (answer?.status === 200) break
    await Bun.sleep(pause)
  }
  await container.kill({ signal: "SIGTERM" })
  await child.exited
}

const images = NodeImages.layer({
  binary,
  cacheDirectories,
  offline: true,
  login: () => Effect.succeed({ auth: null, reason: null }),
})
const layer = Containers.layer({ binary, cacheDirectories, secrets: () => undefined, graceSeconds: 5 }).pipe(
  Layer.provide(images.pipe(Layer.provideMerge(NodeDocker.layer(process.env)))),
)

const timed = Effect.fnUntraced(function* <E, R>(effect: Effect.Effect<void, E, R>) {
  const before = performance.now()
  yield* effect
  return performance.now() - before
})

const measured = await Effect.runPromise(
  Effect.gen(function* () {
    writeFileSync(join(work, "engine.log"), "")
    yield* ours
    yield* Effect.promise(theirs)
    const figures: Array<{ ours: number; theirs: number }> = []
    for (let pair = 0; pair < pairs; pair++) {
      const first = pair % 2 === 0 ? yield* timed(ours) : 0
      const peer = yield* timed(Effect.promise(theirs))
      const second = pair % 2 === 0 ? 0 : yield* timed(ours)
      figures.push({ ours: first + second, theirs: peer })
    }
    return figures
  }).pipe(Effect.provide(layer)),
)
rmSync(work, { recursive: true, force: true })
const mine = median(measured.map((one) => one.ours))
const peer = median(measured.map((one) => one.theirs))
console.log(`${pairs} pairs: llem ${mine.toFixed(0)} ms, docker run ${peer.toFixed(0)} ms`)
report([
  { figure: "create to removed", value: median(measured.map((one) => one.ours / one.theirs)), goal: 1.1, unit: "x" },
])
