import { Context, Ref } from "effect"

/** What the process will end with, as far as commands have decided it, and the study that was opened. */
export interface Ending {
  readonly code: number
  readonly studyDirectory: string | null
}

/** The exit code of this process, decided by the command that runs. */
export class RunExit extends Context.Service<RunExit, Ref.Ref<Ending>>()("llem/cli/RunExit") {
  static readonly set = (code: number) => RunExit.use((ending) => Ref.update(ending, (before) => ({ ...before, code })))

  static readonly opened = (studyDirectory: string) =>
    RunExit.use((ending) => Ref.update(ending, (before) => ({ ...before, studyDirectory })))
}
