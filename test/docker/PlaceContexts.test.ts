import { describe, expect, test } from "bun:test"
import { configFolder, contextFiles } from "../../src/docker/Place.ts"
import { at, inContext, meta, reasonOf } from "./places.ts"

describe("contexts", () => {
  const folder = `/home/ada/.docker/${contextFiles("prod").tls}`

  test("lie where the docker command puts them", () => {
    const id = "ca3704aa0b06f5954c79ee837faa152d84d6b2d42838f0637a15eda8337dbdce"
    expect(contextFiles("nope")).toEqual({
      meta: `contexts/meta/${id}/meta.json`,
      tls: `contexts/tls/${id}/docker`,
    })
    expect(contextFiles("Nope")).not.toEqual(contextFiles("nope"))
    expect(configFolder({ DOCKER_CONFIG: "/c", HOME: "/h" })).toBe("/c")
    expect(configFolder({ DOCKER_CONFIG: "", HOME: "/h" })).toBe("/h/.docker")
    expect(configFolder({ HOME: "" })).toBeNull()
  })

  test("have TLS when they have files for it, and only those files", () => {
    expect(inContext({ Host: "tcp://node7" })).toEqual({
      kind: "tcp",
      host: "node7",
      port: 2375,
      tls: null,
      source: "docker context prod",
    })
    expect(inContext({ Host: "tcp://node7", SkipTLSVerify: false }, ["ca.pem"])).toMatchObject({
      port: 2376,
      tls: { caFile: `${folder}/ca.pem`, certFile: null, keyFile: null, verify: true },
    })
    expect(inContext({ Host: "tcp://node7:1" }, ["cert.pem", "key.pem"])).toMatchObject({
      tls: { caFile: null, certFile: `${folder}/cert.pem`, keyFile: `${folder}/key.pem`, verify: true },
    })
    expect(inContext({ Host: "tcp://node7" }, ["README"])).toMatchObject({ tls: null })
  })

  test("have TLS by any one of their files", () => {
    for (const [file, key] of [
      ["ca.pem", "caFile"],
      ["cert.pem", "certFile"],
      ["key.pem", "keyFile"],
    ] as const)
      expect(inContext({ Host: "tcp://node7" }, [file])).toMatchObject({
        port: 2376,
        tls: { caFile: null, certFile: null, keyFile: null, verify: true, [key]: `${folder}/${file}` },
      })
  })

  test("of an https address check the daemon's certificate, with the files that there are", () => {
    expect(inContext({ Host: " https://node7\n" })).toMatchObject({
      host: "node7",
      tls: { caFile: null, certFile: null, keyFile: null, verify: true },
    })
    expect(inContext({ Host: "https://node7" }, ["ca.pem"])).toMatchObject({ tls: { caFile: `${folder}/ca.pem` } })
  })

  test("may skip the check of certificates, which is TLS all the same", () => {
    expect(inContext({ Host: "tcp://node7", SkipTLSVerify: true })).toMatchObject({
      port: 2376,
      tls: { caFile: null, verify: false },
    })
  })

  test("take nothing from DOCKER_TLS_VERIFY", () => {
    const context = () => ({ meta: meta({ Host: "tcp://node7" }), tlsFiles: [] })
    const variables = { DOCKER_CONTEXT: "prod", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" }
    expect(at(variables, { context })).toMatchObject({ tls: null })
  })

  test("that do not exist have a reason that says who named them", () => {
    expect(at({ DOCKER_CONTEXT: "gone" })).toEqual({
      kind: "unusable",
      code: "docker_unavailable",
      reason:
        "DOCKER_CONTEXT names the docker context gone, which does not exist; docker context ls shows those that do",
    })
    expect(reasonOf(at({}, { configText: '{"currentContext":"gone"}' }))).toStartWith("Docker's config.json names")
    expect(reasonOf(at({ HOME: "", DOCKER_CONTEXT: "gone" }))).toContain("neither DOCKER_CONFIG nor HOME")
  })

  test("whose description is damaged or names no host are told by file, and a bad host by context", () => {
    for (const docker of [undefined, {}, { Host: "" }, { Host: 7 }])
      expect(reasonOf(inContext(docker))).toBe(
        `the docker context prod names no Docker daemon; look at /home/ada/.docker/${contextFiles("prod").meta}`,
      )
    const torn = at({ DOCKER_CONTEXT: "prod" }, { context: () => ({ meta: "{", tlsFiles: [] }) })
    expect(reasonOf(torn)).toContain("names no Docker daemon")
    expect(reasonOf(inContext({ Host: "tcp://node7:x" }))).toStartWith("docker context prod is tcp://node7:x")
  })
})
