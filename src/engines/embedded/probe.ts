import type { VariantReport } from "../../domain/EmbeddedVariant.ts"
import { reasonOf } from "../../domain/Unknown.ts"
import * as Life from "../../platform/childLife.ts"
import * as Variant from "../../platform/engineVariant.ts"
import { dieOfAborts } from "../../platform/libc.ts"
import { type FoundVariant, locate } from "../../platform/variantFolder.ts"
import { answerMark } from "../../platform/variantProbe.ts"

const examine = async (folder: string): Promise<VariantReport> => {
  let found: FoundVariant | null = null
  const report = (over: Pick<VariantReport, "usable" | "reason" | "devices" | "memoryBytes">): VariantReport => ({
    kind: found?.kind ?? null,
    version: found?.version ?? null,
    ...over,
  })
  try {
    found = locate(folder)
    const addon = Variant.load(found, (_level, message) => Life.logLine(message.trimEnd()))
    await addon.init()
    return report({ usable: true, reason: null, ...Variant.gpusOf(addon, found) })
  } catch (cause) {
    const reason = reasonOf(cause)
    return report({ usable: false, reason, devices: [], memoryBytes: null })
  }
}

/** Loads a variant of the embedded engine in this process, which exists for that alone, and prints what it found. */
export const probe = async (folder: string): Promise<void> => {
  Life.followParent()
  dieOfAborts()
  console.log(`${answerMark}${JSON.stringify(await examine(folder))}`)
  process.exit(0)
}
