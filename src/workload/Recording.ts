/**
 * The body of one answer as it came: its bytes in one piece, and after each socket read the time and how many
 * bytes were there. Buffers grow and are used again, so that recording makes next to no garbage.
 */
export class Recording {
  bytes = new Uint8Array(4096)
  length = 0
  #readSeconds = new Float64Array(64)
  #readEnds = new Int32Array(64)
  #reads = 0
  #cursor = 0

  /** Keeps `source` from `from` to `to`. */
  append(source: Uint8Array, from: number, to: number): void {
    const needed = this.length + (to - from)
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    this.bytes.set(from === 0 && to === source.length ? source : source.subarray(from, to), this.length)
    this.length = needed
  }

  /** Says that everything appended since the last call was read at this time. */
  stamp(atSeconds: number): void {
    if (this.length === (this.#reads === 0 ? 0 : this.#readEnds[this.#reads - 1])) return
    if (this.#reads === this.#readEnds.length) {
      const seconds = new Float64Array(this.#reads * 2)
      seconds.set(this.#readSeconds)
      this.#readSeconds = seconds
      const ends = new Int32Array(this.#reads * 2)
      ends.set(this.#readEnds)
      this.#readEnds = ends
    }
    this.#readSeconds[this.#reads] = atSeconds
    this.#readEnds[this.#reads] = this.length
    this.#reads += 1
  }

  /** When the byte at this offset was read. Offsets must not go down from call to call. */
  secondsAt(offset: number): number {
    while (this.#cursor < this.#reads - 1 && (this.#readEnds[this.#cursor] ?? 0) <= offset) this.#cursor += 1
    return this.#readSeconds[this.#cursor] ?? Number.NaN
  }

  /** Forgets everything, for the next answer or because all of it is parsed. */
  clear(): void {
    this.length = 0
    this.#reads = 0
    this.#cursor = 0
  }
}
