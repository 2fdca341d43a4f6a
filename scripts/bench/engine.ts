import type { RequestRecord, WorkloadRequest } from "../../src/domain/Request.ts"
import { median, report } from "./_report.ts"
import { ours, realModel, type Server, theirs } from "./_servers.ts"

/**
 * The embedded engine's server against llama.cpp's own: same file, threads and prompts, in pairs that take turns in
 * going first. Speed of prompts and of outputs with 1, 4 and 8 requests in flight, and the time to the first token of
 * long prompts among short ones.
 */
const rounds = Number(process.argv[2] ?? 7)
const threads = Number(process.argv[3] ?? 1)
const inFlight = (process.argv[4] ?? "1,4,8").split(",").map(Number)
const kinds = (process.argv[5] ?? "prefill,decode,mixed").split(",")

let seed = 7
const token = (): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
  return 100 + (seed % 40_000)
}
let nextId = 0
const request = (inputs: number, outputs: number): WorkloadRequest => ({
  id: nextId++,
  prompt: Array.from({ length: inputs }, token),
  maxOutputTokens: outputs,
})
const several = (count: number, inputs: number, outputs: number) =>
  Array.from({ length: count }, () => request(inputs, outputs))

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)
const times = (records: ReadonlyArray<RequestRecord>, name: "sentSeconds" | "firstTokenSeconds" | "lastTokenSeconds") =>
  records.map((record) => record[name] ?? Number.NaN)

/** Prompt tokens per second, from the first request to the last first token. */
const prefill = async (server: Server, requests: ReadonlyArray<WorkloadRequest>, concurrency: number) => {
  const records = await server.send(requests, concurrency)
  const seconds = Math.max(...times(records, "firstTokenSeconds")) - Math.min(...times(records, "sentSeconds"))
  return sum(records.map(({ inputTokens }) => inputTokens ?? Number.NaN)) / seconds
}

/** Output tokens per second while all of them are being generated. */
const decode = async (server: Server, requests: ReadonlyArray<WorkloadRequest>, concurrency: number) => {
  const records = await server.send(requests, concurrency)
  const from = Math.max(...times(records, "firstTokenSeconds"))
  const until = Math.min(...times(records, "lastTokenSeconds"))
  const tokens = records.map(({ chunkSeconds, chunkTokens }) =>
    sum(
      [...chunkTokens].filter((_, index) => (chunkSeconds[index] ?? 0) > from && (chunkSeconds[index] ?? 0) <= until),
    ),
  )
  return sum(tokens) / (until - from)
}

/** Times to the first token, and between tokens, in seconds. */
const waits = async (server: Server, requests: ReadonlyArray<WorkloadRequest>, concurrency: number) => {
  const records = await server.send(requests, concurrency)
  return {
    firsts: records.map(
      ({ sentSeconds, firstTokenSeconds }) => (firstTokenSeconds ?? Number.NaN) - (sentSeconds ?? Number.NaN),
    ),
    gaps: records.flatMap(({ chunkSeconds }) =>
      [...chunkSeconds].slice(1).map((at, index) => at - (chunkSeconds[index] ?? Number.NaN)),
    ),
  }
}

type Measure<A> = (server: Server, requests: ReadonlyArray<WorkloadRequest>, concurrency: number) => Promise<A>

/** One workload on both servers, by turns first. */
const pair = async <A>(
  servers: readonly [Server, Server],
  round: number,
  measure: Measure<A>,
  requests: ReadonlyArray<WorkloadRequest>,
  concurrency: number,
): Promise<readonly [mine: A, peer: A]> => {
  const [mine, peer] = servers
  if (round % 2 === 0) return [await measure(mine, requests, concurrency), await measure(peer, requests, concurrency)]
  const second = await measure(peer, requests, concurrency)
  return [await measure(mine, requests, concurrency), second]
}

const noWaits = (): { readonly firsts: Array<number>; readonly gaps: Array<number> } => ({ firsts: [], gaps: [] })

const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
}

const verdicts: Array<Parameters<typeof report>[0][number]> = []
const speed = async (
  servers: readonly [Server, Server],
  what: string,
  measure: Measure<number>,
  concurrency: number,
) => {
  const [inputs, outputs] = what === "prefill" ? [256, 1] : [16, 64]
  const count = what === "prefill" ? 2 * concurrency : concurrency
  const pairs: Array<readonly [number, number]> = []
  for (let round = 0; round < rounds; round++)
    pairs.push(await pair(servers, round, measure, several(count, inputs, outputs), concurrency))
  const mine = median(pairs.map(([one]) => one))
  const peer = median(pairs.map(([, one]) => one))
  const ratio = median(pairs.map(([one, other]) => one / other))
  console.log(
    `${what}, ${concurrency} in flight: llem ${mine.toFixed(1)}, llama.cpp ${peer.toFixed(1)} tokens/s: ${ratio.toFixed(3)}x`,
  )
  verdicts.push({
    figure: `${what} at ${concurrency}, llama.cpp over llem`,
    value: 1 / ratio,
    goal: 1 / 0.95,
    unit: "x",
  })
}

for (const concurrency of inFlight) {
  const shape = { model: realModel, slots: concurrency, context: 1024, threads }
  const servers = [await ours(shape), await theirs(shape)] as const
  for (const server of servers) await server.send(several(concurrency, 64, 8), concurrency)
  if (kinds.includes("prefill")) await speed(servers, "prefill", prefill, concurrency)
  if (kinds.includes("decode")) await speed(servers, "decode", decode, concurrency)
  if (kinds.includes("mixed") && concurrency === 8) {
    const all = { mine: noWaits(), peer: noWaits() }
    for (let round = 0; round < rounds; round++) {
      const mixed = Array.from({ length: 24 }, (_, index) => request(index % 6 === 0 ? 768 : 24, 16))
      const [mine, peer] = await pair(servers, round, waits, mixed, concurrency)
      for (const kind of ["firsts", "gaps"] as const) {
        all.mine[kind].push(...mine[kind])
        all.peer[kind].push(...peer[kind])
      }
    }
    for (const [kind, name] of [
      ["firsts", "TTFT"],
      ["gaps", "ITL"],
    ] as const)
      for (const share of [0.5, 0.9, 0.99])
        console.log(
          `${name} p${100 * share} of long among short prompts: llem ${percentile(all.mine[kind], share).toFixed(3)} s, llama.cpp ${percentile(all.peer[kind], share).toFixed(3)} s`,
        )
    const ratio = percentile(all.mine.firsts, 0.99) / percentile(all.peer.firsts, 0.99)
    verdicts.push({ figure: "TTFT p99 of a mixed load, llem over llama.cpp", value: ratio, goal: 1, unit: "x" })
  }
  for (const server of servers) await server.stop()
}
report(verdicts)
