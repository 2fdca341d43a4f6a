import type { Cell, Plan } from "../domain/Plan.ts"
import type { PlanDocument } from "../domain/PlanDocument.ts"

const encodeCell = (cell: Cell): PlanDocument["cells"][number] => ({
  index: cell.index,
  cycle: cell.cycle,
  hash: cell.hash,
  backend: cell.experiment.backend,
  config: cell.experiment,
  timeout_seconds: cell.timeoutSeconds,
  timeouts: {
    launch_seconds: cell.timeouts.launchSeconds,
    warmup_seconds: cell.timeouts.warmupSeconds,
    window_seconds: cell.timeouts.windowSeconds,
    silence_seconds: cell.timeouts.silenceSeconds,
  },
  skip: cell.skip,
})

/**
 * A plan in its outer form (`llem.plan/1`). `contents` are the sha256 of the files that the experiments name, which
 * plan.json carries beside the hashes of what is written.
 */
export const encodePlan = (plan: Plan, contents?: Readonly<Record<string, string>>): PlanDocument => ({
  schema: "llem.plan/1",
  study: plan.study,
  counts: plan.counts,
  runners: Object.fromEntries(Object.entries(plan.runners)),
  notices: plan.notices,
  preflight: {
    ready: !plan.findings.some((finding) => finding.blocking),
    findings: plan.findings.map(({ code, message, fix }) => ({ code, message, fix })),
  },
  cells: plan.cells.map(encodeCell),
  skipped: plan.skipped,
  ...(contents === undefined ? {} : { contents }),
})
