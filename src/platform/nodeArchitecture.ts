/** What differs between the processors that llem is built for, in the names of those who look for it. */
export interface Architecture {
  /** As image registries call it. */
  readonly docker: string
  /** Debian's folder of libraries below lib/. */
  readonly multiarch: string
  readonly loader: string
  /** Folder of the loader, as programs name it in their header. */
  readonly loaderFolder: string
  /** The line of /proc/cpuinfo that lists the processor's features. */
  readonly featuresLine: string
  /** The plainest build of llama.cpp's CPU backend. */
  readonly plainest: string
}

const x64: Architecture = {
  docker: "amd64",
  multiarch: "x86_64-linux-gnu",
  loader: "ld-linux-x86-64.so.2",
  loaderFolder: "lib64",
  featuresLine: "flags",
  plainest: "x64",
}

const arm64: Architecture = {
  docker: "arm64",
  multiarch: "aarch64-linux-gnu",
  loader: "ld-linux-aarch64.so.1",
  loaderFolder: "lib",
  featuresLine: "Features",
  plainest: "armv8.0_1",
}

/** The processor that this program was built for. */
export const architecture: Architecture = process.arch === "arm64" ? arm64 : x64
