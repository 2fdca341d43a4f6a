import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { credentialsFor, dockerHub, fromHelper, parseReference, registryOf } from "../../src/docker/Credentials.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const base64 = (text: string): string => Buffer.from(text).toString("base64")
const login = (user: string, password: string) => ({ auth: base64(`${user}:${password}`) })
const found = (config: unknown, reference: string) => credentialsFor(JSON.stringify(config), reference)

describe("references", () => {
  const digest = `sha256:${"a".repeat(64)}`

  test.each([
    ["alpine", "alpine", null, null],
    ["alpine:3.22", "alpine", "3.22", null],
    ["localhost:5000/a/b", "localhost:5000/a/b", null, null],
    ["localhost:5000/a/b:1", "localhost:5000/a/b", "1", null],
    [`ghcr.io/a/b@${digest}`, "ghcr.io/a/b", null, digest],
    [`[::1]:5000/a:1@${digest}`, "[::1]:5000/a", "1", digest],
  ])("%p", (reference, name, tag, hash) => {
    expect(parseReference(reference)).toEqual({ name, tag, digest: hash })
  })

  const Part = Schema.Literals(["a", "llama.cpp", "x_y", "nvidia", "v1-2"])
  const Parts = Schema.Struct({
    registry: Schema.NullOr(Schema.Literals(["ghcr.io", "localhost:5000", "[::1]:5000", "docker.io"])),
    path: Schema.NonEmptyArray(Part),
    tag: Schema.NullOr(Schema.Literals(["latest", "1.0", "V_2-rc.1"])),
    digest: Schema.NullOr(Schema.Literal(digest)),
  })
  prop("are read back as they were put together", arbitraryOf(Parts), (parts) => {
    const name = [...(parts.registry === null ? [] : [parts.registry]), ...parts.path].join("/")
    const tag = parts.tag === null ? "" : `:${parts.tag}`
    const hash = parts.digest === null ? "" : `@${parts.digest}`
    expect(parseReference(name + tag + hash)).toEqual({ name, tag: parts.tag, digest: parts.digest })
    return undefined
  })
})

describe("registries", () => {
  test.each([
    ["alpine", dockerHub],
    ["alpine:3", dockerHub],
    ["vllm/vllm-openai:v0.11", dockerHub],
    ["docker.io/library/alpine", dockerHub],
    ["index.docker.io/library/alpine", dockerHub],
    ["registry-1.docker.io/library/alpine", dockerHub],
    ["Docker.io/library/alpine", dockerHub],
    ["localhost", dockerHub],
    ["llama.cpp", dockerHub],
    ["localhost/a", "localhost"],
    ["localhost:5000/a", "localhost:5000"],
    ["node7:5000/a", "node7:5000"],
    ["Node7/a", "Node7"],
    ["ghcr.io/ggml-org/llama.cpp:server", "ghcr.io"],
    ["nvcr.io/nvidia/vllm@sha256:0", "nvcr.io"],
  ])("%p", (reference, registry) => {
    expect(registryOf(reference)).toBe(registry)
  })

  prop("every text has one, and a tag does not change it", arbitraryOf(Schema.String), (text) => {
    const registry = registryOf(text)
    return registry !== "" && (text.includes("@") || registryOf(`${text}@sha256:0`) === registry)
  })
})

describe("what config.json says of a registry", () => {
  test("base64 of user and password; the password may have colons and any letters", () => {
    expect(found({ auths: { "ghcr.io": login("ada", "p:ä:✓") } }, "ghcr.io/a/b:1")).toEqual({
      kind: "inline",
      username: "ada",
      password: "p:ä:✓",
      serverAddress: "ghcr.io",
    })
    for (const padded of ["secret\0\0", "\0secret"])
      expect(found({ auths: { "ghcr.io": login("ada", padded) } }, "ghcr.io/a")).toMatchObject({ password: "secret" })
  })

  test("user and password in clear, and an identity token that wins over both", () => {
    const entry = { username: "ada", password: "p" }
    expect(found({ auths: { "ghcr.io": entry } }, "ghcr.io/a")).toMatchObject({ kind: "inline", username: "ada" })
    expect(found({ auths: { "ghcr.io": { ...entry, username: "" } } }, "ghcr.io/a")).toEqual({ kind: "none" })
    const noToken = { ...login("ada", "p"), identitytoken: "" }
    expect(found({ auths: { "ghcr.io": noToken } }, "ghcr.io/a")).toMatchObject({ kind: "inline", username: "ada" })
    const token = { ...login("00000000", ""), identitytoken: "token" }
    expect(found({ auths: { "ghcr.io": token } }, "ghcr.io/a")).toEqual({
      kind: "identity",
      identityToken: "token",
      serverAddress: "ghcr.io",
    })
  })

  test("each registry gets its own; a port makes another one", () => {
    const config = { auths: { "node7:5000": login("five", "5"), node7: login("bare", "0"), "a.io": login("a", "1") } }
    expect(found(config, "node7:5000/x")).toMatchObject({ username: "five" })
    expect(found(config, "node7:6000/x")).toEqual({ kind: "none" })
    expect(found(config, "b.a.io/x")).toEqual({ kind: "none" })
    expect(found({ auths: { "b.a.io": login("b", "1") } }, "a.io/x")).toEqual({ kind: "none" })
    expect(found(config, "alpine")).toEqual({ kind: "none" })
  })

  test("Docker Hub by the key of the docker command before any other name of it", () => {
    const hub = { "docker.io": login("other", "1"), [dockerHub]: login("hub", "2") }
    expect(found({ auths: hub }, "alpine")).toEqual({
      kind: "inline",
      username: "hub",
      password: "2",
      serverAddress: dockerHub,
    })
    expect(found({ auths: { "docker.io": login("other", "1") } }, "alpine")).toMatchObject({ username: "other" })
  })

  test("keys of older configurations, with a scheme and a path", () => {
    for (const key of ["https://node7:5000/v2/", "http://node7:5000"])
      expect(found({ auths: { [key]: login("ada", "1") } }, "node7:5000/a")).toMatchObject({
        username: "ada",
        serverAddress: "node7:5000",
      })
  })

  test("the registry's helper wins over auths, auths over the store, the store over nothing", () => {
    const all = { credHelpers: { "ghcr.io": "own" }, auths: { "ghcr.io": login("ada", "1") }, credsStore: "store" }
    expect(found(all, "ghcr.io/a")).toEqual({
      kind: "helper",
      program: "docker-credential-own",
      serverAddress: "ghcr.io",
    })
    for (const credHelpers of [{ "b.io": "own" }, { "ghcr.io": "" }])
      expect(found({ ...all, credHelpers }, "ghcr.io/a")).toMatchObject({ kind: "inline" })
    const store = { kind: "helper", program: "docker-credential-store", serverAddress: "ghcr.io" }
    expect(found({ auths: { "ghcr.io": {} }, credsStore: "store" }, "ghcr.io/a")).toMatchObject(store)
    expect(found({ auths: null, credHelpers: null, credsStore: "store" }, "ghcr.io/a")).toMatchObject(store)
    expect(found({ auths: { "ghcr.io": {} }, credsStore: "" }, "ghcr.io/a")).toEqual({ kind: "none" })
  })

  test("a helper that would lead out of PATH is not run", () => {
    for (const credsStore of ["../../tmp/x", "a b", "x;y"]) {
      const none = found({ credsStore }, "ghcr.io/a")
      expect(none).toMatchObject({ kind: "none" })
      expect(none).toHaveProperty("problem")
    }
  })

  test("damage is a problem, and the problem has no secret in it", () => {
    for (const text of ["", "{", "[]", "null", '{"credsStore": 7}', '{"auths": []}', '{"credHelpers": {"a.io": 1}}'])
      expect(credentialsFor(text, "alpine")).toEqual({
        kind: "none",
        problem: "Docker's config.json cannot be understood",
      })
    for (const entry of [7, { auth: "hunter2!" }, { auth: base64("hunter2") }, { auth: base64(":hunter2") }]) {
      const none = found({ auths: { "ghcr.io": entry } }, "ghcr.io/a")
      expect(none).toEqual({
        kind: "none",
        problem: "what Docker's config.json has for ghcr.io cannot be understood; log in again",
      })
      expect(found({ auths: { "ghcr.io": entry, "b.io": login("b", "1") } }, "b.io/a")).toMatchObject({ username: "b" })
    }
  })
})

describe("a helper's answer", () => {
  test("is a password, or a token for the user <token>", () => {
    expect(fromHelper('{"ServerURL":"ghcr.io","Username":"ada","Secret":"s"}\n', "ghcr.io")).toEqual({
      kind: "inline",
      username: "ada",
      password: "s",
      serverAddress: "ghcr.io",
    })
    expect(fromHelper('{"Username":"<token>","Secret":"t"}', dockerHub)).toEqual({
      kind: "identity",
      identityToken: "t",
      serverAddress: dockerHub,
    })
  })

  test("that is none has a problem without what was answered", () => {
    const empty = ['{"Username":"","Secret":"hunter2"}', '{"Username":"ada","Secret":""}']
    for (const text of ["", "hunter2", '{"Secret":"hunter2"}', ...empty]) {
      const answer = fromHelper(text, "ghcr.io")
      expect(answer).toMatchObject({ kind: "none" })
      expect(JSON.stringify(answer)).toContain("ghcr.io")
      expect(JSON.stringify(answer)).not.toContain("hunter2")
    }
  })
})
