import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { clockTicksPerSecond, monotonicSeconds } from "../../src/platform/libc.ts"
import { listedChildren, openProcessTrees, scannedChildren } from "../../src/platform/procfs.ts"

/** Uses this much CPU time, however long that takes, then ends. */
const spin = (cpuSeconds: number) =>
  `'${process.execPath}' -e 'const u = () => { const c = process.cpuUsage(); return c.user + c.system }; while (u() < ${cpuSeconds * 1e6}) {}'`

const shell = (script: string) => Bun.spawn(["sh", "-c", script], { stdin: "pipe" })

/** Reads the tree until the condition holds; every reading must be at least the one before. */
const readUntil = async (
  trees: ReturnType<typeof openProcessTrees>,
  holds: (cpuSeconds: number) => boolean | Promise<boolean>,
): Promise<number> => {
  let before = 0
  for (;;) {
    const done = await holds(before)
    const now = trees.read() / clockTicksPerSecond()
    expect(now).toBeGreaterThanOrEqual(before)
    before = now
    if (done) return now
    await Bun.sleep(5)
  }
}

/** CPU seconds of a tree from its start to after its end. */
const wholeTree = async (script: string): Promise<number> => {
  const root = shell(script)
  const trees = openProcessTrees(monotonicSeconds)
  try {
    trees.watch([root.pid])
    return await readUntil(trees, () => root.exitCode !== null)
  } finally {
    trees.close()
  }
}

describe("CPU time of process trees", () => {
  test("two busy children use twice the CPU seconds of one, also after they ended", async () => {
    const one = await wholeTree(`${spin(0.6)} & wait`)
    const two = await wholeTree(`${spin(0.6)} & ${spin(0.6)} & wait`)
    expect(one).toBeGreaterThan(0.55)
    expect(one).toBeLessThan(0.75)
    expect(two / one).toBeGreaterThan(1.8)
    expect(two / one).toBeLessThan(2.2)
  }, 30_000)

  test("a grandchild whose parent ended before it is still counted, until it ends and after", async () => {
    // The process in the middle ends when it is told to, which is when its child has been seen.
    const middle = `if (!fork) { exec "sh", "-c", $ARGV[0] } sysread STDIN, $byte, 1; exit`
    const another = `if (!fork) { exec "sh", "-c", $ARGV[0] } wait`
    const root = Bun.spawn(
      [
        "perl",
        "-e",
        `if (!fork) { ${middle} } wait; sysread STDIN, $byte, 1; ${another}; sleep 100`,
        "--",
        `exec ${spin(0.8)}`,
      ],
      { stdin: "pipe" },
    )
    const trees = openProcessTrees(monotonicSeconds)
    const children = () => listedChildren(root.pid) ?? []
    try {
      trees.watch([root.pid])
      await readUntil(trees, (cpuSeconds) => cpuSeconds > 0.3)
      const [grandchild] = children().flatMap((pid) => listedChildren(pid) ?? [])
      root.stdin.write("x")
      root.stdin.flush()
      await readUntil(trees, () => children().length === 0)
      const whole = await readUntil(trees, () => !existsSync(`/proc/${grandchild}`))
      expect(whole).toBeGreaterThan(0.7)
      expect(whole).toBeLessThan(1.1)
      // What the tree uses after that comes on top.
      root.stdin.write("x")
      root.stdin.flush()
      expect(await readUntil(trees, (cpuSeconds) => cpuSeconds > whole + 0.7)).toBeLessThan(2)
    } finally {
      trees.close()
      root.kill()
      await root.exited
    }
  }, 30_000)

  test("the time of children that nobody waits for is kept when they are gone", async () => {
    // A parent that ignores SIGCHLD never gets its children's times.
    const child = `if (!fork) { exec "sh", "-c", $ARGV[0] } wait`
    const root = Bun.spawn(
      [
        "perl",
        "-e",
        `$SIG{CHLD} = "IGNORE"; ${child}; ${child}; print "ended"; close STDOUT; sleep 100`,
        "--",
        `exec ${spin(0.6)}`,
      ],
      { stdout: "pipe" },
    )
    let ended = false
    const told = root.stdout.text().then(() => (ended = true))
    const trees = openProcessTrees(monotonicSeconds)
    try {
      trees.watch([root.pid])
      const after = await readUntil(trees, () => ended)
      await told
      expect(after).toBeGreaterThan(1.05)
      expect(after).toBeLessThan(1.5)
    } finally {
      trees.close()
      root.kill()
      await root.exited
    }
  }, 30_000)

  test("before there is a process to watch there is no value, rather than 0", () => {
    const trees = openProcessTrees(monotonicSeconds)
    expect(trees.read()).toBeNaN()
    trees.watch([2 ** 22 + 1])
    expect(trees.read()).toBeNaN()
    trees.close()
  })

  test("a process counts from when it is watched, and stays counted when others are watched instead", async () => {
    const first = shell(`exec ${spin(30)}`)
    const second = shell("exec sleep 100")
    const trees = openProcessTrees(monotonicSeconds)
    try {
      const early = openProcessTrees(monotonicSeconds)
      early.watch([first.pid])
      await readUntil(early, (cpuSeconds) => cpuSeconds > 0.3)
      trees.watch([first.pid])
      expect(trees.read() / clockTicksPerSecond()).toBeLessThan(0.2)
      await readUntil(trees, (cpuSeconds) => cpuSeconds > 0.3)
      trees.watch([second.pid])
      const frozen = trees.read()
      expect(frozen / clockTicksPerSecond()).toBeGreaterThan(0.3)
      const used = early.read()
      await readUntil(early, (cpuSeconds) => cpuSeconds > used / clockTicksPerSecond() + 0.2)
      expect(trees.read() - frozen).toBeLessThanOrEqual(2)
      early.close()
    } finally {
      trees.close()
      first.kill()
      second.kill()
      await Promise.all([first.exited, second.exited])
    }
  })

  test("children are found by the kernel's lists and by looking at every process alike", async () => {
    const root = shell("sleep 100 & sleep 100 & wait")
    try {
      let listed: ReadonlyArray<number> = []
      while (listed.length < 2) {
        listed = listedChildren(root.pid) ?? []
        await Bun.sleep(1)
      }
      expect([...(scannedChildren().get(root.pid) ?? [])].sort()).toEqual([...listed].sort())
    } finally {
      for (const pid of listedChildren(root.pid) ?? []) process.kill(pid)
      await root.exited
    }
  })
})
