import { afterAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import type { OwnerIdentity } from "../../src/domain/Owner.ts"
import * as Owner from "../../src/platform/owner.ts"
import { live } from "../lib/effect.ts"

const self = Owner.self()
const started: Array<{ kill: (signal: "SIGKILL") => void }> = []
afterAll(() => {
  for (const child of started) child.kill("SIGKILL")
})

const field = (pid: number, index: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[index] ?? ""
}

/** The identity that a process of this namespace would give itself. */
const identity = (pid: number): OwnerIdentity => ({ ...self, pid, startTicks: field(pid, 19) })

const sleeper = () => {
  const child = Bun.spawn(["sleep", "600"])
  started.push(child)
  return child
}

describe("an owner", () => {
  test("is this process itself, and never gone", () => {
    expect(self.pid).toBe(process.pid)
    expect(self.startTicks).toBe(field(process.pid, 19))
    expect(self.bootId).toMatch(/^[0-9a-f-]{36}$/)
    expect(self.namespace).toMatch(/^\d+$/)
    expect(Owner.isGone(self)).toBe(false)
    expect(Owner.self()).toEqual(self)
  })

  test("that runs is not gone; once it has ended and was waited for, it is", async () => {
    const child = sleeper()
    const owner = identity(child.pid)
    expect(Owner.isGone(owner)).toBe(false)
    child.kill("SIGKILL")
    await child.exited
    expect(Owner.isGone(owner)).toBe(true)
  })

  test("whose pid another process has by now is gone", () => {
    const owner = identity(sleeper().pid)
    expect(Owner.isGone({ ...owner, startTicks: String(Number(owner.startTicks) - 1) })).toBe(true)
    expect(Owner.isGone({ ...self, startTicks: "1" })).toBe(true)
  })

  live("that ended but was not waited for is gone, too", () =>
    Effect.gen(function* () {
      const child = Bun.spawn(["sh", "-c", "sleep 600 & echo $!; exec sleep 600"], { stdin: "pipe", stdout: "pipe" })
      started.push(child)
      const { value } = yield* Effect.promise(() => child.stdout.getReader().read())
      const pid = Number(Buffer.from(value ?? new Uint8Array()).toString())
      const owner = identity(pid)
      process.kill(pid, "SIGKILL")
      yield* Effect.suspend(() => (field(pid, 0) === "Z" ? Effect.void : Effect.fail("runs" as const))).pipe(
        Effect.retry({ while: () => true }),
        Effect.timeout("20 seconds"),
      )
      expect(Owner.isGone(owner)).toBe(true)
    }),
  )

  test("of another boot is gone", () => {
    const before = { ...self, bootId: "00000000-0000-0000-0000-000000000000", machine: "0123.node1" }
    expect(Owner.isGone(before)).toBe(false)
    expect(Owner.isGone({ ...before, machine: "unknown" })).toBe(false)
    // A machine without an id cannot tell its own earlier boots from another machine's.
    expect(Owner.isGone({ ...before, machine: self.machine })).toBe(self.machine !== "unknown")
  })

  test("of another process namespace is never judged, though no such process is here", () => {
    expect(Owner.isGone({ ...self, namespace: "1" })).toBe(false)
    expect(Owner.isGone({ ...self, namespace: "1", startTicks: "1", pid: 4_194_303 })).toBe(false)
  })

  test("that could not say who it is is never judged", () => {
    for (const unknown of ["bootId", "namespace", "startTicks"])
      expect(Owner.isGone({ ...self, [unknown]: "unknown" })).toBe(false)
  })

  test("that is a whole group or no pid at all is never judged", () => {
    expect(Owner.isGone({ ...self, pid: 0 })).toBe(false)
    expect(Owner.isGone({ ...self, pid: 2 ** 40 })).toBe(false)
  })
})

test("a process is in a container only when its control group says so", () => {
  const id = "f".repeat(64)
  expect(Owner.inContainer(process.pid, id)).toBe(false)
  expect(Owner.inContainer(0, id)).toBe(false)
  expect(Owner.inContainer(4_194_303, id)).toBe(false)
})

test("random names do not come twice", () => {
  const names = Array.from({ length: 100 }, Owner.randomName)
  expect(new Set(names).size).toBe(100)
  expect(names.every((name) => /^[0-9a-f]{8}$/.test(name))).toBe(true)
})
