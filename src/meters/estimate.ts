import { clockTicksPerSecond } from "../platform/libc.ts"
import { cpuModel } from "../platform/procfs.ts"
import type { Probed } from "./Sources.ts"

/** The domain that the estimate gives. */
export const domain = "cpu:engine-processes"

/**
 * Watts for each fully busy core where nothing better is known: servers and desktops lie between about 4 and 12 W
 * (thermal design power over cores), so one sigma is taken as 40 %.
 */
export const defaultWattsPerCore = 8
const RELATIVE_UNCERTAINTY = 0.4

/**
 * CPU energy of the engine's processes by a model: CPU time x watts per fully busy core. It stands in for the CPU
 * package's meter, so it belongs to the total only where no package can be read.
 */
export const probe = (options: { readonly wattsPerCore: number; readonly measuredPackage: string | null }): Probed => {
  const { wattsPerCore, measuredPackage } = options
  const source = wattsPerCore === defaultWattsPerCore ? "the default of llem" : "as configured"
  return {
    info: {
      domain,
      meter: "estimate",
      quality: "estimated",
      nestedIn: measuredPackage,
      inTotal: measuredPackage === null,
      why:
        `CPU time of the engine's processes x ${wattsPerCore} W for each fully busy core ` +
        `(${source}, for ${cpuModel() ?? "a CPU of unknown model"}); idle power, memory and everything else of the ` +
        "machine are left out, clock speed and load per instruction are not considered; +-40 %",
      relativeUncertainty: RELATIVE_UNCERTAINTY,
      idleWatts: 0,
    },
    source: { kind: "process_cpu", ticksPerSecond: clockTicksPerSecond(), wattsPerCore },
  }
}
