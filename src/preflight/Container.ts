/** What of this process's surroundings tells whether it runs inside a container. */
export interface ContainerTraces {
  /** `LLEM_CONTAINER`, which llem sets in every container that it starts. */
  readonly marker: string | null
  /** The text of /proc/self/mountinfo; null where it cannot be read. */
  readonly mountInfo: string | null
  /** Whether /run/.containerenv is there (Podman). */
  readonly containerEnvironmentFile: boolean
  /** The variable `container` (systemd-nspawn, Podman, LXC). */
  readonly containerVariable: string | null
}

/** Docker and containerd mount a container's /etc/hostname from a folder that is named by its id. */
const ownHostname = /\/(?:overlay-)?(?:containers|sandboxes)\/[0-9a-f]{12,64}\//

const hostnameIsMounted = (mountInfo: string): boolean =>
  mountInfo.split("\n").some((line) => {
    const [, , , root, mountPoint] = line.split(" ")
    return mountPoint === "/etc/hostname" && root !== undefined && ownHostname.test(root)
  })

/**
 * Whether these are the surroundings of a container: our own marker, a mounted /etc/hostname, Podman's file, the
 * variable. /.dockerenv is not asked: machines that were made from container images have it, too.
 */
export const isInside = (traces: ContainerTraces): boolean =>
  (traces.marker !== null && traces.marker !== "") ||
  (traces.mountInfo !== null && hostnameIsMounted(traces.mountInfo)) ||
  traces.containerEnvironmentFile ||
  (traces.containerVariable !== null && traces.containerVariable !== "")
