import { Result } from "effect"
import * as Decode from "../../src/config/Decode.ts"
import * as Document from "../../src/config/Document.ts"
import * as Expand from "../../src/config/Expand.ts"
import { resolver } from "../../src/config/Experiments.ts"
import { median, report } from "./_report.ts"

/** Expansion of a study of 20,160 combinations: read, decoded, every combination resolved and hashed. */
const rounds = Number(process.argv[2] ?? 5)
const expected = 20_160
const text = `
model: some-org/some-model
sweep:
  backend: [pytorch, vllm]
  n: [10, 20, 30, 40, 50, 60]
  precision: [fp32, fp16, bf16]
  decoder.temperature: [0, 0.5, 1, 1.5]
  decoder.top_k: [0, 10, 20, 30, 50]
  max_output_tokens: [32, 64, 128, 256]
  pytorch.batch_size: [1, 2, 4, 8, 16]
  vllm.engine.block_size: [8, 16, 32]
  vllm.engine.max_num_seqs: [1, 4, 16]
groups:
  seeds: [{}]
`
const measure = () => {
  const start = performance.now()
  const document = Result.getOrThrow(Document.parse({ path: "bench.yaml", text }))
  const spec = Result.getOrThrow(Decode.decode({ documents: [document], overrides: [], defaultName: "bench" }))
  const resolve = resolver()
  const expansion = Result.getOrThrow(
    Expand.collect(spec.material, (raw) => Result.mapError(resolve(raw), (findings) => JSON.stringify(findings))),
  )
  const milliseconds = performance.now() - start
  const count = expansion.experiments.length + expansion.skipped.length
  if (count !== expected) throw new Error(`expanded to ${count} combinations instead of ${expected}`)
  return milliseconds
}

const first = measure()
const peak = process.resourceUsage().maxRSS / 1024
const times = Array.from({ length: rounds }, measure)
console.log(
  `${expected} combinations: first ${first.toFixed(0)} ms, median of ${rounds} more ${median(times).toFixed(0)} ms`,
)
report([
  { figure: "first expansion of 20,160 combinations", value: first, goal: 1000, unit: "ms" },
  { figure: "peak memory after it", value: peak, goal: 250, unit: "MiB" },
])
