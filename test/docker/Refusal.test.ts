import { describe, expect, test } from "bun:test"
import { type Doing, dockerError, type Refusal, silent } from "../../src/docker/Refusal.ts"
import type { DockerError } from "../../src/domain/Failure.ts"

const image = "ghcr.io/acme/vllm:0.11"
const refusal = (over: Partial<Refusal>): Refusal => ({
  doing: "create",
  status: 500,
  code: null,
  message: "",
  image,
  ...over,
})

type Case = readonly [Doing, number, string, DockerError["reason"], string]

const pull = `docker pull ${image}`
const toolkit = "nvidia-ctk runtime configure --runtime=docker"
const room = "docker system df"
const memory = "execution.container.memory"

/** What daemons and registries say, as they say it: what was asked, status, words, reason, and what the fix names. */
const cases: ReadonlyArray<Case> = [
  ["create", 404, `No such image: ${image}`, "image", pull],
  ["create", 404, `no such image: ${image}: No such image: ${image}`, "image", pull],
  ["pull", 404, `manifest for ${image} not found: manifest unknown: manifest unknown`, "image", pull],
  ["pull", 404, "manifest unknown", "image", pull],
  [
    "pull",
    404,
    "pull access denied for vllm, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    "image",
    pull,
  ],
  ["create", 404, `Unable to find image '${image}' locally`, "image", pull],
  ["pull", 404, "repository ghcr.io/acme/vllm not found: does not exist or no pull access", "image", pull],
  ["pull", 404, "name unknown: repository name not known to registry", "image", pull],
  ["save", 404, "reference does not exist", "image", pull],
  ["create", 400, "invalid reference format", "image", pull],
  [
    "pull",
    500,
    "Get https://ghcr.io/v2/acme/vllm/manifests/0.11: unauthorized: authentication required",
    "pull",
    "docker login ghcr.io",
  ],
  ["pull", 500, 'Head "https://ghcr.io/v2/": no basic auth credentials', "pull", "docker login ghcr.io"],
  ["pull", 500, "unauthorized: incorrect username or password", "pull", "docker login ghcr.io"],
  ["pull", 500, 'Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host', "pull", "llem images load"],
  [
    "pull",
    500,
    'Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
    "pull",
    "llem images load",
  ],
  [
    "pull",
    500,
    'Get "https://ghcr.io/v2/": net/http: request canceled while waiting for connection',
    "pull",
    "llem images load",
  ],
  ["pull", 500, 'Get "https://ghcr.io/v2/": net/http: TLS handshake timeout', "pull", "llem images load"],
  ["pull", 500, "x509: certificate signed by unknown authority", "pull", "llem images load"],
  ["pull", 200, "filesystem layer verification failed for digest sha256:0a1b", "pull", pull],
  ["pull", 200, "write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "pull", room],
  ["load", 500, "write /var/lib/docker/x: no space left on device", "pull", room],
  ["create", 500, "mkdir /var/lib/docker/overlay2/1: no space left on device", "daemon", room],
  ["start", 500, 'could not select device driver "" with capabilities: [[gpu]]', "gpu", toolkit],
  ["create", 400, "Unknown runtime specified nvidia", "gpu", toolkit],
  [
    "start",
    500,
    "OCI runtime create failed: nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown",
    "gpu",
    toolkit,
  ],
  ["start", 500, "load library failed: libnvidia-ml.so.1: cannot open shared object file", "gpu", toolkit],
  ["start", 500, "Failed to initialize NVML: Unknown Error", "gpu", toolkit],
  ["start", 500, "no GPUs available", "gpu", toolkit],
  ["start", 500, "driver procedures are not found", "gpu", toolkit],
  ["start", 500, "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=GPU-1", "gpu", toolkit],
  ["start", 500, "listen tcp4 127.0.0.1:8000: bind: address already in use", "port", "run the study again"],
  [
    "start",
    500,
    "driver failed programming external connectivity: Bind for 127.0.0.1:8000 failed: port is already allocated",
    "port",
    "run the study again",
  ],
  [
    "create",
    400,
    'invalid mount config for type "bind": bind source path does not exist: /models',
    "mount",
    "must exist on the node",
  ],
  ["create", 400, "Mounts denied: the path /models is not shared from the host", "mount", "must exist on the node"],
  [
    "info",
    403,
    "Got permission denied while trying to connect to the Docker daemon socket",
    "permission",
    "usermod -aG docker",
  ],
  ["create", 403, "authorization denied by plugin opa", "permission", "usermod -aG docker"],
  [
    "start",
    400,
    'OCI runtime create failed: exec: "vllm": executable file not found in $PATH: unknown',
    "crash",
    "images:",
  ],
  ["start", 400, 'exec: "/etc/passwd": permission denied: unknown', "crash", "images:"],
  ["start", 400, "exec /llem: exec format error", "crash", "images:"],
  ["start", 500, "fork/exec /usr/bin/runc: cannot allocate memory", "oom", memory],
  ["start", 500, "container init was OOM-killed (memory limit too low?): unknown", "oom", memory],
  ["create", 409, "Conflict. The container name is already in use", "crash", "llem doctor"],
  ["create", 500, "layer does not exist", "daemon", "journalctl -u docker"],
  ["pull", 500, "something that no rule knows", "pull", pull],
]

const shown = (words: string): string => words.slice(0, 70)

describe("a refusal of the daemon", () => {
  for (const [doing, status, message, reason, paste] of cases)
    test(`${doing} ${status}, ${shown(message)}: ${reason}`, () => {
      const error = dockerError(refusal({ doing, status, message }))
      expect(error.reason).toBe(reason)
      expect(error.fix).toContain(paste)
      expect(error.message).toContain(message)
      expect(error.message).toContain(image)
      expect(error.details).toEqual({ doing, status, code: null, daemon_message: message, image })
    })

  test("is read whatever its letters' case, and told on one line", () => {
    const error = dockerError(refusal({ message: "COULD NOT SELECT\nDEVICE   DRIVER", doing: "start" }))
    expect(error.message).toBe(`Docker could not start the container (${image}): COULD NOT SELECT DEVICE DRIVER`)
    expect(dockerError(refusal({ message: "MANIFEST UNKNOWN" })).reason).toBe("image")
  })

  test("names the registry to log in to, and none for Docker Hub", () => {
    const fix = (name: string, message: string) => dockerError(refusal({ doing: "pull", message, image: name })).fix
    for (const message of ["unauthorized", "pull access denied for x, repository does not exist"]) {
      expect(fix("acme/vllm", message)).toContain("(docker login)")
      expect(fix("localhost:5000/vllm", message)).toContain("(docker login localhost:5000)")
    }
  })

  test("without a word is told by its status", () => {
    const error = dockerError(refusal({ status: 503, image: null }))
    expect(error.message).toBe("Docker could not create the container: status 503")
    expect(error.reason).toBe("daemon")
  })

  test("about a thing that nobody pulls names no image that is not there", () => {
    const error = dockerError(refusal({ image: null, doing: "pull", message: "odd" }))
    expect(error.fix).toContain("docker pull IMAGE")
    expect(error.message).toBe("Docker could not pull the image: odd")
  })
})

describe("no answer at all", () => {
  const connect = (code: string, message: string) =>
    dockerError(refusal({ doing: "info", status: null, code, message, image: null }))

  test("EACCES is a matter of permission", () => {
    const error = connect("EACCES", "connect EACCES /var/run/docker.sock")
    expect(error.reason).toBe("permission")
    expect(error.message).toBe("This user may not talk to Docker: connect EACCES /var/run/docker.sock")
    expect(error.fix).toContain("sudo usermod -aG docker $USER")
    expect(connect("EPERM", "connect EPERM").reason).toBe("permission")
  })

  for (const code of ["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT"])
    test(`${code} is a daemon that is not there`, () => {
      const error = connect(code, `connect ${code} /var/run/docker.sock`)
      expect(error.reason).toBe("daemon")
      expect(error.message).toBe(`Docker could not tell about itself: connect ${code} /var/run/docker.sock`)
      expect(error.fix).toContain("sudo systemctl start docker")
      expect(error.details["code"]).toBe(code)
    })

  test("a host that nobody knows, and certificates that do not fit, are the connection's, not the daemon's", () => {
    expect(connect("ENOTFOUND", "getaddrinfo ENOTFOUND nowhere").fix).toContain("DOCKER_HOST")
    for (const code of [
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ]) {
      const error = connect(code, "certificate")
      expect(error.reason).toBe("daemon")
      expect(error.fix).toContain("DOCKER_CERT_PATH")
    }
  })

  test("limits that the daemon does not take name the keys of a study file", () => {
    for (const message of [
      "Minimum memory limit allowed is 6MB",
      "Requested CPUs are not available - requested 99, available: 0-1",
      "Invalid value x for cpuset cpus",
    ]) {
      const error = dockerError(refusal({ doing: "create", status: 400, message }))
      expect(error.reason).toBe("daemon")
      expect(error.fix).toContain("execution.container")
    }
  })

  test("a connection that breaks off is a daemon that went away, whatever was asked", () => {
    for (const doing of ["pull", "create", "start"] satisfies ReadonlyArray<Doing>)
      for (const message of ["socket hang up", "The socket connection was closed unexpectedly"])
        expect(dockerError(refusal({ doing, status: null, message })).reason).toBe("daemon")
  })

  test("silence has its limit in the words", () => {
    const pulled = silent("pull", 1800, image)
    expect(pulled.reason).toBe("pull")
    expect(pulled.message).toBe(`Docker did not pull the image (${image}) within 1800 s`)
    expect(pulled.fix).toContain(pull)
    const started = silent("start", 120, null)
    expect(started.reason).toBe("daemon")
    expect(started.message).toBe("Docker did not start the container within 120 s")
  })
})
