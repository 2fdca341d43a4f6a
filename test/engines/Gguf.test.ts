import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { Result } from "effect"
import * as Gguf from "../../src/engines/embedded/Gguf.ts"
import * as Synthetic from "../../src/engines/embedded/Synthetic.ts"
import * as Shape from "../../src/engines/embedded/SyntheticShape.ts"
import { halfBits } from "../../src/engines/embedded/SyntheticWeights.ts"
import { realModel } from "../lib/env.ts"

const model = (name: string): Shape.SyntheticModel => {
  const parsed = Shape.parse(name)
  if (parsed === null) throw new Error(`no ${name}`)
  return parsed
}

const bytesOf = (name: string): Buffer => Buffer.concat([...Synthetic.chunks(model(name))])
const small = bytesOf("synthetic:15m")

const header = (bytes: Uint8Array): Gguf.GgufHeader => {
  const parsed = Result.getOrThrow(Gguf.parse(bytes))
  if (parsed === "needMore") throw new Error("needs more")
  return parsed
}

describe("GGUF header", () => {
  test("of a real model", () => {
    const bytes = readFileSync(realModel())
    const parsed = header(bytes)
    expect(parsed.expectedBytes).toBe(bytes.length)
    expect(Gguf.weights(parsed)).toEqual({
      architecture: "llama",
      name: "Smollm2 135M 8k Lc100K Mix1 Ep2",
      format: "Q4_1",
      parameters: 134_515_008,
      nonEmbeddingParameters: 106_203_456,
      vocabularySize: 49_152,
      contextLength: 8192,
    })
    expect(Gguf.longestToken(parsed)).toBe(162)
  })

  test("every prefix that ends inside the header asks for more, and never passes for a whole one", () => {
    const end = header(small).expectedBytes - 9_000_000
    for (let length = 4; length < end; length += length < 4096 ? 1 : 997) {
      const parsed = Gguf.parse(small.subarray(0, length))
      if (Result.isSuccess(parsed) && parsed.success !== "needMore")
        expect(parsed.success.expectedBytes).toBe(small.length)
    }
    expect(Result.getOrThrow(Gguf.parse(small.subarray(0, 1000)))).toBe("needMore")
  })

  test("what is no GGUF, of another version, or damaged is told apart", () => {
    const kindOf = (change: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(small.subarray(0, 4096))
      change(bytes)
      const parsed = Gguf.parse(bytes)
      return Result.isFailure(parsed) ? parsed.failure.kind : parsed.success
    }
    expect(kindOf((bytes) => bytes.write("ELF!"))).toBe("not_gguf")
    expect(kindOf((bytes) => bytes.writeUInt32LE(7, 4))).toBe("version")
    expect(kindOf((bytes) => bytes.writeBigUInt64LE(2n ** 40n, 8))).toBe("malformed")
    expect(kindOf((bytes) => bytes.writeBigUInt64LE(2n ** 40n, 24))).toBe("malformed")
  })
})

describe("synthetic models", () => {
  test("names", () => {
    expect(Shape.parse("synthetic:15m")?.name).toBe("synthetic:15m-q4_0")
    expect(Shape.parse("synthetic:110m-f16")?.quantisation).toBe("F16")
    for (const wrong of ["synthetic:7b", "synthetic:15m-q2", "synthetic:15m-q4_0-x", "15m"])
      expect(Shape.parse(wrong)).toBeNull()
  })

  test("the same name gives the same bytes on every machine", () => {
    const digest = createHash("sha256").update(small).digest("hex")
    expect(digest).toBe(createHash("sha256").update(bytesOf("synthetic:15m-q4_0")).digest("hex"))
    expect(digest).toBe("7c6883241eeb0c514e18ffff846fb4435eb633fe7b8b8c0c70c7544bb8eb4947")
  })

  test("each format has the size that its header promises", () => {
    for (const format of ["q4_0", "q8_0", "f16"]) {
      const bytes = bytesOf(`synthetic:15m-${format}`)
      expect(header(bytes).expectedBytes).toBe(bytes.length)
      expect(Gguf.weights(header(bytes))).toMatchObject({ format: format.toUpperCase(), parameters: 15_191_712 })
    }
  })

  test("half-precision bits round to nearest", () => {
    for (const [value, bits] of [
      [0, 0],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [1e9, 0x7bff],
      [2 ** -24, 1],
      [1 / 3, 0x3555],
    ] as const)
      expect(halfBits(value)).toBe(bits)
  })
})
