import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import type { Licensed } from "../platform/licenses.ts"
import * as Table from "../report/Table.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as flags from "./flags.ts"
import * as Output from "./Output.ts"
import type { Settings } from "./Settings.ts"

const columns = ["name", "version", "licence"].map((header) => ({ header, align: "left" as const }))

const list = (all: ReadonlyArray<Licensed>, settings: Settings): string => {
  const rows = all.map(({ name, version, license }) => [{ text: name }, { text: version ?? "" }, { text: license }])
  return Table.render(columns, rows, Output.styleOf(settings)).lines.join("\n")
}

/** Each licence with those who came with the same text. */
const texts = (all: ReadonlyArray<Licensed>): string => {
  const named = new Map<string, Array<string>>()
  for (const { name, version, license, text } of all) {
    const title = `${name}${version === null ? "" : ` ${version}`} (${license})`
    named.set(text, [...(named.get(text) ?? []), title])
  }
  return [...named].map(([text, titles]) => `${titles.join("\n")}\n\n${text.replace(/^/gm, "    ")}`).join("\n\n")
}

export const command = Command.make(
  "licenses",
  {
    full: Flag.Boolean("full").pipe(Flag.withDescription("The whole texts too"), Flag.withDefault(false)),
    json: flags.json,
  },
  Effect.fnUntraced(function* ({ full, json }) {
    const settings = yield* CurrentSettings
    const licenses = yield* Effect.promise(() => import("../platform/licenses.ts"))
    const all = licenses.all()
    if (json)
      return yield* Output.printJson({
        schema: "llem.licenses/1",
        components: all.map(({ text, ...one }) => (full ? { ...one, text } : one)),
      })
    yield* Output.print(full ? `${list(all, settings)}\n\n${texts(all)}` : list(all, settings))
  }),
).pipe(Command.withDescription("What is inside this binary and under which licences"))
