import * as Backend from "../domain/Backend.ts"
import * as HfModel from "../engines/HfModel.ts"
import type { ProcessEnvironment } from "../platform/environment.ts"

/** Where things are and what the environment asks for, before any file is read. */
export interface Settings {
  readonly workingDirectory: string
  /** `LLEM_RESULTS_DIR`; null where it is not set. */
  readonly resultsDirectory: string | null
  /** Folders for what can be made again, best first; the first that can be written is used. */
  readonly cacheDirectories: ReadonlyArray<string>
  /** Folder in which the Hugging Face hub's own tools keep models. */
  readonly hubDirectory: string
  /** Folder for what a person put there, such as named datasets. */
  readonly dataDirectory: string
  /** User config files in order of preference; the first that exists is read. */
  readonly userConfigPaths: ReadonlyArray<string>
  /** True when `LLEM_CONFIG` names the file, which then must exist. */
  readonly userConfigRequired: boolean
  /** `LLEM_RUNNER_<BACKEND>` by backend. */
  readonly runners: Readonly<Record<string, string>>
  /** `LLEM_RUNNER_*` and `LLEM_IMAGE_*` variables that name no backend, which is a mistake. */
  readonly unknownVariables: ReadonlyArray<string>
  /** `LLEM_IMAGE_<BACKEND>` by backend. */
  readonly images: Readonly<Record<string, string>>
  /** The scripted executor's file (`LLEM_EXECUTOR=mock:FILE`). */
  readonly mockFile: string | null
  /** What else LLEM_EXECUTOR says, which is a mistake. */
  readonly unknownExecutor: string | null
  /** `LLEM_NVML_LIBRARY`: the library to ask for GPUs instead of the driver's own. */
  readonly nvmlLibrary: string | null
  readonly color: boolean
  readonly liveView: boolean
  readonly columns: number
  readonly unicode: boolean
  readonly hostName: string
  /** The environment as it is: where Docker is, and the secrets that engines get by name. */
  readonly variables: ProcessEnvironment["variables"]
}

const nonEmpty = (value: string | undefined): string | null => (value === undefined || value === "" ? null : value)

const byBackend = (variables: ProcessEnvironment["variables"], prefix: string): Record<string, string> =>
  Object.fromEntries(
    Backend.all.flatMap((backend) => {
      const value = nonEmpty(variables[`${prefix}${backend.toUpperCase()}`])
      return value === null ? [] : [[backend, value] as const]
    }),
  )

/** An XDG base directory, which must be absolute; else its default under the home directory, else a private one of this user. */
const baseDirectory = (environment: ProcessEnvironment, variable: string, underHome: string): string => {
  const given = nonEmpty(environment.variables[variable])
  if (given?.startsWith("/")) return given
  const home = nonEmpty(environment.variables["HOME"]) ?? environment.homeDirectory
  return home.startsWith("/")
    ? `${home}/${underHome}`
    : `${environment.temporaryDirectory}/llem-${environment.userId}/${underHome}`
}

/** Settings from the process environment (XDG base directory specification, NO_COLOR convention). */
export const from = (environment: ProcessEnvironment): Settings => {
  const { variables } = environment
  const namedConfig = nonEmpty(variables["LLEM_CONFIG"])
  const cacheHome = baseDirectory(environment, "XDG_CACHE_HOME", ".cache")
  const configHome = baseDirectory(environment, "XDG_CONFIG_HOME", ".config")
  const executor = nonEmpty(variables["LLEM_EXECUTOR"])
  const dumb = variables["TERM"] === "dumb"
  return {
    workingDirectory: environment.workingDirectory,
    resultsDirectory: nonEmpty(variables["LLEM_RESULTS_DIR"]),
    cacheDirectories: [
      nonEmpty(variables["LLEM_CACHE_DIR"]) ?? `${cacheHome}/llem`,
      `${environment.temporaryDirectory}/llem-${environment.userId}`,
    ],
    hubDirectory: HfModel.hubDirectory(variables, cacheHome),
    dataDirectory: `${baseDirectory(environment, "XDG_DATA_HOME", ".local/share")}/llem`,
    userConfigPaths:
      namedConfig === null
        ? [`${configHome}/llem/config.yaml`, `${configHome}/llenergymeasure/config.yaml`]
        : [namedConfig],
    userConfigRequired: namedConfig !== null,
    runners: byBackend(variables, "LLEM_RUNNER_"),
    unknownVariables: Object.keys(variables).filter((name) => {
      const [, backend] = /^LLEM_(?:RUNNER|IMAGE)_(.+)$/.exec(name) ?? []
      return backend !== undefined && !Backend.isBackend(backend.toLowerCase())
    }),
    images: byBackend(variables, "LLEM_IMAGE_"),
    mockFile: executor?.startsWith("mock:") ? executor.slice("mock:".length) : null,
    unknownExecutor: executor === null || executor.startsWith("mock:") ? null : executor,
    nvmlLibrary: nonEmpty(variables["LLEM_NVML_LIBRARY"]),
    color: environment.stdoutIsTerminal && nonEmpty(variables["NO_COLOR"]) === null && !dumb,
    liveView: environment.stderrIsTerminal && !dumb,
    columns: environment.stdoutColumns ?? 100,
    unicode: /utf-?8/i.test(
      nonEmpty(variables["LC_ALL"]) ?? nonEmpty(variables["LC_CTYPE"]) ?? nonEmpty(variables["LANG"]) ?? "C.UTF-8",
    ),
    hostName: environment.hostName,
    variables,
  }
}
