import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Docker } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import * as Backend from "../domain/Backend.ts"
import { problemOf } from "../domain/ImageName.ts"
import * as Engines from "../engines/Engines.ts"
import * as Files from "../platform/configFiles.ts"
import { megabytes } from "../report/Numbers.ts"
import * as Table from "../report/Table.ts"
import { imageOf } from "../runner/Images.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import { ensure } from "./dockerReady.ts"
import * as flags from "./flags.ts"
import * as Layers from "./Layers.ts"
import { loadUserConfig } from "./loadStudy.ts"
import * as Output from "./Output.ts"
import type { Settings } from "./Settings.ts"
import { UsageError } from "./UsageError.ts"

const references = Argument.String("IMAGE").pipe(
  Argument.withDescription("Image, or a backend whose image is meant"),
  Argument.atLeast(1),
)

/** The image of a backend as environment and user config have it; what is no backend is an image already. */
const naming = Effect.fnUntraced(function* (settings: Settings) {
  const { images } = yield* loadUserConfig(settings)
  return (name: string): string =>
    Backend.isBackend(name) ? (imageOf(name, { env: settings.images, file: {}, userConfig: images }) ?? name) : name
})

/** The images that a command line names. */
const named = Effect.fnUntraced(function* (settings: Settings, given: ReadonlyArray<string>) {
  const names = given.map(yield* naming(settings))
  for (const name of names) {
    const problem = problemOf(name)
    if (problem !== null) return yield* new UsageError({ message: `'${name}' names no image: ${problem}`, fix: null })
  }
  return names
})

const listing = Effect.fnUntraced(function* (json: boolean) {
  const settings = yield* CurrentSettings
  const docker = yield* Docker
  const referenceOf = yield* naming(settings)
  const rows = yield* Effect.forEach(
    Engines.available.filter((backend) => backend !== "endpoint"),
    (backend) =>
      Effect.gen(function* () {
        const image = referenceOf(backend)
        return { backend, image, info: yield* docker.image(image) }
      }),
  )
  if (json)
    return yield* Output.printJson({
      images: rows.map(({ backend, image, info }) => ({
        backend,
        image,
        present: info !== null,
        id: info?.id ?? null,
        size_bytes: info?.sizeBytes ?? null,
      })),
    })
  const columns = ["backend", "image", "on this node"].map((header) => ({ header, align: "left" as const }))
  const lines = rows.map(({ backend, image, info }) => [
    { text: backend },
    { text: image },
    {
      text:
        info === null ? (backend === "embedded" ? "no; llem makes it when needed" : "no") : megabytes(info.sizeBytes),
    },
  ])
  return yield* Output.print(Table.render(columns, lines, Output.styleOf(settings)).lines.join("\n"))
})

const withDocker = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(CurrentSettings, (settings) => Effect.provide(effect, Layers.dockerNode(settings, false)))

const list = Command.make(
  "list",
  { json: flags.json },
  Effect.fnUntraced(function* ({ json }) {
    yield* withDocker(listing(json))
  }),
).pipe(Command.withDescription("The engines' images and whether they are on this node"))

/** Makes one image ready, saying how far it is. */
const ensured = Effect.fnUntraced(function* (reference: string, json: boolean) {
  const { info, source } = yield* ensure(reference, 2)
  if (!json) yield* Output.print(`${reference}  ${info.id}  ${source}`)
  return { image: reference, id: info.id, source, size_bytes: info.sizeBytes }
})

const pull = Command.make(
  "pull",
  { references, json: flags.json },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const names = yield* named(settings, input.references)
    const images = yield* withDocker(Effect.forEach(names, (name) => ensured(name, input.json)))
    if (input.json) yield* Output.printJson({ images })
  }),
).pipe(Command.withDescription("Put images on this node; the embedded engine's is made, not pulled"))

const save = Command.make(
  "save",
  {
    references,
    json: flags.json,
    output: Flag.String("output").pipe(
      Flag.withDescription("File to write"),
      Flag.withAlias("o"),
      Flag.withMetavar("FILE"),
    ),
  },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const names = yield* named(settings, input.references)
    if (input.output === "-")
      return yield* new UsageError({ message: "-o - names no file; images are written to a file", fix: null })
    const file = Files.under(settings.workingDirectory, input.output)
    yield* withDocker(
      Effect.gen(function* () {
        const images = yield* EngineImages
        yield* Effect.forEach(names, (name) => images.ensure(name), { discard: true })
        yield* Docker.use((docker) => docker.save(names, file))
      }),
    )
    yield* input.json ? Output.printJson({ file, images: names }) : Output.print(file)
  }),
).pipe(Command.withDescription("Write images to a file that `images load` reads on another node"))

const load = Command.make(
  "load",
  {
    file: Argument.String("FILE").pipe(Argument.withDescription("File of `images save` or docker save")),
    json: flags.json,
  },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const file = Files.under(settings.workingDirectory, input.file)
    if (!(yield* Effect.promise(() => Files.exists(file))))
      return yield* new UsageError({ message: `There is no file ${file}`, fix: null })
    yield* withDocker(Docker.use((docker) => docker.load(file)))
    yield* input.json ? Output.printJson({ file, loaded: true }) : Output.print(`loaded ${file}`)
  }),
).pipe(Command.withDescription("Read images from a file"))

export const command = Command.make(
  "images",
  { json: flags.json },
  Effect.fnUntraced(function* ({ json }) {
    yield* withDocker(listing(json))
  }),
).pipe(Command.withDescription("Engine images on this node"), Command.withSubcommands([list, pull, save, load]))
