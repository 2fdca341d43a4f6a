import { afterAll, expect, test } from "bun:test"
import { place, put } from "../lib/cli.ts"
import { begin, endAll, journal, leftOf, outcomes, studyText, until } from "../lib/dockerRun.ts"
import { quick } from "../lib/env.ts"

afterAll(endAll)

const answers = (): boolean => Bun.spawnSync(["docker", "info"], { stdout: "ignore", stderr: "ignore" }).exitCode === 0

/** Starts the daemon again where no service manager does. */
const revive = async (): Promise<void> => {
  for (let attempt = 0; attempt < 20 && !answers(); attempt++) {
    if (attempt === 4)
      Bun.spawn(["sh", "-c", "setsid dockerd >/dev/null 2>&1 </dev/null &"], { stdin: "ignore", stdout: "ignore" })
    await Bun.sleep(500)
  }
  expect(answers()).toBe(true)
}

test.skipIf(quick)(
  "a daemon that is killed in the window fails its cell; the study goes on when it is back",
  async () => {
    const where = place()
    put(
      where,
      "study.yaml",
      studyText("backend: embedded\nrunner: docker\nsweep: {embedded.batch_size: [1, 2]}\n", { n: 40, output: 128 }),
    )
    const run = begin(where, "run", "study.yaml", "--progress", "none")
    try {
      await until("the window", () => (journal(where).some((event) => event["phase"] === "window") ? true : null))
      Bun.spawnSync(["pkill", "-9", "-x", "dockerd"])
    } finally {
      await revive()
    }
    expect((await run.ended()).code).toBe(1)
    expect(outcomes(where)).toEqual([
      ["failed", "DockerError.daemon"],
      ["completed", null],
    ])
    expect(leftOf(run.pid)).toEqual([])
  },
  120_000,
)
