import * as Files from "../platform/configFiles.ts"
import type { Settings } from "./Settings.ts"

/** The folder for results: the flag's, else the environment's, else the file's, else the user config's, else ./results. */
export const resultsDirectory = (
  settings: Settings,
  named: { readonly flag: string | null; readonly file: string | null; readonly userConfig: string | null },
): string =>
  Files.under(
    settings.workingDirectory,
    named.flag ?? settings.resultsDirectory ?? named.file ?? named.userConfig ?? "results",
  )
