import { describe, expect, test } from "bun:test"
import type { DaemonInfo } from "../../src/docker/Docker.ts"
import { judged } from "../../src/docker/Facts.ts"

const info = (over: Partial<DaemonInfo> = {}): DaemonInfo => ({
  id: "x",
  version: "28.0.1",
  apiVersion: "1.48",
  operatingSystem: "Debian",
  kernelVersion: "6.1.0",
  hostName: "n",
  cgroupVersion: "2",
  rootless: false,
  selinux: false,
  runtimes: ["runc"],
  devices: [],
  rootDirectory: "/var/lib/docker",
  ...over,
})
const host = { kernelVersion: "6.1.0", hasGpus: false, hasGpuHook: false }

describe("what a daemon says of its use here", () => {
  test("the same kernel is this node, another one is not", () => {
    expect(judged(info(), "/s", host)).toMatchObject({ usable: true, version: "28.0.1", gpuReason: null })
    expect(
      judged(info({ kernelVersion: "6.6.12-linuxkit", operatingSystem: "Docker Desktop" }), "/s", host),
    ).toMatchObject({
      usable: false,
      code: "docker_remote",
      reason: expect.stringContaining("Docker Desktop"),
    })
  })

  test("GPUs are handed on through CDI, NVIDIA's runtime or NVIDIA's hook; without any of them the reason says so", () => {
    const gpus = { ...host, hasGpus: true }
    expect(judged(info(), "/s", gpus)).toMatchObject({
      usable: true,
      gpuReason: expect.stringContaining("cannot hand"),
    })
    expect(judged(info({ devices: ["nvidia.com/gpu=0"] }), "/s", gpus).gpuReason).toBeNull()
    expect(judged(info({ devices: ["amd.com/gpu=0"] }), "/s", gpus).gpuReason).not.toBeNull()
    expect(judged(info({ runtimes: ["runc", "nvidia"] }), "/s", gpus).gpuReason).toBeNull()
    expect(judged(info(), "/s", { ...gpus, hasGpuHook: true }).gpuReason).toBeNull()
  })
})
