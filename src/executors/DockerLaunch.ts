import type { ContainerMount, ContainerSpec } from "../docker/ContainerSpec.ts"
import type { DaemonInfo, ImageInfo } from "../docker/Docker.ts"
import { labels, ownerText } from "../docker/Owner.ts"
import type { OwnerIdentity } from "../domain/Owner.ts"
import { embeddedImage, inOwnImage } from "../domain/OwnImage.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import type { LaunchContext } from "./EngineHost.ts"

/** The port that every engine listens on in its own container. */
export const enginePort = 8000

/** Where llem and what it is loaded with lie in an image that is not its own, and where it unpacks its engine there. */
const mounted = {
  binary: "/.llem/llem",
  libraries: "/.llem/lib",
  engine: "/tmp/llem-engine",
  files: "/.llem/files",
} as const

/** What a container is made of. */
export interface LaunchParts {
  readonly launch: EngineLaunch
  readonly context: LaunchContext
  readonly image: ImageInfo
  readonly reference: string
  readonly name: string
  readonly network: string
  readonly published: boolean
  readonly owner: OwnerIdentity
  /** Who llem runs as. */
  readonly user: { readonly userAndGroup: string; readonly groups: ReadonlyArray<string> }
  readonly daemon: Pick<DaemonInfo, "rootless" | "selinux" | "devices">
  /** llem's own binary on this node, the folder of libraries, and the loader in it; null for llem's own image. */
  readonly runtime: { readonly binary: string; readonly folder: string; readonly loader: string } | null
}

const isOwn = (reference: string): boolean => reference === embeddedImage

/** The command that starts llem itself in the container. */
const llem = ({ runtime }: LaunchParts): ReadonlyArray<string> =>
  runtime === null
    ? [inOwnImage.binary]
    : [`${mounted.libraries}/${runtime.loader}`, "--library-path", mounted.libraries, mounted.binary]

/** Whether the launch's first line of input is read: the embedded engine follows its input by itself. */
export const isSupervised = (launch: EngineLaunch): boolean => launch.program.kind !== "self"

const fill = (text: string, reference: string): string =>
  text
    .replaceAll("{port}", String(enginePort))
    .replaceAll("{host}", "0.0.0.0")
    .replaceAll("{files}", mounted.files)
    .replaceAll("{libraries}", isOwn(reference) ? inOwnImage.libraries : mounted.engine)

const programOf = ({ launch, image }: LaunchParts): ReadonlyArray<string> => {
  if (launch.program.kind === "self") return []
  if (launch.container.command !== null) return launch.container.command
  return image.entrypoint.length > 0 ? image.entrypoint : [launch.program.name]
}

const commandOf = (parts: LaunchParts): ReadonlyArray<string> => {
  const argv = parts.launch.argv.map((argument) => fill(argument, parts.reference))
  const self = llem(parts)
  return isSupervised(parts.launch) ? [...self, "__supervise", ...programOf(parts), ...argv] : [...self, ...argv]
}

/** A volume's name may hold letters, digits, dot, dash and underscore only. */
const volumeName = (backend: string, path: string): string => `llem-${backend}${path.replace(/[^A-Za-z0-9.]+/g, "-")}`

const bind = (source: string, target: string, readOnly = true): ContainerMount => ({
  kind: "bind",
  source,
  target,
  readOnly,
})

const mountsOf = ({ launch, context, runtime }: LaunchParts): ReadonlyArray<ContainerMount> => [
  ...(runtime === null ? [] : [bind(runtime.binary, mounted.binary), bind(runtime.folder, mounted.libraries)]),
  ...launch.mounts.map(({ hostPath, readOnly }) => bind(hostPath, hostPath, readOnly)),
  ...Object.keys(launch.texts ?? {}).map((name) => bind(`${context.directory}/${name}`, `${mounted.files}/${name}`)),
  ...launch.container.writable
    .filter(({ kept }) => kept)
    .map(
      ({ path }): ContainerMount => ({
        kind: "volume",
        source: volumeName(launch.backend, path),
        target: path,
        readOnly: false,
      }),
    ),
]

/** CDI where the daemon knows every one of the GPUs by its UUID; else its own driver finds them. */
const gpuDriverFor = (uuids: ReadonlyArray<string>, { devices }: LaunchParts["daemon"]): "nvidia" | "cdi" =>
  uuids.length > 0 && uuids.every((uuid) => devices.includes(`nvidia.com/gpu=${uuid}`)) ? "cdi" : "nvidia"

/** Who the engine runs as. A rootless daemon's root is whoever started it: only that one may read their files. */
const userOf = ({ launch, user, daemon }: LaunchParts): Pick<ContainerSpec, "user" | "groups"> => {
  if (!launch.container.anyUser) return { user: null, groups: [] }
  return daemon.rootless ? { user: "0:0", groups: [] } : { user: user.userAndGroup, groups: user.groups }
}

/** The container for a launch. The same path means the same file inside and outside. */
export const containerSpec = (parts: LaunchParts): ContainerSpec => {
  const { launch, context, image } = parts
  const { cell } = context
  const { container } = launch
  const limits = cell.placement.container
  return {
    name: parts.name,
    image: image.id,
    command: commandOf(parts),
    reference: parts.reference,
    env: { HOME: "/tmp", ...launch.env, LLEM_CONTAINER: "1" },
    labels: {
      [labels.owner]: ownerText(parts.owner),
      [labels.study]: context.study,
      [labels.cell]: `${cell.index}_c${cell.cycle}_${cell.hash.slice(0, 8)}`,
    },
    ...userOf(parts),
    selinuxLabel: !parts.daemon.selinux,
    mounts: mountsOf(parts),
    temporary: ["/tmp", ...container.writable.filter(({ kept }) => !kept).map(({ path }) => path)],
    network: parts.network,
    publishedPort: parts.published ? enginePort : null,
    memoryBytes: limits.memoryBytes,
    cpuset: limits.cpuset,
    shmBytes: limits.shmBytes ?? container.shmBytes,
    pids: limits.pids,
    ipc: container.ipc,
    ulimits: container.ulimits,
    gpus: { driver: gpuDriverFor(cell.placement.gpuUuids, parts.daemon), uuids: cell.placement.gpuUuids },
  }
}
