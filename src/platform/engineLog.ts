import { closeSync, openSync, writeSync } from "node:fs"

/** The log of an engine whose output comes through this process. */
export interface EngineLog {
  readonly write: (bytes: Uint8Array) => void
  readonly close: () => void
}

const replaced = "***"

/**
 * Appends an engine's output to a file, at most so many bytes of it, with every secret replaced. What could be the
 * beginning of a secret is held back until the next piece comes. A disk that is full costs the log, not the cell.
 */
export const openLog = (path: string, limitBytes: number, secrets: ReadonlyArray<string>): EngineLog => {
  const file = openSync(path, "a", 0o644)
  const hidden = secrets.filter((secret) => secret.length >= 4).map((secret) => Buffer.from(secret))
  const longest = hidden.reduce((most, secret) => Math.max(most, secret.length), 1)
  let held = Buffer.alloc(0)
  let left = limitBytes
  let open = true
  const put = (bytes: Uint8Array): void => {
    if (left <= 0 || bytes.length === 0) return
    const part = bytes.subarray(0, left)
    left -= part.length
    try {
      writeSync(file, part)
      if (left === 0) writeSync(file, `\n[llem: the log ends here, at its limit of ${limitBytes} bytes]\n`)
    } catch {
      left = 0
    }
  }
  const mask = (bytes: Buffer): Buffer => {
    let masked = bytes
    for (const secret of hidden) {
      for (let at = masked.indexOf(secret); at >= 0; at = masked.indexOf(secret))
        masked = Buffer.concat([masked.subarray(0, at), Buffer.from(replaced), masked.subarray(at + secret.length)])
    }
    return masked
  }
  /** Bytes at the end that a secret may begin with. */
  const unsafe = (bytes: Buffer): number => {
    for (let length = Math.min(longest - 1, bytes.length); length > 0; length--) {
      const end = bytes.subarray(bytes.length - length)
      if (hidden.some((secret) => secret.length > length && secret.subarray(0, length).equals(end))) return length
    }
    return 0
  }
  return {
    write: (bytes) => {
      if (!open) return
      if (left <= 0) return
      if (hidden.length === 0) return put(bytes)
      const all = mask(Buffer.concat([held, bytes]))
      const keep = unsafe(all)
      put(all.subarray(0, all.length - keep))
      held = Buffer.from(all.subarray(all.length - keep))
    },
    close: () => {
      if (!open) return
      open = false
      put(mask(held))
      closeSync(file)
    },
  }
}
