import { ptr } from "bun:ffi"
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs"
import { libc } from "./libc.ts"
import { NOTHING_YET, type Reader } from "./sysfs.ts"

/** One process of the trees. Times are in clock ticks. */
interface Entry {
  readonly pid: number
  readonly parent: Entry | null
  readonly file: number
  /** User and system time of the process itself. */
  own: number
  /** User and system time of its children that ended and were waited for, and of theirs. */
  waited: number
  /** `waited` at the sample before. */
  waitedBefore: number
  /** What the process had used before it was watched. */
  base: number
  alive: boolean
}

/** The CPU time of process trees; which trees can be changed while it is read. */
export interface ProcessTrees extends Reader {
  /** Sets the roots; counts what they use from now on. What roots of before have used so far stays counted. */
  readonly watch: (rootPids: ReadonlyArray<number>) => void
}

const bytes = new Uint8Array(new ArrayBuffer(1024))
const pointer = ptr(bytes)
const times = new Float64Array(2)

/** Fields 14 to 17 of /proc/<pid>/stat: own and waited-for ticks into `times`. The name may hold spaces and brackets. */
const parseStat = (length: number): boolean => {
  let index = length - 1
  while (index > 0 && bytes[index] !== 41) index--
  if (index <= 0) return false
  let own = 0
  let waited = 0
  let field = 1
  let value = 0
  for (; index < length && field <= 16; index++) {
    const byte = bytes[index] ?? 0
    if (byte === 32) {
      if (field === 13 || field === 14) own += value
      if (field === 15 || field === 16) waited += value
      field++
      value = 0
    } else if (byte >= 48 && byte <= 57) value = value * 10 + byte - 48
  }
  times[0] = own
  times[1] = waited
  return field > 16
}

const numbers = (names: ReadonlyArray<string>): ReadonlyArray<number> =>
  names.filter((name) => /^\d+$/.test(name)).map(Number)

const text = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return null
  }
}

const names = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** Live children of a process by the kernel's own lists; null where the kernel keeps none. */
export const listedChildren = (pid: number): ReadonlyArray<number> | null => {
  const threads = numbers(names(`/proc/${pid}/task`))
  const lists = threads.map((thread) => text(`/proc/${pid}/task/${thread}/children`))
  return lists.length > 0 && lists.every((entry) => entry === null)
    ? null
    : lists.flatMap((entry) => numbers((entry ?? "").split(" ")))
}

/** Live children of every process, by looking at all of them. */
export const scannedChildren = (): ReadonlyMap<number, ReadonlyArray<number>> => {
  const children = new Map<number, Array<number>>()
  for (const pid of numbers(names("/proc"))) {
    const stat = text(`/proc/${pid}/stat`)
    const parent = stat === null ? Number.NaN : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
    if (Number.isNaN(parent)) continue
    const known = children.get(parent)
    if (known === undefined) children.set(parent, [pid])
    else known.push(pid)
  }
  return children
}

/**
 * Cumulative CPU ticks of process trees: living processes, children that their parents waited for, and what was last
 * seen of processes that ended otherwise. It never decreases. Processes are found by parentage about four times a
 * second and kept until they end, also when their parent ends before them.
 */
export const openProcessTrees = (nowSeconds: () => number): ProcessTrees => {
  const entries = new Map<number, Entry>()
  let retained = 0
  let highest = 0
  let watching = false
  let nextDiscovery = 0

  const readEntry = (entry: Entry): boolean => {
    const length = libc.pread(entry.file, pointer, bytes.length, 0)
    if (length <= 0 || !parseStat(length)) return false
    entry.own = times[0] ?? 0
    entry.waited = times[1] ?? 0
    return true
  }
  const track = (pid: number, parent: Entry | null, fromNow: boolean): Entry | null => {
    try {
      const file = openSync(`/proc/${pid}/stat`, "r")
      const entry: Entry = { pid, parent, file, own: 0, waited: 0, waitedBefore: 0, base: 0, alive: true }
      if (!readEntry(entry)) {
        closeSync(file)
        return null
      }
      entry.waitedBefore = entry.waited
      entry.base = fromNow ? entry.own + entry.waited : 0
      entries.set(pid, entry)
      return entry
    } catch {
      return null
    }
  }
  const discover = (fromNow: boolean) => {
    const started = nowSeconds()
    let scanned: ReadonlyMap<number, ReadonlyArray<number>> | null = null
    const queue = [...entries.values()]
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      let children = listedChildren(entry.pid)
      if (children === null) {
        scanned ??= scannedChildren()
        children = scanned.get(entry.pid) ?? []
      }
      for (const pid of children) {
        if (entries.has(pid)) continue
        const child = track(pid, entry, fromNow)
        if (child !== null) queue.push(child)
      }
    }
    const ended = nowSeconds()
    // At most about half a percent of a core goes into looking for processes, however many threads there are.
    nextDiscovery = ended + Math.max(0.25, 200 * (ended - started))
  }
  const drop = (entry: Entry) => {
    entry.alive = false
    entries.delete(entry.pid)
    closeSync(entry.file)
  }
  const livingAncestor = (entry: Entry): Entry | null => {
    let ancestor = entry.parent
    while (ancestor !== null && !ancestor.alive) ancestor = ancestor.parent
    return ancestor
  }
  /** A process that ended moved its time to the ancestor that waited for it, or to nobody: then it is retained here. */
  const settle = (ended: ReadonlyArray<Entry>) => {
    const owed = new Map<Entry, number>()
    for (const entry of ended) {
      retained -= entry.base
      const ancestor = livingAncestor(entry)
      if (ancestor === null) retained += entry.own + entry.waited
      else owed.set(ancestor, (owed.get(ancestor) ?? 0) + entry.own + entry.waited)
    }
    for (const [ancestor, total] of owed) {
      readEntry(ancestor)
      const missing = total - (ancestor.waited - ancestor.waitedBefore)
      // Two ticks are what rounding alone can make.
      if (missing > 2) retained += missing
    }
  }
  const rootOf = (entry: Entry): number => {
    let root = entry
    while (root.parent !== null) root = root.parent
    return root.pid
  }
  return {
    watch: (rootPids) => {
      for (const entry of [...entries.values()]) {
        if (rootPids.includes(rootOf(entry))) continue
        retained += entry.own + entry.waited - entry.base
        drop(entry)
      }
      for (const pid of rootPids) if (!entries.has(pid) && track(pid, null, true) !== null) watching = true
      if (watching) discover(true)
    },
    read: () => {
      if (!watching) return NOTHING_YET
      if (nowSeconds() >= nextDiscovery) discover(false)
      let ended: Array<Entry> | null = null
      // Parents come before their children: a child that is waited for meanwhile is missed once, never counted twice.
      for (const entry of entries.values()) {
        if (readEntry(entry)) continue
        ended ??= []
        ended.push(entry)
      }
      if (ended !== null) {
        for (const entry of ended) drop(entry)
        settle(ended)
      }
      let total = retained
      for (const entry of entries.values()) {
        total += entry.own + entry.waited - entry.base
        entry.waitedBefore = entry.waited
      }
      highest = Math.max(highest, total)
      return highest
    },
    errno: () => 0,
    maintain: () => {},
    close: () => {
      for (const entry of entries.values()) drop(entry)
    },
  }
}

/** The name that the kernel gives the CPU; null where it gives none. */
export const cpuModel = (): string | null =>
  /^model name\s*:\s*(.+)$/m.exec(text("/proc/cpuinfo") ?? "")?.[1]?.trim() ?? null
