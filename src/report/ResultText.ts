import { modelName } from "../domain/ConfigSummary.ts"
import type { Distribution, EnergyFigures, ResultDocument } from "../domain/ResultDocument.ts"
import * as Numbers from "./Numbers.ts"
import { mark, paint, printable, type Style, wrap } from "./Style.ts"
import * as Table from "./Table.ts"

type Pair = readonly [label: string, text: string]

const labelWidth = 18

const why = (result: ResultDocument, path: string): string => {
  const parts = path.split(".")
  for (let length = parts.length; length > 0; length--) {
    const reason = result.unavailable[parts.slice(0, length).join(".")]
    if (reason !== undefined) return `${Numbers.missing} (${reason})`
  }
  return Numbers.missing
}

const figure = (
  result: ResultDocument,
  path: string,
  value: number | null | undefined,
  text: (value: number) => string,
): string => (typeof value === "number" ? text(value) : why(result, path))

const qualityMark = (energy: EnergyFigures): string => (energy.quality === "estimated" ? "~" : "")

const energyPairs = (result: ResultDocument): ReadonlyArray<Pair> => {
  const { energy, efficiency } = result
  if (energy === null) return [["energy", why(result, "energy")]]
  const about = qualityMark(energy)
  const uncertainty = energy.total_uncertainty_joules
  const missing = energy.total_missing.map(({ domain, why: reason }) => `${domain}: ${reason}`).join("; ")
  const total =
    energy.total_joules === null
      ? missing === ""
        ? why(result, "energy.total_joules")
        : `${Numbers.missing} (${missing})`
      : `${about}${Numbers.si(energy.total_joules, "J", 4)}${uncertainty === null ? "" : ` ± ${Numbers.si(uncertainty, "J", 2)}`}, ${energy.quality} (${energy.total_scope.join(" + ")})`
  const ratio = (path: string, value: number | null | undefined, unit: string): string =>
    figure(result, path, value, (known) => `${about}${Numbers.si(known, unit)}`)
  return [
    ["energy", total],
    ["per output token", ratio("efficiency.joules_per_output_token", efficiency?.joules_per_output_token, "J")],
    ["per request", ratio("efficiency.joules_per_request", efficiency?.joules_per_request, "J")],
  ]
}

const domainTable = (energy: EnergyFigures | null, style: Style): ReadonlyArray<string> => {
  if (energy === null || energy.domains.length === 0) return []
  const joules = (value: number | null, quality: string): string =>
    value === null ? Numbers.missing : `${quality === "estimated" ? "~" : ""}${Numbers.si(value, "J", 4)}`
  const rows = energy.domains.map(
    (domain): ReadonlyArray<Table.Cell> =>
      [
        domain.domain,
        domain.meter,
        domain.quality,
        joules(domain.joules, domain.quality),
        joules(domain.adjusted_joules, domain.quality),
        domain.why ?? "",
      ].map((text) => ({ text: mark(style, printable(text)) })),
  )
  const columns: ReadonlyArray<Table.Column> = [
    { header: "domain", align: "left", least: 12 },
    { header: "meter", align: "left" },
    { header: "quality", align: "left" },
    { header: "energy", align: "right" },
    { header: "above idle", align: "right" },
    { header: "why", align: "left", least: 12, dispensable: 1 },
  ]
  return ["", ...Table.render(columns, rows, style).lines]
}

const latencyTable = (result: ResultDocument, style: Style): ReadonlyArray<string> => {
  if (result.latency === null) return []
  const named: ReadonlyArray<readonly [string, keyof typeof result.latency]> = [
    ["TTFT", "ttft_seconds"],
    ["TPOT", "tpot_seconds"],
    ["ITL", "itl_seconds"],
    ["end to end", "e2e_seconds"],
  ]
  const points: ReadonlyArray<"mean" | "p50" | "p90" | "p95" | "p99" | "max"> = [
    "mean",
    "p50",
    "p90",
    "p95",
    "p99",
    "max",
  ]
  const cells = (distribution: Distribution | null): ReadonlyArray<string> =>
    points.map((point) => (distribution === null ? Numbers.missing : Numbers.latency(distribution[point])))
  const latency = result.latency
  const rows = named.map(
    ([label, key]): ReadonlyArray<Table.Cell> =>
      [label, ...cells(latency[key]), String(latency[key]?.count ?? 0)].map((text) => ({ text: mark(style, text) })),
  )
  const columns: ReadonlyArray<Table.Column> = [
    { header: "latency", align: "left" },
    ...points.map((header): Table.Column => ({ header, align: "right" })),
    { header: "n", align: "right" },
  ]
  return ["", ...Table.render(columns, rows, style).lines]
}

const ran = (result: ResultDocument): ReadonlyArray<Pair> => {
  const { throughput, window, engine, runner } = result
  const counts =
    throughput === null
      ? why(result, "throughput")
      : `${throughput.requests} (${throughput.failed_requests} failed), ${throughput.input_tokens} tokens in, ${throughput.output_tokens} out`
  return [
    [
      "engine",
      engine === null
        ? why(result, "engine")
        : `${engine.name}${engine.version === null ? "" : ` ${engine.version}`}, ${runner.mode}${runner.image === null ? "" : ` ${runner.image}`}`,
    ],
    ["weights", engine?.model.weight_format ?? why(result, "engine.model.weight_format")],
    [
      "window",
      window === null
        ? why(result, "window")
        : `${Numbers.duration(window.duration_seconds)} from ${window.started_at}`,
    ],
    ["requests", counts],
    [
      "output speed",
      figure(
        result,
        "throughput.output_tokens_per_second",
        throughput?.output_tokens_per_second,
        (value) => `${Numbers.significant(value, 4)} tokens/s`,
      ),
    ],
    ...energyPairs(result),
  ]
}

const verdictLines = (result: ResultDocument, style: Style): ReadonlyArray<string> => {
  const wrapped = (text: string, colour: "red" | "yellow" | "green") =>
    wrap(mark(style, printable(text)), style.width, "  ").map((line) => paint(style, colour, line))
  const { verdict, error } = result
  return [
    ...(error === null
      ? []
      : [...wrapped(`✗ FAILED: ${error.type}: ${error.message}`, "red"), ...wrapped(error.fix, "red")]),
    ...(error !== null ? [] : verdict.valid ? wrapped("✓ valid", "green") : wrapped("✗ NOT VALID", "red")),
    ...verdict.reasons.flatMap((reason) => wrapped(`✗ ${reason.code}: ${reason.message}`, "red")),
    ...verdict.warnings.flatMap((warning) => wrapped(`! ${warning.code}: ${warning.message}`, "yellow")),
  ]
}

/** One cell's result for a person, every figure with its quality or the reason for its absence. Ends without a newline. */
export const render = (result: ResultDocument, style: Style): string => {
  const { experiment } = result
  const title = `#${experiment.index} cycle ${experiment.cycle}: ${modelName(experiment.config.model)} on ${experiment.config.backend} (${experiment.hash.slice(0, 8)})`
  const pairs = result.status === "failed" ? [] : ran(result)
  return [
    paint(style, "bold", printable(title)),
    ...verdictLines(result, style),
    ...(pairs.length === 0 ? [] : [""]),
    ...pairs.flatMap(([label, text]) =>
      wrap(`${label.padEnd(labelWidth)}${mark(style, printable(text))}`, style.width, " ".repeat(labelWidth)),
    ),
    ...domainTable(result.energy, style),
    ...latencyTable(result, style),
  ].join("\n")
}
