import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import type { PlaceInput } from "../../src/docker/Place.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { at, host, inContext, meta, reasonOf } from "./places.ts"

const sockets = ["/var/run/docker.sock", "/home/ada/.docker/run/docker.sock"]

describe("which setting names the daemon", () => {
  const context = (name: string) => ({ meta: meta({ Host: `unix:///${name}.sock` }), tlsFiles: [] })
  const configText = JSON.stringify({ auths: {}, currentContext: "current" })

  test("DOCKER_HOST, then DOCKER_CONTEXT, then config.json, then the default", () => {
    const all = { DOCKER_HOST: "unix:///host.sock", DOCKER_CONTEXT: "named" }
    const found = (variables: PlaceInput["variables"], text: string | null = configText) =>
      at(variables, { configText: text, context })
    expect(found(all)).toEqual({ kind: "sockets", paths: ["/host.sock"], source: "DOCKER_HOST" })
    expect(found({ ...all, DOCKER_HOST: " " })).toEqual({
      kind: "sockets",
      paths: ["/named.sock"],
      source: "docker context named",
    })
    expect(found({ DOCKER_CONTEXT: "" })).toEqual({
      kind: "sockets",
      paths: ["/current.sock"],
      source: "docker context current",
    })
    expect(found({}, "{}")).toEqual({ kind: "sockets", paths: sockets, source: "the default" })
    expect(found({}, null)).toEqual({ kind: "sockets", paths: sockets, source: "the default" })
  })

  test("DOCKER_CONTEXT=default leaves config.json's context aside, and so does a current context of that name", () => {
    const named = at({ DOCKER_CONTEXT: "default" }, { configText, context })
    expect(named).toEqual({ kind: "sockets", paths: sockets, source: "DOCKER_CONTEXT" })
    expect(at({}, { configText: '{"currentContext":"default"}', context })).toMatchObject({ paths: sockets })
    expect(at({}, { configText: '{"currentContext":""}', context })).toMatchObject({ paths: sockets })
  })

  test("the default sockets: the system's, the user's runtime folder, the home directory", () => {
    expect(at({ XDG_RUNTIME_DIR: "/run/user/7" })).toMatchObject({
      paths: ["/var/run/docker.sock", "/run/user/7/docker.sock", "/home/ada/.docker/run/docker.sock"],
    })
    expect(at({ HOME: "", XDG_RUNTIME_DIR: "" })).toMatchObject({ paths: ["/var/run/docker.sock"] })
  })

  test("a config.json that cannot be understood leaves the default, and the source says so", () => {
    for (const configText of ["{", "[]", '{"currentContext": 7}'])
      expect(at({}, { configText })).toEqual({
        kind: "sockets",
        paths: sockets,
        source: "the default, as Docker's config.json cannot be understood",
      })
  })
})

describe("addresses", () => {
  test.each([
    ["tcp://node7:4243", "node7", 4243],
    ["tcp://node7", "node7", 2375],
    ["tcp://node7:", "node7", 2375],
    ["tcp://node7:4243/", "node7", 4243],
    ["TCP://node7:1", "node7", 1],
    ["tcp://", "localhost", 2375],
    [":4243", "localhost", 4243],
    ["node7:4243", "node7", 4243],
    ["10.0.0.7", "10.0.0.7", 2375],
    ["http://node7", "node7", 2375],
    ["tcp://[::1]:4243", "::1", 4243],
    ["tcp://[fe80::1%eth0]", "fe80::1%eth0", 2375],
    ["  tcp://node7:65535\n", "node7", 65_535],
  ])("%p", (address, name, port) => {
    expect(host(address)).toEqual({ kind: "tcp", host: name, port, tls: null, source: "DOCKER_HOST" })
  })

  test("a unix socket by its path; without one, the system's", () => {
    expect(host("unix:///run/user/7/d.sock")).toMatchObject({ paths: ["/run/user/7/d.sock"] })
    expect(host("unix://")).toMatchObject({ paths: ["/var/run/docker.sock"] })
  })

  test.each([
    ["tcp://node7:0", "its port 0 is not between 1 and 65535"],
    ["tcp://node7:65536", "its port 65536 is not"],
    ["tcp://node7:http", "which is no address of a Docker daemon; it must be unix:///path/to/docker.sock"],
    ["tcp://node7:1/v1", "no address"],
    ["tcp://node 7", "no address"],
    ["tcp://[::1", "no address"],
    ["tcp://::1", "an IPv6 address needs brackets"],
    ["fe80::1:2375", "an IPv6 address needs brackets"],
    ["ftp://node7", "ftp:// is not understood"],
    ["unix://run/docker.sock", "must be absolute, as in unix:///run/docker.sock"],
    ["/run/docker.sock", "write unix:///run/docker.sock"],
  ])("%p has its reason", (address, reason) => {
    expect(host(address)).toMatchObject({ kind: "unusable", code: "docker_unavailable" })
    expect(reasonOf(host(address))).toContain(reason)
    expect(reasonOf(host(address))).toStartWith("DOCKER_HOST is ")
  })

  test("a daemon behind SSH or a Windows pipe is somewhere else", () => {
    expect(host("ssh://ada@node7")).toMatchObject({ kind: "unusable", code: "docker_remote" })
    expect(reasonOf(host("ssh://ada@node7"))).toContain(
      "DOCKER_HOST is ssh://ada@node7, a daemon behind SSH; run llem on",
    )
    expect(host("npipe:////./pipe/docker_engine")).toMatchObject({ kind: "unusable", code: "docker_remote" })
    expect(inContext({ Host: "ssh://node7" })).toMatchObject({ kind: "unusable", code: "docker_remote" })
  })

  test.each(["ssh://ada:hunter2@node7", "tcp://ada:hunter2@node7:1", "ada:hunter2@node7", "ftp://ada:hun@ter2@node7"])(
    "the password in %p is not told",
    (address) => {
      expect(host(address).kind).toBe("unusable")
      expect(reasonOf(host(address))).toContain("ada:***@node7")
      expect(reasonOf(host(address))).not.toMatch(/hun|ter2/)
    },
  )

  prop(
    "any value leads to a socket, an address that can be connected to, or a reason",
    arbitraryOf(Schema.String),
    (text) => {
      for (const address of [text, `tcp://${text}`, `tcp://[${text}]:${text}`, `unix://${text}`, `https://${text}`]) {
        const found = host(address)
        switch (found.kind) {
          case "sockets":
            if (!found.paths.every((path) => path.startsWith("/"))) return false
            break
          case "tcp":
            if (found.host === "" || found.port < 1 || found.port > 65_535) return false
            break
          case "unusable":
            if (found.reason.length < 20) return false
        }
      }
      return true
    },
  )
})

describe("TLS by the environment", () => {
  const files = (folder: string) => ({
    caFile: `${folder}/ca.pem`,
    certFile: `${folder}/cert.pem`,
    keyFile: `${folder}/key.pem`,
    verify: true,
  })

  test("DOCKER_TLS_VERIFY with any value, from DOCKER_CERT_PATH or the configuration folder, on port 2376", () => {
    expect(host("tcp://node7", { DOCKER_TLS_VERIFY: "0" })).toEqual({
      kind: "tcp",
      host: "node7",
      port: 2376,
      tls: files("/home/ada/.docker"),
      source: "DOCKER_HOST",
    })
    const own = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs", DOCKER_CONFIG: "/config" }
    expect(host("http://node7:1", own)).toMatchObject({ port: 1, tls: files("/certs") })
    expect(host("tcp://node7", { ...own, DOCKER_CERT_PATH: "" })).toMatchObject({ tls: files("/config") })
  })

  test("DOCKER_TLS_VERIFY holds for an https address too, without a folder of its own", () => {
    expect(host("https://node7", { DOCKER_TLS_VERIFY: "1" })).toMatchObject({ tls: files("/home/ada/.docker") })
  })

  test("DOCKER_CERT_PATH alone turns nothing on, but serves an https address", () => {
    expect(host("tcp://node7", { DOCKER_CERT_PATH: "/certs" })).toMatchObject({ port: 2375, tls: null })
    expect(host("https://node7", { DOCKER_CERT_PATH: "/certs" })).toMatchObject({ port: 2376, tls: files("/certs") })
    expect(host("https://node7")).toMatchObject({
      port: 2376,
      tls: { caFile: null, certFile: null, keyFile: null, verify: true },
    })
  })
})
