import type { ContainerMount, ContainerSpec } from "../docker/ContainerSpec.ts"
import type { ImageInfo } from "../docker/Docker.ts"
import { labels, ownerText } from "../docker/Owner.ts"
import type { OwnerIdentity } from "../domain/Owner.ts"
import { embeddedImage, inOwnImage } from "../domain/OwnImage.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import type { LaunchContext } from "./EngineHost.ts"

/** The port that every engine listens on in its own container. */
export const enginePort = 8000

/** Where llem and what it is loaded with lie in an image that is not its own, and where it unpacks its engine there. */
const mounted = { binary: "/.llem/llem", libraries: "/.llem/lib", engine: "/tmp/llem-engine" } as const

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
  readonly user: string
  readonly gpuDriver: "nvidia" | "cdi"
  /** llem's own binary on this node, and the folder of loader and libraries; null for llem's own image. */
  readonly runtime: { readonly binary: string; readonly folder: string } | null
}

const isOwn = (reference: string): boolean => reference === embeddedImage

/** The command that starts llem itself in the container. */
const llem = (reference: string): ReadonlyArray<string> =>
  isOwn(reference)
    ? [inOwnImage.binary]
    : [`${mounted.libraries}/ld-linux-x86-64.so.2`, "--library-path", mounted.libraries, mounted.binary]

/** Whether the launch's first line of input is read: the embedded engine follows its input by itself. */
export const isSupervised = (launch: EngineLaunch): boolean => launch.program.kind !== "self"

const fill = (text: string, reference: string): string =>
  text
    .replaceAll("{port}", String(enginePort))
    .replaceAll("{host}", "0.0.0.0")
    .replaceAll("{libraries}", isOwn(reference) ? inOwnImage.libraries : mounted.engine)

const programOf = ({ launch, image }: LaunchParts): ReadonlyArray<string> => {
  if (launch.program.kind === "self") return []
  if (launch.container.command !== null) return launch.container.command
  return image.entrypoint.length > 0 ? image.entrypoint : [launch.program.name]
}

const commandOf = (parts: LaunchParts): ReadonlyArray<string> => {
  const argv = parts.launch.argv.map((argument) => fill(argument, parts.reference))
  const self = llem(parts.reference)
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

const mountsOf = ({ launch, runtime }: LaunchParts): ReadonlyArray<ContainerMount> => [
  ...(runtime === null ? [] : [bind(runtime.binary, mounted.binary), bind(runtime.folder, mounted.libraries)]),
  ...launch.mounts.map(({ hostPath, readOnly }) => bind(hostPath, hostPath, readOnly)),
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
    workingDirectory: null,
    env: { ...launch.env, LLEM_CONTAINER: "1", HOME: "/tmp" },
    labels: {
      [labels.owner]: ownerText(parts.owner),
      [labels.study]: context.study,
      [labels.cell]: `${cell.index}_c${cell.cycle}_${cell.hash.slice(0, 8)}`,
    },
    user: container.anyUser ? parts.user : null,
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
    gpus: { driver: parts.gpuDriver, uuids: cell.placement.gpuUuids },
  }
}
