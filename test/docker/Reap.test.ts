import { describe, expect, test } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { Docker } from "../../src/docker/Docker.ts"
import { layer } from "../../src/docker/dockerode.ts"
import { ownerText, parseOwner } from "../../src/docker/Owner.ts"
import * as Reap from "../../src/docker/Reap.ts"
import type { OwnerIdentity } from "../../src/domain/Owner.ts"
import { arbitraryOf, live, prop } from "../lib/effect.ts"
import { type Script, scriptedDaemon } from "./scripted.ts"

const owner = (pid: number): OwnerIdentity => ({
  pid,
  startTicks: "7",
  bootId: "b",
  namespace: "4026531836",
  machine: "m.node1",
})
const gone = ({ pid }: OwnerIdentity): boolean => pid >= 100

/** A name may meanwhile be somebody else's: things are removed by their ids. */
const nameOf = (id: string): string => `llem-${id}`
const container = (id: string, label: string) => ({
  Id: id,
  Names: [`/${nameOf(id)}`],
  Labels: { "io.llem.owner": label },
})
const network = (id: string, label: string) => ({ Id: id, Name: nameOf(id), Labels: { "io.llem.owner": label } })

const script = (over: Script = {}): Script => ({
  "GET /containers/json": {
    status: 200,
    body: [
      container("left", ownerText(owner(100))),
      container("running", ownerText(owner(1))),
      container("odd", "not an owner"),
      container("empty", ""),
    ],
  },
  "GET /networks": {
    status: 200,
    body: [network("left-net", ownerText(owner(101))), network("used-net", ownerText(owner(2)))],
  },
  "DELETE /containers/left": { status: 204, body: null },
  "DELETE /networks/left-net": { status: 204, body: null },
  ...over,
})

const talking = Effect.fnUntraced(function* (answers: Script) {
  const daemon = yield* scriptedDaemon(answers)
  const context = yield* Layer.build(layer({ socketPath: daemon.socketPath }))
  return { daemon, docker: yield* Effect.provide(Docker, context) }
})

describe("what runs left behind", () => {
  live("is what has an owner that is gone: never what has none, or one that cannot be read", () =>
    Effect.gen(function* () {
      const { daemon, docker } = yield* talking(script())
      const found = yield* Effect.provideService(Reap.find(gone), Docker, docker)
      expect(found.containers.map(({ name }) => name)).toEqual(["llem-left"])
      expect(found.networks.map(({ name }) => name)).toEqual(["llem-left-net"])
      const queries = daemon.asked.map(({ query }) => [query["all"], query["filters"]])
      expect(queries).toContainEqual(["true", '{"label":["io.llem.owner"]}'])
      expect(queries).toContainEqual([undefined, '{"label":["io.llem.owner"]}'])
      const none = yield* Effect.provideService(
        Reap.find(() => false),
        Docker,
        docker,
      )
      expect(none).toEqual({ containers: [], networks: [] })
    }),
  )

  live("is removed, the containers before the networks that they are in", () =>
    Effect.gen(function* () {
      const { daemon, docker } = yield* talking(script())
      yield* Effect.gen(function* () {
        yield* Reap.remove(yield* Reap.find(gone))
      }).pipe(Effect.provideService(Docker, docker))
      const removed = daemon.asked.map(({ what }) => what).filter((what) => what.startsWith("DELETE"))
      expect(removed).toEqual(["DELETE /containers/left", "DELETE /networks/left-net"])
    }),
  )

  live("that somebody else removes meanwhile is no failure, and one that stays keeps none of the others", () =>
    Effect.gen(function* () {
      const answer = (status: number, message: string) => ({ status, body: { message } })
      const removing = (over: Script) =>
        Effect.gen(function* () {
          const { docker } = yield* talking(script(over))
          return yield* Effect.gen(function* () {
            return yield* Reap.remove(yield* Reap.find(gone))
          }).pipe(Effect.provideService(Docker, docker))
        })
      const removed = yield* removing({
        "DELETE /containers/left": answer(409, "removal of container left is already in progress"),
        "DELETE /networks/left-net": answer(404, "network left-net not found"),
      })
      expect(removed.failures).toEqual([])
      const kept = yield* removing({
        "DELETE /containers/left": answer(500, "driver failed to remove root filesystem"),
        "DELETE /networks/left-net": answer(403, "network left-net has active endpoints"),
      })
      expect(kept.failures.map(({ message }) => message)).toEqual([
        expect.stringContaining("driver failed to remove"),
        expect.stringContaining("has active endpoints"),
      ])
      expect(kept.removed).toEqual({ containers: [], networks: [] })
    }),
  )
})

const Identity = Schema.Struct({
  pid: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4_194_304 })),
  startTicks: Schema.String.check(Schema.isPattern(/^\d{1,12}$/)),
  bootId: Schema.String.check(Schema.isPattern(/^[0-9a-f-]{36}$/)),
  namespace: Schema.String.check(Schema.isPattern(/^\d{1,12}$/)),
  machine: Schema.String.check(Schema.isPattern(/^[0-9a-f]{1,32}\.[a-z0-9-]{1,20}$/)),
})
prop("an owner's label gives the owner back", arbitraryOf(Identity), (identity) => {
  expect(parseOwner(ownerText(identity))).toEqual(identity)
  return true
})

test("a label without a machine is of an unknown one, of which nothing is proven", () => {
  expect(parseOwner("1:2:b:3")).toMatchObject({ pid: 1, machine: "unknown" })
})

test("a label that is no owner is read as none", () => {
  for (const text of [
    "",
    "1",
    "1:2:b",
    "1:2:b:3:4:5",
    "1:2:b:3:",
    "x:2:b:3",
    "1::b:3",
    "1:2::3",
    "1:2:b:",
    "-1:2:b:3",
    " 1:2:b:3",
  ])
    expect(parseOwner(text)).toBeNull()
})
