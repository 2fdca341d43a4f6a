import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Base from "../config/Base.ts"
import type { Document } from "../config/Document.ts"
import * as Relocate from "../config/Relocate.ts"
import { Docker } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import { embeddedImage } from "../domain/OwnImage.ts"
import type { Plan } from "../domain/Plan.ts"
import * as Files from "../platform/configFiles.ts"
import { ownBinary } from "../platform/engineRuntime.ts"
import { type TarEntry, writeTarOnce } from "../platform/tarFile.ts"
import * as TemporaryFolder from "../platform/temporaryFolder.ts"
import { isFileName } from "../workload/fileDatasets.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import { namedFiles } from "./contents.ts"
import * as flags from "./flags.ts"
import * as Layers from "./Layers.ts"
import { loadDocuments } from "./loadStudy.ts"
import * as Output from "./Output.ts"
import { prepare } from "./prepare.ts"
import type { Settings } from "./Settings.ts"
import { UsageError } from "./UsageError.ts"

const script = `#!/bin/sh
# Runs the study on this node; nothing is fetched over a network. Flags go to llem run.
set -e
cd "$(dirname "$0")"
for image in images/*.tar; do
  if [ -e "$image" ]; then ./llem images load "$image"; fi
done
if [ -d data ]; then XDG_DATA_HOME="$PWD/data"; export XDG_DATA_HOME; fi
exec ./llem run study.yaml --offline "$@"
`

const text = (path: string, content: string, mode = 0o644): TarEntry => ({
  kind: "bytes",
  path,
  mode,
  content: new TextEncoder().encode(content),
})

/** The study file and its bases, side by side, naming each other and the files that come along. */
const configFiles = (documents: ReadonlyArray<Document>, places: ReadonlyMap<string, string>) =>
  documents.map((document, index) => {
    const written = Base.written(document)
    const moved = new Map([...places, ...(written === null ? [] : [[written, `base-${index + 1}.yaml`] as const])])
    const name = index === 0 ? "study.yaml" : `base-${index}.yaml`
    return text(name, Relocate.relocate(document.source.text, moved))
  })

/** Named prompt sets of this user that the study draws on. */
const promptSets = Effect.fnUntraced(function* (plan: Plan, settings: Settings) {
  const names = plan.cells.flatMap(({ experiment: { dataset } }) =>
    typeof dataset === "string" && !isFileName(dataset) ? [dataset] : [],
  )
  const found = yield* Effect.forEach([...new Set(names)], (name) =>
    Effect.promise(async (): Promise<ReadonlyArray<TarEntry>> => {
      const source = `${settings.dataDirectory}/datasets/${name}.jsonl`
      return (await Files.exists(source))
        ? [{ kind: "file", path: `data/llem/datasets/${name}.jsonl`, mode: 0o644, source }]
        : []
    }),
  )
  return found.flat()
})

/** The images of the study's containers, saved beside; llem makes its own where it runs. */
const images = Effect.fnUntraced(function* (plan: Plan, settings: Settings, folder: string) {
  const names = new Set(
    plan.cells.flatMap(({ runner }) =>
      runner.mode === "docker" && runner.image !== null && runner.image !== embeddedImage ? [runner.image] : [],
    ),
  )
  if (names.size === 0) return []
  return yield* Effect.forEach([...names], (image, index) =>
    Effect.gen(function* () {
      const provider = yield* EngineImages
      yield* provider.ensure(image)
      const source = `${folder}/${index}.tar`
      yield* Docker.use((docker) => docker.save([image], source))
      return {
        kind: "file",
        path: `images/${image.replace(/[^A-Za-z0-9.-]+/g, "_")}.tar`,
        mode: 0o644,
        source,
      } satisfies TarEntry
    }),
  ).pipe(Effect.provide(Layers.dockerNode(settings, false)))
})

const write = (file: string, entries: ReadonlyArray<TarEntry>) =>
  Effect.tryPromise({
    try: () => writeTarOnce(file, entries),
    catch: (cause) =>
      new Output.OutputError({
        message: `${file} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      }),
  })

export const command = Command.make(
  "bundle",
  {
    file: Argument.String("FILE").pipe(Argument.withDescription("Study or experiment file (YAML)")),
    ...flags.planFlags,
    output: Flag.String("output").pipe(
      Flag.withDescription("File to write; default: the study's name and .tar"),
      Flag.withAlias("o"),
      Flag.withMetavar("FILE"),
      Flag.optional,
    ),
  },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const binary = ownBinary()
    if (binary === null)
      return yield* new UsageError({
        message: "llem runs from its sources, so it has no binary to put into a bundle",
        fix: "Build it (bun run build) and run dist/llem.",
      })
    const { plan, spec } = yield* prepare(settings, {
      file: input.file,
      given: input,
      set: input.set,
      runner: Option.getOrNull(input.runner),
      offline: false,
    }).pipe(Effect.provide(Layers.nodeProbe(settings, null)))
    const base = Files.folderOf(Files.under(settings.workingDirectory, input.file))
    const documents = yield* loadDocuments(input.file)
    const places = Relocate.placesFor(namedFiles(plan.cells.map(({ experiment }) => experiment)))
    for (const name of places.keys())
      if (!(yield* Effect.promise(() => Files.exists(Files.under(base, name)))))
        return yield* new UsageError({ message: `The study names ${name}, which is not there`, fix: null })
    const file = Files.under(
      settings.workingDirectory,
      Option.getOrElse(input.output, () => `${spec.name}.tar`),
    )
    const folder = (spec.name.replace(/[^A-Za-z0-9._-]+/g, "-") || "study").replace(/^\.+/, "")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const temporary = yield* TemporaryFolder.make(Files.folderOf(file), ".llem-bundle-")
        const entries: ReadonlyArray<TarEntry> = [
          { kind: "file", path: "llem", mode: 0o755, source: binary },
          text("run.sh", script, 0o755),
          ...configFiles(documents, places),
          ...[...places].map(
            ([written, path]): TarEntry => ({ kind: "file", path, mode: 0o644, source: Files.under(base, written) }),
          ),
          ...(yield* promptSets(plan, settings)),
          ...(yield* images(plan, settings, temporary)),
        ]
        yield* write(
          file,
          entries.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` })),
        )
      }),
    )
    yield* Output.print(file)
    yield* Output.say(`On the other node: tar xf ${file.split("/").at(-1)} && ${folder}/run.sh`)
  }),
).pipe(Command.withDescription("Write one tar with all that a study needs on a node without a network"))
