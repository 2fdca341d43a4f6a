import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import type { Plan } from "../domain/Plan.ts"
import * as PlanDocument from "../runner/PlanDocument.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as flags from "./flags.ts"
import * as Layers from "./Layers.ts"
import * as Output from "./Output.ts"
import { prepare } from "./prepare.ts"
import type { Settings } from "./Settings.ts"

/** Prints a plan, as a document or for a person. */
export const show = Effect.fnUntraced(function* (plan: Plan, settings: Settings, json: boolean) {
  if (json) return yield* Output.printJson(PlanDocument.encodePlan(plan))
  const text = yield* Effect.promise(() => import("../report/PlanText.ts"))
  return yield* Output.print(text.render(plan, Output.styleOf(settings)))
})

export const command = Command.make(
  "plan",
  { file: flags.file, ...flags.planFlags, ...flags.loudness },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const script = yield* Layers.mockScript(settings)
    const { plan } = yield* prepare(settings, {
      file: Option.getOrNull(input.file),
      given: input,
      set: input.set,
      runner: Option.getOrNull(input.runner),
      offline: input.offline,
      output: null,
    }).pipe(Effect.provide(Layers.nodeProbe(script)))
    yield* show(plan, settings, input.json)
  }),
).pipe(Command.withDescription("Show what a study would run, where and why; nothing is started"))
