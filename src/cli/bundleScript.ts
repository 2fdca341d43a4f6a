import type * as Backend from "../domain/Backend.ts"
import type { RunnerSpec } from "../domain/RunnerSpec.ts"
import { defaultImage } from "../runner/Images.ts"

/** A word as a shell takes it for itself. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** A study's name as the name of a file and of a folder below the one that it is unpacked in. */
export const folderName = (study: string): string =>
  study.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+|[.-]+$/g, "") || "study"

/** What decided where and in which image a backend runs, when it was not the study file. */
export interface Elsewhere {
  readonly backend: Backend.Backend
  readonly runner: RunnerSpec
  /** The image that environment or user config names for it. */
  readonly image: string | undefined
}

const kept = (name: string, value: string): string =>
  `${name}="\${${name}:-${value.replace(/["$\\`]/g, "\\$&")}}"\nexport ${name}\n`

const variables = ({ backend, runner, image }: Elsewhere): string => {
  const given = ["flag", "env", "user_config"].includes(runner.source)
  const isNamed = runner.mode === "docker" && runner.image !== null && runner.image !== defaultImage(backend)
  const value = isNamed ? `docker:${runner.image}` : runner.mode
  const name = backend.toUpperCase()
  return [
    given ? kept(`LLEM_RUNNER_${name}`, value) : "",
    image === undefined ? "" : kept(`LLEM_IMAGE_${name}`, image),
  ].join("")
}

/**
 * The script that runs a bundled study: its images are loaded, what the first node's environment decided is said
 * again unless the other node's says otherwise, and nothing is fetched over a network.
 */
export const runScript = (study: string, elsewhere: ReadonlyArray<Elsewhere>): string => `#!/bin/sh
# Runs the study on this node; nothing is fetched over a network. Flags go to llem run.
set -e
CDPATH= cd -- "$(dirname -- "$0")"
for image in images/*.tar; do
  if [ -e "$image" ]; then ./llem images load "$image" >/dev/null; fi
done
if [ -d data ]; then XDG_DATA_HOME="$PWD/data"; export XDG_DATA_HOME; fi
${elsewhere.map(variables).join("")}offline=--offline
for flag in "$@"; do
  if [ "$flag" = --offline ]; then offline=; fi
done
exec ./llem run ${quoted(`./${study}`)} $offline "$@"
`
