import { randomBytes } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import type { OwnerIdentity } from "../domain/Owner.ts"

const read = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch {
    return null
  }
}

/** Field 22 of /proc/<pid>/stat; null when there is no such process, or only its exit code is still there. */
const startTicks = (pid: number): string | null => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === null) return null
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return /[ZXx]/.test(state) ? null : (fields[18] ?? null)
}

/** Whether a process may still be there that /proc does not show: it hides other users' where it was told to. */
const isHidden = (pid: number): boolean => {
  if (read(`/proc/${pid}/stat`) !== null) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return !(cause instanceof Error && "code" in cause && cause.code === "ESRCH")
  }
}

const namespace = (): string => {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "unknown"
  } catch {
    return "unknown"
  }
}

/** This node's boot. */
export const bootId = (): string => read("/proc/sys/kernel/random/boot_id") ?? "unknown"

/** This machine, whatever its boot: its id, with its name, since copies of a disk have the same id. */
const machine = (): string => {
  const id = read("/etc/machine-id")
  return id === null || id === "" ? "unknown" : `${id}.${hostname().replaceAll(":", "_")}`
}

/** Who this process is. */
export const self = (): OwnerIdentity => ({
  pid: process.pid,
  startTicks: startTicks(process.pid) ?? "unknown",
  bootId: bootId(),
  namespace: namespace(),
  machine: machine(),
})

/** Whether the process that an identity names is provably gone; false whenever that cannot be known from here. */
export const isGone = (owner: OwnerIdentity): boolean => {
  const here = { bootId: bootId(), namespace: namespace() }
  if ([here.bootId, owner.bootId].includes("unknown")) return false
  if (owner.bootId !== here.bootId) return owner.machine !== "unknown" && owner.machine === machine()
  if ([here.namespace, owner.startTicks].includes("unknown") || owner.namespace !== here.namespace) return false
  return startTicks(owner.pid) !== owner.startTicks && !isHidden(owner.pid)
}

/** Whether a process of this node is in a container's control group: no process of another node can be. */
export const inContainer = (pid: number, containerId: string): boolean =>
  pid > 0 && (read(`/proc/${pid}/cgroup`)?.includes(containerId) ?? false)

/** A name that no other process has, of eight characters. */
export const randomName = (): string => randomBytes(4).toString("hex")
