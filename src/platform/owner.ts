import { randomBytes } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import type { OwnerIdentity } from "../domain/Owner.ts"

const read = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch {
    return null
  }
}

/** Field 22 of /proc/<pid>/stat; null when there is no such process. */
const startTicks = (pid: number): string | null => {
  const stat = read(`/proc/${pid}/stat`)
  return stat === null ? null : (stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null)
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

/** Who this process is. */
export const self = (): OwnerIdentity => ({
  pid: process.pid,
  startTicks: startTicks(process.pid) ?? "unknown",
  bootId: bootId(),
  namespace: namespace(),
})

/** Whether the process that an identity names is provably gone; false whenever that cannot be known from here. */
export const isGone = (owner: OwnerIdentity): boolean => {
  if (bootId() === "unknown" || owner.bootId === "unknown") return false
  if (owner.bootId !== bootId()) return true
  if (owner.namespace !== namespace()) return false
  return startTicks(owner.pid) !== owner.startTicks
}

/** Whether a process of this node is in a container's control group: no process of another node can be. */
export const inContainer = (pid: number, containerId: string): boolean =>
  pid > 0 && (read(`/proc/${pid}/cgroup`)?.includes(containerId) ?? false)

/** A name that no other process has, of eight characters. */
export const randomName = (): string => randomBytes(4).toString("hex")
