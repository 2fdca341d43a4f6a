import { closeSync, openSync, writeSync } from "node:fs"

/** The log of an engine whose output comes through this process. */
export interface EngineLog {
  readonly write: (bytes: Uint8Array) => void
  readonly close: () => void
}

/** How much of an engine's output is kept. */
export const limitBytes = 64 * 1024 * 1024

const replaced = Buffer.from("***")

interface Masked {
  readonly safe: Buffer
  /** The end, which a secret may begin with. */
  readonly held: Buffer
}

/** Replaces every secret, the longer one where two begin at the same place. */
const mask = (bytes: Buffer, longestFirst: ReadonlyArray<Buffer>, isLast: boolean): Masked => {
  const longest = longestFirst[0]?.length ?? 1
  const mayBegin = (at: number): boolean => {
    const end = bytes.subarray(at)
    return longestFirst.some((secret) => secret.length > end.length && secret.subarray(0, end.length).equals(end))
  }
  const pieces: Array<Buffer> = []
  let at = 0
  let held = isLast ? bytes.length : Math.max(0, bytes.length - longest + 1)
  for (;;) {
    let hit = bytes.length
    let length = 0
    for (const secret of longestFirst) {
      const found = bytes.indexOf(secret, at)
      if (found < 0 || found >= hit) continue
      hit = found
      length = secret.length
    }
    held = Math.max(held, at)
    while (held < bytes.length && !mayBegin(held)) held++
    if (hit >= held) {
      pieces.push(bytes.subarray(at, held))
      return { safe: Buffer.concat(pieces), held: Buffer.from(bytes.subarray(held)) }
    }
    pieces.push(bytes.subarray(at, hit), replaced)
    at = hit + length
  }
}

/**
 * Appends an engine's output to a file, at most so many bytes of it, with every secret replaced. What could be the
 * beginning of a secret is held back until the next piece comes. A disk that is full costs the log, not the cell.
 */
export const openLog = (path: string, mostBytes: number, secrets: ReadonlyArray<string>): EngineLog => {
  const file = openSync(path, "a", 0o644)
  const hidden = secrets
    .filter((secret) => secret.length >= 4)
    .map((secret) => Buffer.from(secret))
    .toSorted((a, b) => b.length - a.length)
  let held = Buffer.alloc(0)
  let left = mostBytes
  let open = true
  const put = (bytes: Uint8Array): void => {
    if (left <= 0 || bytes.length === 0) return
    const part = bytes.subarray(0, left)
    left -= part.length
    try {
      writeSync(file, part)
      if (left === 0) writeSync(file, `\n[llem: the log ends here, at its limit of ${mostBytes} bytes]\n`)
    } catch {
      left = 0
    }
  }
  const take = (bytes: Uint8Array, isLast: boolean): void => {
    const masked = mask(Buffer.concat([held, bytes]), hidden, isLast)
    held = Buffer.from(masked.held)
    put(masked.safe)
  }
  return {
    write: (bytes) => {
      if (!open || left <= 0) return
      if (hidden.length === 0) put(bytes)
      else take(bytes, false)
    },
    close: () => {
      if (!open) return
      open = false
      take(new Uint8Array(0), true)
      closeSync(file)
    },
  }
}
