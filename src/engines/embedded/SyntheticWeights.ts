import type { Quantisation } from "./SyntheticShape.ts"

/** xoshiro128** of Blackman and Vigna, seeded by splitmix32: 32 random bits a call. */
export const randomBits = (seed: number): (() => number) => {
  let state = seed >>> 0
  const splitmix = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  let a = splitmix()
  let b = splitmix()
  let c = splitmix()
  let d = splitmix()
  return () => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result >>> 0
  }
}

const single = new Float32Array(1)
const singleBits = new Uint32Array(single.buffer)

/** The bits of the nearest half-precision float; overflow gives the largest one. */
export const halfBits = (value: number): number => {
  single[0] = value
  const bits = singleBits[0] ?? 0
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 112
  const mantissa = bits & 0x7fffff
  if (exponent >= 31) return sign | 0x7bff
  if (exponent < -10) return sign
  if (exponent <= 0) {
    const shift = 14 - exponent
    const full = mantissa | 0x800000
    return sign | ((full >> shift) + ((full >> (shift - 1)) & 1))
  }
  return sign | (((exponent << 10) | (mantissa >> 13)) + ((mantissa >> 12) & 1))
}

const tableSize = 65_536

/** 65,536 values of the standard normal distribution (Box and Muller). */
const normalTable = (seed: number): Float32Array => {
  const next = randomBits(seed)
  const table = new Float32Array(tableSize)
  for (let index = 0; index < tableSize; index += 2) {
    const radius = Math.sqrt(-2 * Math.log((next() + 1) / 4294967297))
    const angle = (2 * Math.PI * next()) / 4294967296
    table[index] = radius * Math.cos(angle)
    table[index + 1] = radius * Math.sin(angle)
  }
  return table
}

/** Fills a matrix of the given bytes with random weights of standard deviation `sigma`. */
export type Fill = (bytes: number, sigma: number, seed: number) => Uint8Array

const fillHalf =
  (normal: Float32Array): Fill =>
  (bytes, sigma, seed) => {
    const next = randomBits(seed)
    const table = Uint16Array.from(normal, (value) => halfBits(value * sigma))
    const out = new Uint16Array(bytes / 2)
    for (let index = 0; index < out.length; index += 2) {
      const bits = next()
      out[index] = table[bits & 0xffff] ?? 0
      out[index + 1] = table[bits >>> 16] ?? 0
    }
    return new Uint8Array(out.buffer)
  }

/** Blocks of 32 signed bytes under one half-precision scale. */
const fillQ8 = (normal: Float32Array): Fill => {
  const table = Int8Array.from(normal, (value) => Math.max(-127, Math.min(127, Math.round(value * 32))))
  return (bytes, sigma, seed) => {
    const next = randomBits(seed)
    const scale = halfBits(sigma / 32)
    const out = new Uint8Array(bytes)
    for (let block = 0; block < bytes; block += 34) {
      out[block] = scale & 255
      out[block + 1] = scale >> 8
      for (let index = 0; index < 32; index += 2) {
        const bits = next()
        out[block + 2 + index] = table[bits & 0xffff] ?? 0
        out[block + 3 + index] = table[bits >>> 16] ?? 0
      }
    }
    return out
  }
}

/** Blocks of 32 four-bit values under one half-precision scale; uniform values have a standard deviation of 4.61. */
const fillQ4: Fill = (bytes, sigma, seed) => {
  const next = randomBits(seed)
  const scale = halfBits(sigma / 4.61)
  const out = new Uint8Array(bytes)
  for (let block = 0; block < bytes; block += 18) {
    out[block] = scale & 255
    out[block + 1] = scale >> 8
    for (let index = 2; index < 18; index += 4) {
      const bits = next()
      out[block + index] = bits & 255
      out[block + index + 1] = (bits >>> 8) & 255
      out[block + index + 2] = (bits >>> 16) & 255
      out[block + index + 3] = bits >>> 24
    }
  }
  return out
}

/** How matrices of one format are filled. */
export const filler = (quantisation: Quantisation, seed: number): Fill => {
  if (quantisation === "Q4_0") return fillQ4
  const normal = normalTable(seed ^ 0x5eed)
  return quantisation === "Q8_0" ? fillQ8(normal) : fillHalf(normal)
}
