import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import type { WorkloadRequest } from "../../src/domain/Request.ts"
import { engine } from "../../src/engines/embedded/engine.ts"
import { freePort } from "../../src/platform/process.ts"
import { median, report } from "./_report.ts"
import { start } from "./_servers.ts"

/**
 * What the server of the embedded engine costs for each streamed token, over a library that computes nothing: CPU time
 * of its process with 1, 8 and 32 requests in flight.
 */
const rounds = Number(process.argv[2] ?? 7)
const outputs = 500
const ticksPerSecond = 100

const cpuSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

const verdicts: Array<Parameters<typeof report>[0][number]> = []
for (const concurrency of [1, 8, 32]) {
  const port = await freePort()
  const file = resolve(import.meta.dir, "_nullServer.ts")
  const server = await start(engine, [process.execPath, file, String(port), String(concurrency)], port)
  const requests = (count: number): ReadonlyArray<WorkloadRequest> =>
    Array.from({ length: count }, (_, id) => ({ id, prompt: [1, 2, 3], maxOutputTokens: outputs }))
  await server.send(requests(4 * concurrency), concurrency)
  const costs: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const before = cpuSeconds(server.pid)
    const records = await server.send(requests(Math.max(20, 2 * concurrency)), concurrency)
    const tokens = records.reduce((sum, { outputTokens }) => sum + (outputTokens ?? Number.NaN), 0)
    costs.push((1e6 * (cpuSeconds(server.pid) - before)) / tokens)
  }
  verdicts.push({ figure: `server, per token at ${concurrency} in flight`, value: median(costs), goal: 50, unit: "us" })
  await server.stop()
}
report(verdicts)
