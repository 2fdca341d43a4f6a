import { expect, test } from "bun:test"
import { EngineError, errorType, LocalError } from "../../src/domain/Failure.ts"
import { containerOf, inContainer } from "../../src/domain/InContainer.ts"

const engine = (reason: EngineError["reason"]) => new EngineError({ reason, message: "m", fix: "f", details: { a: 1 } })

test("what takes too long in a container is a failure of Docker, with the same words", () => {
  const said = (reason: EngineError["reason"]) => errorType(inContainer("docker", engine(reason)))
  expect(said("timeout")).toBe("DockerError.timeout")
  expect(said("ready_timeout")).toBe("DockerError.timeout")
  expect(said("silence")).toBe("DockerError.silence")
  expect(inContainer("docker", engine("silence"))).toMatchObject({ message: "m", fix: "f", details: { a: 1 } })
})

test("everything else stays what it is, and so does everything of a local engine", () => {
  for (const reason of ["model", "request", "unsupported", "crash"] as const)
    expect(errorType(inContainer("docker", engine(reason)))).toBe(`EngineError.${reason}`)
  expect(errorType(inContainer("local", engine("timeout")))).toBe("EngineError.timeout")
  const storage = new LocalError({ reason: "storage", message: "m", fix: "f", details: {} })
  expect(inContainer("docker", storage)).toBe(storage)
})

test("what happened in a container names it, with the evidence it had; a result can read it back", () => {
  const container = { id: "c1", image_digest: "sha256:d", network: "private" } as const
  const named = inContainer("docker", engine("request"), container)
  expect(named).toMatchObject({ _tag: "EngineError", reason: "request", message: "m", details: { a: 1, container } })
  expect(containerOf(named)).toEqual(container)
  expect(containerOf(inContainer("docker", engine("timeout"), container))).toEqual(container)
  expect(containerOf(engine("request"))).toBeNull()
})
