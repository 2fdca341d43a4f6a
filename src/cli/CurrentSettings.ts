import { Context } from "effect"
import type { Settings } from "./Settings.ts"

/** The settings of this process, for every command. */
export class CurrentSettings extends Context.Service<CurrentSettings, Settings>()("llem/cli/CurrentSettings") {}
