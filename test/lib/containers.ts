import type { ContainerState } from "../../src/docker/Docker.ts"

/** A container that has ended by itself, as its daemon tells of it. */
export const ended = (over: Partial<ContainerState>): ContainerState => ({
  running: false,
  exitCode: 0,
  oomKilled: false,
  error: "",
  processId: 0,
  addresses: {},
  publishedPort: null,
  ...over,
})
