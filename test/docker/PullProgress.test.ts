import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { errorOf, follow, type Layers, sum } from "../../src/docker/PullProgress.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

type Told = readonly [status: string, id?: string, current?: number, total?: number]

const event = ([status, id, current, total]: Told): unknown => ({
  status,
  ...(id === undefined ? {} : { id }),
  progressDetail: current === undefined ? {} : { current, total },
})

const none: Layers = new Map()
const after = (...told: ReadonlyArray<Told>) => sum(told.map(event).reduce<Layers>(follow, none))

describe("the progress of a pull", () => {
  test("is that of its layers, whose sizes are known one by one", () => {
    expect(after()).toEqual({ layers: 0, layersDone: 0, bytesDone: 0, bytes: 0 })
    const first: ReadonlyArray<Told> = [
      ["Pulling from acme/vllm", "0.11"],
      ["Pulling fs layer", "a"],
      ["Pulling fs layer", "b"],
      ["Already exists", "c"],
      ["Downloading", "a", 10, 100],
    ]
    expect(after(...first)).toEqual({ layers: 3, layersDone: 1, bytesDone: 10, bytes: 100 })
    const more: ReadonlyArray<Told> = [
      ...first,
      ["Waiting", "b"],
      ["Downloading", "b", 50, 200],
      ["Downloading", "a", 90, 100],
    ]
    expect(after(...more)).toEqual({ layers: 3, layersDone: 1, bytesDone: 140, bytes: 300 })
  })

  test("does not go back while a layer is checked and unpacked, and then it is done", () => {
    const told: ReadonlyArray<Told> = [
      ["Downloading", "a", 90, 100],
      ["Verifying Checksum", "a"],
      ["Download complete", "a"],
      ["Extracting", "a", 1, 7],
      ["Extracting", "a", 100, 100],
    ]
    for (let count = 2; count <= told.length; count++)
      expect(after(...told.slice(0, count))).toEqual({ layers: 1, layersDone: 0, bytesDone: 100, bytes: 100 })
    expect(after(...told, ["Pull complete", "a"])).toEqual({ layers: 1, layersDone: 1, bytesDone: 100, bytes: 100 })
  })

  test("keeps what is known of a layer when a line does not say it again", () => {
    expect(after(["Downloading", "a", 10, 100], ["Downloading", "a"], ["Waiting", "a"])).toMatchObject({
      bytesDone: 10,
      bytes: 100,
    })
  })

  test("counts no line that is of no layer", () => {
    const told: ReadonlyArray<Told> = [
      ["Digest: sha256:0a"],
      ["Status: Downloaded newer image for acme/vllm:0.11"],
      ["Pulling from acme/vllm", "0.11"],
      ["Retrying in 3 seconds", "a"],
    ]
    expect(after(...told).layers).toBe(0)
    for (const odd of [null, "text", 7, [], { status: 1, id: "a" }, { id: "a" }, { status: "Downloading" }])
      expect(follow(none, odd).size).toBe(0)
  })

  const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
  const Pull = Schema.Struct({ sizes: Schema.Array(Count), turns: Schema.Array(Count) })
  prop("ends with every layer whole, in whatever turn their events come", arbitraryOf(Pull), ({ sizes, turns }) => {
    const queues = sizes.map((size, index): Array<Told> => {
      const id = `layer-${index}`
      return [
        ["Pulling fs layer", id],
        ["Downloading", id, Math.floor(size / 2), size],
        ["Download complete", id],
        ["Pull complete", id],
      ]
    })
    let layers = none
    let bytesDone = 0
    const next = (queue: Array<Told>): void => {
      const told = queue.shift()
      if (told === undefined) return
      layers = follow(layers, event(told))
      expect(sum(layers).bytesDone).toBeGreaterThanOrEqual(bytesDone)
      bytesDone = sum(layers).bytesDone
      expect(bytesDone).toBeLessThanOrEqual(sum(layers).bytes)
    }
    for (const turn of turns) next(queues[turn % Math.max(1, queues.length)] ?? [])
    for (const queue of queues) while (queue.length > 0) next(queue)
    const bytes = sizes.reduce((all, size) => all + size, 0)
    expect(sum(layers)).toEqual({ layers: sizes.length, layersDone: sizes.length, bytesDone: bytes, bytes })
    return true
  })
})

test("an error inside a stream is found in either of its forms", () => {
  expect(errorOf({ errorDetail: { code: 1, message: "detail" }, error: "short" })).toBe("detail")
  expect(errorOf({ error: "short" })).toBe("short")
  expect(errorOf({ errorDetail: {}, error: "short" })).toBe("short")
  expect(errorOf({ status: "Downloading", id: "a" })).toBeNull()
  expect(errorOf("no event")).toBeNull()
})
