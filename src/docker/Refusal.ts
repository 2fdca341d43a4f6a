import { DockerError } from "../domain/Failure.ts"
import { dockerHub, registryOf } from "./Credentials.ts"

/** What was asked of the daemon when it refused. */
export type Doing = "info" | "image" | "pull" | "load" | "save" | "create" | "start" | "network" | "container"

/** What came back instead of a success. */
export interface Refusal {
  readonly doing: Doing
  /** Status of the daemon's HTTP answer; null when there was no answer. */
  readonly status: number | null
  /** The system's code where the connection failed, e.g. ECONNREFUSED. */
  readonly code: string | null
  /** The daemon's own words. */
  readonly message: string
  readonly image: string | null
}

type Reason = DockerError["reason"]

interface Rule {
  readonly reason: Reason
  readonly text: RegExp
  /** Restricts the rule to some requests. */
  readonly doing?: ReadonlyArray<Doing>
  readonly fix: (image: string) => string
}

const fetching: ReadonlyArray<Doing> = ["pull", "load"]
const toolkit =
  "Install the NVIDIA driver and the NVIDIA Container Toolkit (nvidia-ctk runtime configure --runtime=docker), restart Docker, and try: docker run --rm --gpus all IMAGE nvidia-smi"

export const gpuText =
  /could not select device driver|nvidia-container-cli|failed to initialize nvml|no gpus available|driver procedures are not found|unknown runtime specified nvidia|driver not loaded|libnvidia-ml\.so|unresolvable cdi devices|cdi device injection failed|no known gpu vendor/i
export const memoryText = /out of memory|oom-killed|cannot allocate memory|std::bad_alloc|outofmemoryerror/i
export const portText = /address already in use|eaddrinuse|port is already allocated/i

const login = (image: string): string => {
  const registry = registryOf(image)
  return registry === dockerHub ? "docker login" : `docker login ${registry}`
}

/** The first rule that fits decides: the particular ones stand before the general ones. */
const rules: ReadonlyArray<Rule> = [
  {
    reason: "pull",
    text: /no space left on device/i,
    doing: fetching,
    fix: () => "Free space on the disk of Docker's images (docker system df shows what lies there).",
  },
  {
    reason: "daemon",
    text: /no space left on device/i,
    fix: () => "Free space on Docker's disk (docker system df shows what lies there).",
  },
  {
    // Registries say this of a name that is not there as of one that needs a login: they do not tell which.
    reason: "image",
    text: /pull access denied/i,
    fix: (image) => `Check the image's name, or log in to its registry (${login(image)}), then: docker pull ${image}`,
  },
  {
    reason: "pull",
    text: /unauthorized|authentication required|no basic auth|incorrect username or password|denied: requested access/i,
    doing: fetching,
    fix: (image) => `Log in to its registry (${login(image)}), then: docker pull ${image}`,
  },
  {
    reason: "image",
    text: /no such image|manifest unknown|manifest for .* not found|unable to find image|repository .*does not exist|repository .*not found|name unknown|reference does not exist|invalid reference format/i,
    fix: (image) => `Check the image's name, then: docker pull ${image}`,
  },
  {
    reason: "pull",
    text: /digest|verification failed|unexpected commit/i,
    doing: fetching,
    fix: (image) => `What the registry sent is not what it promised; pull it anew: docker pull ${image}`,
  },
  {
    reason: "pull",
    text: /no such host|i\/o timeout|network is unreachable|connection refused|tls handshake|server misbehaving|no route to host|request canceled|EOF|certificate/i,
    doing: ["pull"],
    fix: (image) =>
      `The registry cannot be reached from this node. Bring the image there in a file: llem images save ${image} -o image.tar on a node that has it, llem images load image.tar here.`,
  },
  {
    reason: "daemon",
    text: /non-overlapping ipv4 address pool|all predefined address pools/i,
    fix: () => "Docker has no addresses left for a network; remove those that nobody uses: docker network prune",
  },
  { reason: "gpu", text: gpuText, fix: () => toolkit },
  {
    reason: "port",
    text: portText,
    fix: () => "Another process took the port between its choice and its use; run the study again.",
  },
  {
    reason: "mount",
    text: /bind source path does not exist|invalid mount config|mounts denied|invalid volume specification|error while creating mount source|error mounting|is not a shared mount/i,
    fix: () => "The daemon does not see that path: it must exist on the node that the daemon runs on.",
  },
  {
    reason: "permission",
    text: /permission denied.*docker|docker\.sock.*permission denied|authorization denied by plugin/i,
    fix: () => "Let this user talk to Docker (sudo usermod -aG docker $USER, then log in again).",
  },
  {
    reason: "crash",
    text: /executable file not found|exec format error|exec: .*permission denied|no such file or directory: unknown|stat .*: no such file or directory/i,
    doing: ["start"],
    fix: (image) => `The image ${image} has no such program for this processor; name one that has (images:).`,
  },
  {
    reason: "daemon",
    text: /minimum memory limit|memory limit (?:should|can)|cpuset|requested cpus are not available|pids ?limit|shm size/i,
    doing: ["create", "start"],
    fix: () =>
      "Correct the limits in execution.container (memory, cpuset, pids, shm_size): this daemon does not take them.",
  },
  {
    reason: "oom",
    text: memoryText,
    fix: () => "Reduce the batch size or the context, use a smaller model, or raise execution.container.memory.",
  },
]

const doingWords: Readonly<Record<Doing, string>> = {
  info: "tell about itself",
  image: "look for the image",
  pull: "pull the image",
  load: "load the image",
  save: "save the image",
  create: "create the container",
  start: "start the container",
  network: "make a network for the container",
  container: "work on the container",
}

const start = "Check that Docker runs (sudo systemctl status docker), and start it: sudo systemctl start docker"

/** Codes with which a TLS connection is refused, by this side or the other. */
const certificates = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ISSUER/

const unreachable = ({ code, message }: Refusal): { readonly reason: Reason; readonly fix: string } | null => {
  if (code === "EACCES" || code === "EPERM")
    return {
      reason: "permission",
      fix: "Let this user talk to Docker (sudo usermod -aG docker $USER, then log in again).",
    }
  if (code !== null && certificates.test(code))
    return {
      reason: "daemon",
      fix: "Check the certificates of the daemon's connection (ca.pem, cert.pem, key.pem in DOCKER_CERT_PATH or in the docker context).",
    }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return {
      reason: "daemon",
      fix: "Check the host's name in DOCKER_HOST or in the docker context (docker context ls).",
    }
  if (code !== null || /socket hang up|connection (?:was )?closed/i.test(message))
    return { reason: "daemon", fix: start }
  return null
}

const general = ({ doing, status, image }: Refusal): { readonly reason: Reason; readonly fix: string } => {
  if (doing === "load")
    return {
      reason: "pull",
      fix: "It must be a file of llem images save or docker save, whole; copy it again, and compare its sha256sum.",
    }
  if (doing === "pull") return { reason: "pull", fix: `See what the daemon says: docker pull ${image ?? "IMAGE"}` }
  return status === null || status >= 500
    ? { reason: "daemon", fix: "See the daemon's log (journalctl -u docker)." }
    : {
        reason: "crash",
        fix: "See the daemon's log (journalctl -u docker); llem doctor shows what Docker can do here.",
      }
}

/** A daemon's refusal as the typed error, from its status and its own words. */
export const dockerError = (refusal: Refusal): DockerError => {
  const { doing, status, code, message, image } = refusal
  const rule = rules.find((one) => (one.doing?.includes(doing) ?? true) && one.text.test(message))
  const judged =
    unreachable(refusal) ??
    (rule === undefined ? general(refusal) : { reason: rule.reason, fix: rule.fix(image ?? "IMAGE") })
  const what = image === null ? doingWords[doing] : `${doingWords[doing]} (${image})`
  const said = message.trim().replace(/\s+/g, " ")
  return new DockerError({
    reason: judged.reason,
    message:
      judged.reason === "permission" && code !== null
        ? `This user may not talk to Docker: ${said}`
        : `Docker could not ${what}: ${said === "" ? (code ?? `status ${status}`) : said}`,
    fix: judged.fix,
    details: { doing, status, code, daemon_message: said, image },
  })
}

/** The daemon did not answer in time. */
export const silent = (doing: Doing, seconds: number, image: string | null): DockerError =>
  new DockerError({
    reason: doing === "pull" ? "pull" : "daemon",
    message: `Docker did not ${doingWords[doing]}${image === null ? "" : ` (${image})`} within ${seconds} s`,
    fix: doing === "pull" ? `Pull it beforehand: docker pull ${image ?? "IMAGE"}` : start,
    details: { doing, limit_seconds: seconds, image },
  })
