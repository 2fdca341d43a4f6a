import { describe, expect, test } from "bun:test"
import { chmodSync, chownSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { llem, place, put, type Ran, start } from "../lib/cli.ts"
import { leftOf, studyText } from "../lib/dockerRun.ts"
import { binary } from "../lib/env.ts"

const contained = studyText("backend: embedded\nrunner: docker")

/** The findings of a plan by their codes. */
const codes = (planned: Ran): ReadonlyArray<string> =>
  JSON.parse(planned.stdout).preflight.findings.map((finding: { code: string }) => finding.code)

/** A socket whose owner was killed: the file stays. */
const deserted = join(mkdtempSync(join(tmpdir(), "llem-socket-")), "docker.sock")
const desert = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`
Bun.spawnSync([process.execPath, "-e", desert, deserted])

/** One error is two lines: what was found, and what to do. */
describe("a daemon that cannot be used is one error before anything runs", () => {
  for (const [name, environment, code, said, fix] of [
    [
      "DOCKER_HOST names a socket that is not there",
      { DOCKER_HOST: "unix:///nowhere" },
      "docker_unavailable",
      "there is no Docker socket at /nowhere (DOCKER_HOST)",
      "correct DOCKER_HOST",
    ],
    [
      "the daemon was killed and left its socket",
      { DOCKER_HOST: `unix://${deserted}` },
      "docker_unavailable",
      `the daemon at ${deserted} (DOCKER_HOST) does not answer`,
      "sudo systemctl start docker",
    ],
    [
      "DOCKER_HOST names a port that nobody listens on",
      { DOCKER_HOST: "tcp://127.0.0.1:1" },
      "docker_unavailable",
      "127.0.0.1:1 (DOCKER_HOST)",
      "correct DOCKER_HOST",
    ],
    ["DOCKER_HOST is no address", { DOCKER_HOST: "nonsense" }, "docker_unavailable", "nonsense", "correct DOCKER_HOST"],
    [
      "llem itself runs in a container",
      { LLEM_CONTAINER: "1" },
      "nested_container",
      "llem itself runs inside a container",
      "Run llem on the node itself",
    ],
  ] as const)
    test(name, async () => {
      const where = place(environment)
      put(where, "study.yaml", contained)
      for (const args of [["study.yaml"], ["-m", "synthetic:15m", "-b", "embedded", "--runner", "docker"]]) {
        const child = start(where, ["run", ...args])
        const stderr = await new Response(child.stderr).text()
        expect(await child.exited).toBe(1)
        expect(stderr.trim().split("\n")).toHaveLength(2)
        expect(stderr).toContain(said)
        expect(stderr).toContain(fix)
        expect(stderr).not.toMatch(/\n\s+at /)
        expect(leftOf(child.pid)).toEqual([])
      }
      expect(existsSync(join(where.directory, "results"))).toBe(false)
      expect(codes(await llem(where, "plan", "study.yaml", "--json"))).toEqual([code])
    }, 60_000)

  test("this user may not talk to it", async () => {
    const where = place()
    const cache = join(dirname(where.directory), "cache")
    put(where, "study.yaml", contained)
    for (const path of [dirname(where.directory), where.directory, where.environment["HOME"] ?? ""])
      chownSync(path, 65534, 65534)
    // The checkout may lie where others may not look.
    const own = join(where.directory, "llem")
    copyFileSync(binary(), own)
    chmodSync(own, 0o755)
    const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    const run = (...args: ReadonlyArray<string>) => {
      const ran = Bun.spawnSync([...as, own, ...args], {
        cwd: where.directory,
        env: { ...where.environment, LLEM_CACHE_DIR: cache },
      })
      return { code: ran.exitCode, stdout: ran.stdout.toString(), stderr: ran.stderr.toString() }
    }
    const refused = run("run", "study.yaml")
    expect(refused.code).toBe(1)
    expect(refused.stderr.trim().split("\n")).toHaveLength(2)
    expect(refused.stderr).toContain("this user may not use the Docker socket")
    expect(refused.stderr).toContain("usermod -aG docker")
    expect(codes(run("plan", "study.yaml", "--json"))).toEqual(["docker_permission"])
    // What the message offers instead works for that user.
    expect(run("run", "study.yaml", "--runner", "local", "--progress", "none")).toMatchObject({ code: 0 })
    rmSync(own)
  }, 60_000)
})
