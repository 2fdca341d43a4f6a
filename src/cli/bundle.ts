import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Base from "../config/Base.ts"
import type { Document } from "../config/Document.ts"
import * as Relocate from "../config/Relocate.ts"
import type { UserConfig } from "../config/UserConfig.ts"
import { Docker } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import * as Backend from "../domain/Backend.ts"
import { embeddedImage } from "../domain/OwnImage.ts"
import type { Plan } from "../domain/Plan.ts"
import type { StudySpec } from "../domain/Study.ts"
import { ofFolders } from "../engines/HfModel.ts"
import * as Files from "../platform/configFiles.ts"
import { ownBinary } from "../platform/engineRuntime.ts"
import { type TarEntry, writeTarOnce } from "../platform/tarFile.ts"
import * as TemporaryFolder from "../platform/temporaryFolder.ts"
import { problemWith, stoppable } from "../platform/wholeFile.ts"
import { isFileName } from "../workload/fileDatasets.ts"
import { type Elsewhere, folderName, quoted, runScript } from "./bundleScript.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import { engineFiles, namedFiles } from "./contents.ts"
import * as flags from "./flags.ts"
import * as Layers from "./Layers.ts"
import { loadDocuments } from "./loadStudy.ts"
import * as Output from "./Output.ts"
import { prepare } from "./prepare.ts"
import type { Settings } from "./Settings.ts"
import { UsageError } from "./UsageError.ts"

const text = (path: string, content: string, mode = 0o644): TarEntry => ({
  kind: "bytes",
  path,
  mode,
  content: new TextEncoder().encode(content),
})

/** The study file and its bases, side by side, naming each other and the files that come along. */
const configFiles = (documents: ReadonlyArray<Document>, name: string, places: ReadonlyMap<string, string>) =>
  documents.map((document, index) => {
    const written = Base.written(document)
    const baseName = (number: number): string => `${name}.base-${number}.yaml`
    const moved = new Map([...places, ...(written === null ? [] : [[written, baseName(index + 1)] as const])])
    return text(index === 0 ? name : baseName(index), Relocate.relocate(document.source.text, moved))
  })

/** The study file keeps its name, for a study without one of its own is called by it. */
const fileName = (path: string): string => {
  const name = path.split("/").at(-1) ?? "study"
  return /\.(ya?ml|json)$/i.test(name) ? name : `${name}.yaml`
}

/** What environment, user config and `--runner` decided, which the other node's do not. */
const decidedHere = (
  plan: Plan,
  settings: Settings,
  spec: StudySpec,
  userConfig: UserConfig,
): ReadonlyArray<Elsewhere> =>
  Backend.all.flatMap((backend) => {
    const runner = plan.cells.find(({ experiment }) => experiment.backend === backend)?.runner
    if (runner === undefined) return []
    const named = spec.images[backend] === undefined ? userConfig.images[backend] : undefined
    return [{ backend, runner, image: settings.images[backend] ?? named }]
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
const images = Effect.fnUntraced(function* (plan: Plan, settings: Settings, folder: string, offline: boolean) {
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
        path: `images/${index + 1}-${image.replace(/[^A-Za-z0-9.-]+/g, "_")}.tar`,
        mode: 0o644,
        source,
      } satisfies TarEntry
    }),
  ).pipe(Effect.provide(Layers.dockerNode(settings, offline)))
})

const write = (file: string, entries: ReadonlyArray<TarEntry>) =>
  stoppable((signal) => writeTarOnce(file, entries, signal)).pipe(
    Effect.mapError((cause) => new Output.OutputError({ message: problemWith(file, "written", cause).message })),
  )

export const command = Command.make(
  "bundle",
  {
    file: Argument.String("FILE").pipe(Argument.withDescription("Study or experiment file (YAML)")),
    offline: flags.planFlags.offline,
    runner: flags.planFlags.runner,
    json: flags.json,
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
    const { plan, spec, userConfig } = yield* prepare(settings, {
      file: input.file,
      given: flags.nothingGiven,
      set: [],
      runner: Option.getOrNull(input.runner),
      offline: input.offline,
      output: null,
    }).pipe(Effect.provide(Layers.nodeProbe(null)))
    const base = Files.folderOf(Files.under(settings.workingDirectory, input.file))
    const documents = yield* loadDocuments(input.file)
    const experiments = plan.cells.map(({ experiment }) => experiment)
    const fixed = experiments.flatMap((experiment) => engineFiles(experiment))
    if (fixed[0] !== undefined)
      return yield* new UsageError({
        message: `The study names ${fixed[0]} by its absolute path, which a bundle cannot bring to another node`,
        fix: "Put that file on the other node under the same path, and run the study there without a bundle.",
      })
    const places = Relocate.placesFor(namedFiles(experiments))
    for (const name of places.keys())
      if (!(yield* Effect.promise(() => Files.exists(Files.under(base, name)))))
        return yield* new UsageError({ message: `The study names ${name}, which is not there`, fix: null })
    const file = Files.under(
      settings.workingDirectory,
      Option.getOrElse(input.output, () => `${folderName(spec.name)}.tar`),
    )
    if (Option.contains(input.output, "-"))
      return yield* new UsageError({ message: "-o - names no file; a bundle is written to a file", fix: null })
    if (!(yield* Effect.promise(() => Files.exists(Files.folderOf(file)))))
      return yield* new UsageError({ message: `There is no folder ${Files.folderOf(file)}`, fix: null })
    const name = fileName(input.file)
    const folder = folderName(spec.name)
    const prompts = yield* promptSets(plan, settings)
    const sources = [
      ...documents.map(({ source }) => source.path),
      ...[...places.keys()].map((written) => Files.under(base, written)),
      ...prompts.flatMap((entry) => (entry.kind === "file" ? [entry.source] : [])),
      binary,
    ]
    const own = yield* Effect.promise(() => Files.same(file, sources))
    if (own !== null)
      return yield* new UsageError({
        message: `${file} is a file of the study itself`,
        fix: "Name another file to write (-o FILE).",
      })
    yield* Effect.scoped(
      Effect.gen(function* () {
        const temporary = yield* TemporaryFolder.make(Files.folderOf(file), ".llem-bundle-")
        const entries: ReadonlyArray<TarEntry> = [
          { kind: "file", path: "llem", mode: 0o755, source: binary },
          text("run.sh", runScript(name, decidedHere(plan, settings, spec, userConfig)), 0o755),
          ...configFiles(documents, name, places),
          ...[...places].map(
            ([written, path]): TarEntry => ({ kind: "file", path, mode: 0o644, source: Files.under(base, written) }),
          ),
          ...prompts,
          ...(yield* images(plan, settings, temporary, input.offline)),
        ]
        yield* write(
          file,
          entries.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` })),
        )
      }),
    )
    if (input.json) return yield* Output.printJson({ file, folder, study: name })
    yield* Output.print(file)
    if (experiments.some(({ backend }) => ofFolders.includes(backend)))
      yield* Output.say(
        "Models in Hugging Face's format are not in it: copy their folders or the cache to the other node.",
      )
    yield* Output.say(`On the other node: tar xf ${quoted(file.split("/").at(-1) ?? file)} && ${quoted(folder)}/run.sh`)
  }),
).pipe(Command.withDescription("Write one tar with all that a study needs on a node without a network"))
