import { createHash } from "node:crypto"
import { createReadStream, readFileSync } from "node:fs"
import { arch, cpus, freemem, hostname, loadavg, release, totalmem, userInfo } from "node:os"
import { pipeline } from "node:stream/promises"
import { Effect, Layer } from "effect"
import { HostFacts } from "../domain/HostFacts.ts"
import { compiled } from "./process.ts"

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch {
    return null
  }
}

const sha256OfFile = async (path: string): Promise<string | null> => {
  const hash = createHash("sha256")
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
    return hash.digest("hex")
  } catch {
    return null
  }
}

const loginName = (): string => {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`
  }
}

const machine = (): Record<string, unknown> => {
  const processors = cpus()
  return {
    kernel: release(),
    architecture: arch(),
    boot_id: readText("/proc/sys/kernel/random/boot_id"),
    cpu_model: processors[0]?.model ?? null,
    cpu_count: processors.length,
    // The kernel's module: the same for engines on the node and in its containers.
    nvidia_driver_version: readText("/sys/module/nvidia/version"),
    cpu_governor: readText("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    memory_total_bytes: totalmem(),
    memory_free_bytes: freemem(),
    load_average: loadavg(),
    swap: readText("/proc/swaps"),
  }
}

/** The real machine. The binary is hashed once, when first asked for. */
export const layer = Layer.effect(
  HostFacts,
  Effect.gen(function* () {
    const binarySha256 = yield* Effect.cached(
      compiled ? Effect.promise(() => sha256OfFile("/proc/self/exe")) : Effect.succeed(null),
    )
    return HostFacts.of({
      snapshot: Effect.map(binarySha256, (digest) => ({
        hostName: hostname(),
        startedBy: loginName(),
        binarySha256: digest,
        machine: machine(),
      })),
    })
  }),
)
