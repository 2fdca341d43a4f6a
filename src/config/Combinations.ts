import { Result } from "effect"
import type { Origin, RawConfig, StudySpec } from "../domain/Study.ts"
import type { Finding } from "./Check.ts"
import { ConfigError, type Problem, problem } from "./ConfigError.ts"
import * as Expand from "./Expand.ts"
import { resolver } from "./Experiments.ts"
import { shown } from "./Layered.ts"
import { get } from "./Paths.ts"

const sentence = ({ path, message }: Finding, origin: Origin): string => {
  const place = origin.line === null ? (origin.flag ?? "") : `${origin.file}:${origin.line}:${origin.column}`
  return `${path.map(String).join(" -> ")}: ${message}${place === "" ? "" : ` (${place})`}`
}

/** The reasons why combinations are invalid, each once, with its place and how many have it. */
class Reasons {
  readonly #counted = new Map<string, { readonly problem: Problem; count: number }>()

  note(finding: Finding, origin: Origin, config: RawConfig): string {
    const text = sentence(finding, origin)
    const known = this.#counted.get(text)
    if (known !== undefined) {
      known.count += 1
      return text
    }
    const { flag, ...place } = origin
    const message = flag === null ? finding.message : `${flag}: ${finding.message}`
    const { path, allowed, nearest } = finding
    const found = shown(get(config, path))
    const made = problem(message, { path: path.map(String).join("."), ...place, found, allowed, nearest })
    this.#counted.set(text, { problem: made, count: 1 })
    return text
  }

  problems(combinations: number): ReadonlyArray<Problem> {
    return [...this.#counted.values()].map(({ problem: one, count }) => ({
      ...one,
      message: `${one.message} (in ${count} of ${combinations} combinations, none of which is valid)`,
    }))
  }
}

/**
 * Every experiment of a decoded study, and the invalid combinations with their reasons and places. Fails, with a place
 * for each reason, when not one combination is valid.
 */
export const collect = (spec: StudySpec): Result.Result<Expand.Expansion, ConfigError> => {
  const resolve = resolver()
  const reasons = new Reasons()
  let combinations = 0
  const expansion = Expand.collect(spec.material, (raw) => {
    combinations += 1
    return Result.mapError(resolve(raw), (findings) =>
      findings.map((finding) => reasons.note(finding, spec.originOf(finding.path, raw), raw)).join("; "),
    )
  })
  return Result.mapError(expansion, (message) => {
    const found = combinations > Expand.maximumCombinations ? [] : reasons.problems(combinations)
    return new ConfigError({ problems: found.length > 0 ? found : [problem(message)] })
  })
}
