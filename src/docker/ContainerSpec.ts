/** A file, folder or named volume in a container. */
export interface ContainerMount {
  readonly kind: "bind" | "volume"
  /** A path of the node, or the volume's name. */
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/** One container as llem asks for it: least privilege is not a choice here. */
export interface ContainerSpec {
  readonly name: string
  /** The image's id: what runs is what was looked at. */
  readonly image: string
  /** The image as a person named it, for messages. */
  readonly reference: string
  /** The whole command; the image's own entrypoint is not used. */
  readonly command: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  /** `uid:gid`; null: the image's own user. */
  readonly user: string | null
  /** Further groups of the user, by number: files that only a group may read are read in the container, too. */
  readonly groups: ReadonlyArray<string>
  /** Whether SELinux keeps the container from files of this node; off where files are mounted, which are not relabelled. */
  readonly selinuxLabel: boolean
  readonly mounts: ReadonlyArray<ContainerMount>
  /** Folders in memory, from which programs may be loaded. */
  readonly temporary: ReadonlyArray<string>
  readonly network: string
  /** A port of the container to publish on the node's loopback interface; null for none. */
  readonly publishedPort: number | null
  readonly memoryBytes: number | null
  readonly cpuset: string | null
  readonly shmBytes: number | null
  readonly pids: number
  readonly ipc: "private" | "host"
  readonly ulimits: ReadonlyArray<{ readonly name: string; readonly soft: number; readonly hard: number }>
  /** GPUs by UUID, through the NVIDIA runtime's driver or through CDI. */
  readonly gpus: { readonly driver: "nvidia" | "cdi"; readonly uuids: ReadonlyArray<string> }
}

/** A container that gets and is limited in nothing in particular: what a spec begins with. */
export const plainContainer: Omit<ContainerSpec, "name" | "image" | "reference" | "command"> = {
  env: {},
  labels: {},
  user: null,
  groups: [],
  selinuxLabel: true,
  mounts: [],
  temporary: [],
  network: "none",
  publishedPort: null,
  memoryBytes: null,
  cpuset: null,
  shmBytes: null,
  pids: 256,
  ipc: "private",
  ulimits: [],
  gpus: { driver: "nvidia", uuids: [] },
}

const deviceRequests = ({ gpus }: ContainerSpec) => {
  if (gpus.uuids.length === 0) return []
  return gpus.driver === "cdi"
    ? [{ Driver: "cdi", DeviceIDs: gpus.uuids.map((uuid) => `nvidia.com/gpu=${uuid}`) }]
    : [{ Driver: "", Count: 0, DeviceIDs: [...gpus.uuids], Capabilities: [["gpu"]], Options: {} }]
}

/**
 * The body of POST /containers/create. Every container has an init process, no capabilities, no way to gain any, a
 * read-only root file system, a limit on processes, no daemon-side log and an input that stays open as long as
 * llem lives. Memory beyond the limit does not go to swap.
 */
export const createBody = (spec: ContainerSpec) => {
  const port = spec.publishedPort === null ? null : `${spec.publishedPort}/tcp`
  return {
    Image: spec.image,
    Entrypoint: [...spec.command],
    Cmd: [],
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...spec.labels },
    ...(spec.user === null ? {} : { User: spec.user }),
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
    ...(port === null ? {} : { ExposedPorts: { [port]: {} } }),
    HostConfig: {
      Init: true,
      AutoRemove: false,
      RestartPolicy: { Name: "" },
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true", ...(spec.selinuxLabel ? [] : ["label=disable"])],
      ...(spec.groups.length === 0 ? {} : { GroupAdd: [...spec.groups] }),
      ReadonlyRootfs: true,
      Tmpfs: Object.fromEntries(spec.temporary.map((path) => [path, "rw,exec,nosuid,nodev,mode=1777"])),
      Mounts: spec.mounts.map((mount) => ({
        Type: mount.kind,
        Source: mount.source,
        Target: mount.target,
        ReadOnly: mount.readOnly,
      })),
      NetworkMode: spec.network,
      ...(port === null ? {} : { PortBindings: { [port]: [{ HostIp: "127.0.0.1", HostPort: "" }] } }),
      LogConfig: { Type: "none", Config: {} },
      PidsLimit: spec.pids,
      IpcMode: spec.ipc,
      ...(spec.shmBytes === null || spec.ipc === "host" ? {} : { ShmSize: spec.shmBytes }),
      ...(spec.memoryBytes === null ? {} : { Memory: spec.memoryBytes, MemorySwap: spec.memoryBytes }),
      ...(spec.cpuset === null ? {} : { CpusetCpus: spec.cpuset }),
      Ulimits: spec.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      DeviceRequests: deviceRequests(spec),
    },
  }
}
