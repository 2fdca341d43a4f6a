import { describe, expect, test } from "bun:test"
import { type Doing, dockerError, type Refusal } from "../../src/docker/Refusal.ts"
import type { DockerError } from "../../src/domain/Failure.ts"

const image = "ghcr.io/acme/vllm:0.11"
const refused = (over: Partial<Refusal>): DockerError =>
  dockerError({ doing: "create", status: 500, code: null, message: "", image, ...over })

type Reason = DockerError["reason"]

const prune = "docker network prune"
const offline = "llem images save"
const node = "must exist on the node"
const program = "has no such program"
const toolkit = "nvidia-ctk"

/** Words that only one part of a rule knows: what was asked, words, reason, and what the fix names. */
const words: ReadonlyArray<readonly [Doing, string, Reason, string]> = [
  ["pull", "denied: requested access to the resource is denied", "pull", "docker login ghcr.io"],
  ["pull", 'Get "https://ghcr.io/v2/": dial tcp 140.82.121.34:443: i/o timeout', "pull", offline],
  ["pull", 'Get "https://ghcr.io/v2/": EOF', "pull", offline],
  ["pull", "dial tcp 10.0.0.1:443: connect: network is unreachable", "pull", offline],
  ["pull", "dial tcp 10.0.0.1:443: connect: no route to host", "pull", offline],
  ["pull", "lookup ghcr.io on 127.0.0.53:53: server misbehaving", "pull", offline],
  ["network", "could not find an available, non-overlapping IPv4 address pool among the defaults", "daemon", prune],
  ["network", "all predefined address pools have been fully subnetted", "daemon", prune],
  ["start", "listen EADDRINUSE 0.0.0.0:8000", "port", "run the study again"],
  ["create", "failed to discover GPU vendor from CDI: no known GPU vendor found", "gpu", toolkit],
  ["start", "CDI device injection failed: open /etc/cdi/nvidia.yaml", "gpu", toolkit],
  ["start", "failed to inject CDI devices: unresolvable CDI devices nvidia.com/gpu=0", "gpu", toolkit],
  ["start", 'exec: "/app/server": stat /app/server: no such file or directory', "crash", program],
  ["start", "exec /app/server: no such file or directory: unknown", "crash", program],
  ["start", 'error mounting "/models" to rootfs at "/models"', "mount", node],
  ["start", "path /models is mounted on / but it is not a shared mount", "mount", node],
  ["start", "error while creating mount source path '/models': mkdir /models: read-only file system", "mount", node],
  ["create", 'invalid volume specification: "/a:/b:x"', "mount", node],
  ["info", "dial unix /var/run/docker.sock: connect: permission denied", "permission", "usermod -aG docker"],
]

/** The same words, asked for something else: they do not send anybody to a registry, or to an image's programs. */
const elsewhere: ReadonlyArray<readonly [Doing, number, string, Reason, string]> = [
  ["load", 500, "unexpected EOF", "pull", "llem images save"],
  ["load", 500, "something that no rule knows", "pull", "llem images save"],
  ["load", 200, "unexpected commit digest sha256:0a, expected sha256:0b", "pull", "pull it anew"],
  ["start", 500, "dial tcp 10.0.0.1:7946: i/o timeout", "daemon", "journalctl -u docker"],
  ["create", 500, "the layer of digest sha256:0a is damaged", "daemon", "journalctl -u docker"],
  ["create", 500, "stat /var/lib/docker/overlay2/1: no such file or directory", "daemon", "journalctl -u docker"],
  ["create", 401, "unauthorized", "crash", "llem doctor"],
]

describe("a refusal's words", () => {
  for (const [doing, message, reason, paste] of words)
    test(`${doing}, ${message}: ${reason}`, () => {
      const error = refused({ doing, message })
      expect(error.reason).toBe(reason)
      expect(error.fix).toContain(paste)
    })

  for (const [doing, status, message, reason, paste] of elsewhere)
    test(`${doing} ${status}, ${message}: ${reason}, by what was asked`, () => {
      const error = refused({ doing, status, message })
      expect(error.reason).toBe(reason)
      expect(error.fix).toContain(paste)
    })

  test("without a status, a code or a rule are the daemon's matter", () => {
    expect(refused({ status: null, message: "aborted" })).toMatchObject({ reason: "daemon" })
  })

  for (const code of [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "CERT_HAS_EXPIRED",
  ])
    test(`${code} is no daemon to start, but one whose certificate is to be known`, () => {
      const error = refused({ doing: "info", status: null, code, message: "it does not match", image: null })
      expect(error.reason).toBe("daemon")
      expect(error.fix).toContain("DOCKER_CERT_PATH")
      expect(error.fix).not.toContain("systemctl")
    })

  test("say what was asked of a container that runs", () => {
    expect(refused({ doing: "container", image: null, message: "odd" }).message).toBe(
      "Docker could not work on the container: odd",
    )
  })
})
