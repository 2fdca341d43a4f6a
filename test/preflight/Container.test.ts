import { describe, expect, test } from "bun:test"
import { type ContainerTraces, isInside } from "../../src/preflight/Container.ts"

const none: ContainerTraces = {
  marker: null,
  mountInfo: "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n22 27 0:21 / /proc rw,relatime - proc proc rw",
  containerEnvironmentFile: false,
  containerVariable: null,
}

const id = "4f2c7d9e8b1a4f2c7d9e8b1a4f2c7d9e8b1a4f2c7d9e8b1a4f2c7d9e8b1a0000"
const hostname = (root: string) =>
  `${none.mountInfo}\n812 790 254:1 ${root} /etc/hostname rw,relatime - ext4 /dev/vda1 rw`

describe("inside a container", () => {
  test("a bare machine is not, whatever its root file system was made from", () => {
    expect(isInside(none)).toBe(false)
    expect(isInside({ ...none, mountInfo: null })).toBe(false)
  })

  test.each([
    ["our own marker", { marker: "1" }],
    ["Docker", { mountInfo: hostname(`/var/lib/docker/containers/${id}/hostname`) }],
    ["Docker on a disk of its own", { mountInfo: hostname(`/containers/${id}/hostname`) }],
    [
      "containerd under Kubernetes",
      { mountInfo: hostname(`/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${id}/hostname`) },
    ],
    ["Podman's file", { containerEnvironmentFile: true }],
    ["the variable", { containerVariable: "systemd-nspawn" }],
  ] satisfies ReadonlyArray<[string, Partial<ContainerTraces>]>)("%s tells", (_, traces) => {
    expect(isInside({ ...none, ...traces })).toBe(true)
  })

  test("other mounts of a container's folder, and empty variables, tell nothing", () => {
    const elsewhere = `${none.mountInfo}\n812 790 254:1 /var/lib/docker/containers/${id}/x /mnt/x rw - ext4 /dev/vda1 rw`
    expect(isInside({ ...none, mountInfo: elsewhere })).toBe(false)
    expect(isInside({ ...none, mountInfo: hostname("/etc/hostname") })).toBe(false)
    expect(isInside({ ...none, marker: "", containerVariable: "" })).toBe(false)
  })
})
