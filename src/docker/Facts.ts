import type { DockerError } from "../domain/Failure.ts"
import type { DockerFacts } from "../domain/NodeFacts.ts"
import type { DaemonInfo } from "./Docker.ts"

/** What is known of this node beside what the daemon says. */
export interface HostSide {
  readonly kernelVersion: string
  readonly hasGpus: boolean
  /** Whether NVIDIA's hook is where dockerd looks for it when it starts. */
  readonly hasGpuHook: boolean
}

const codes: Readonly<Partial<Record<DockerError["reason"], string>>> = {
  permission: "docker_permission",
  remote: "docker_remote",
}

/** A daemon that did not tell about itself. */
export const refused = (error: DockerError, where: string): DockerFacts => ({
  usable: false,
  code: codes[error.reason] ?? "docker_unavailable",
  reason: `the daemon at ${where} does not answer as one (${error.message})`,
})

const handsOnGpus = (info: DaemonInfo, host: HostSide): boolean =>
  info.devices.some((device) => device.startsWith("nvidia.com/gpu")) ||
  info.runtimes.includes("nvidia") ||
  host.hasGpuHook

/**
 * What a daemon's own words say of its use here. Another kernel is another machine, or a virtual one: engines there
 * are out of reach of this node's meters. GPUs are handed on where the daemon found them through CDI, has NVIDIA's
 * runtime, or NVIDIA's hook.
 */
export const judged = (info: DaemonInfo, where: string, host: HostSide): DockerFacts => {
  if (info.kernelVersion !== "" && info.kernelVersion !== host.kernelVersion)
    return {
      usable: false,
      code: "docker_remote",
      reason: `the daemon at ${where} runs on another machine or in a virtual one (${info.operatingSystem}, kernel ${info.kernelVersion}; this node has ${host.kernelVersion})`,
    }
  const gpuReason =
    host.hasGpus && !handsOnGpus(info, host)
      ? "this node has GPUs, but its Docker cannot hand them to a container: it has no NVIDIA runtime, no CDI devices and no nvidia-container-runtime-hook"
      : null
  return {
    usable: true,
    reason: null,
    version: info.version,
    gpuReason,
    rootless: info.rootless,
    cgroupVersion: info.cgroupVersion,
    rootDirectory: info.rootDirectory,
  }
}
