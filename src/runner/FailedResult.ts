import { type ExecutionError, errorType } from "../domain/Failure.ts"
import type { HostSnapshot } from "../domain/HostFacts.ts"
import { containerOf } from "../domain/InContainer.ts"
import type { Cell } from "../domain/Plan.ts"
import type { ResultDocument } from "../domain/ResultDocument.ts"
import { version } from "../domain/Version.ts"

/** The sections of a result that hold figures; a cell that failed has none of them. */
const noFigures = {
  engine: null,
  window: null,
  energy: null,
  throughput: null,
  latency: null,
  efficiency: null,
  efficiency_steady: null,
  output: null,
  flops: null,
  warmup: null,
  sampling: null,
  client: null,
  clock: null,
} as const

export interface FailedCell {
  readonly cell: Cell
  readonly error: ExecutionError
  readonly host: HostSnapshot
  /** Whether a script, and no engine, made the cell fail. */
  readonly scripted: boolean
}

/** result.json of a cell that failed: its error, and no figure. */
export const document = ({ cell, error, host, scripted }: FailedCell): ResultDocument => {
  const type = errorType(error)
  const container = containerOf(error)
  const whyNoContainer =
    cell.runner.mode === "docker" ? "no container was started before the cell failed" : "the engine ran in no container"
  const why = `the cell failed (${type}), so nothing was measured`
  return {
    schema: "llem.result/1",
    experiment: { hash: cell.hash, index: cell.index, cycle: cell.cycle, config: cell.experiment },
    status: "failed",
    error: { type, message: error.message, fix: error.fix, details: error.details },
    verdict: { valid: false, reasons: [{ code: "failed", message: error.message }], warnings: [] },
    runner: {
      mode: scripted ? "mock" : cell.runner.mode,
      image: cell.runner.image,
      image_digest: container?.image_digest ?? null,
      container_id: container?.id ?? null,
      network: container?.network ?? null,
    },
    ...noFigures,
    phases: [],
    unavailable: {
      ...Object.fromEntries(Object.keys(noFigures).map((section) => [section, why])),
      ...(container === null
        ? Object.fromEntries(
            ["image_digest", "container_id", "network"].map((field) => [`runner.${field}`, whyNoContainer]),
          )
        : {}),
    },
    definitions: {},
    provenance: {
      llem_version: version,
      llem_sha256: host.binarySha256,
      host: host.hostName,
      started_by: host.startedBy,
    },
  }
}
