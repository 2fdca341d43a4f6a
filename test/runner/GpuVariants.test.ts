import { describe, expect, test } from "bun:test"
import { type EmbeddedVariant, foldersOf } from "../../src/domain/EmbeddedVariant.ts"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { RunnerMode } from "../../src/domain/RunnerSpec.ts"
import * as Engines from "../../src/engines/Engines.ts"
import * as Plan from "../../src/runner/Plan.ts"
import { localResolution, planInput } from "./samples.ts"

const variant = (over: Partial<EmbeddedVariant> = {}): EmbeddedVariant => ({
  folder: "/gpu",
  kind: "vulkan",
  version: "llama.cpp v1",
  usable: true,
  reason: null,
  devices: ["a GPU"],
  memoryBytes: 1,
  ...over,
})
const broken = variant({ folder: "/broken", usable: false, reason: "libvulkan.so.1 is not there", devices: [] })
const gpus = [
  { uuid: "GPU-a", name: "A" },
  { uuid: "GPU-b", name: "B" },
]
const onGpu: Partial<Experiment> = { embedded: { gpu_layers: 99 } }

const planned = (
  experiments: ReadonlyArray<Partial<Experiment>>,
  over: Partial<Plan.PlanInput> = {},
  mode: RunnerMode = "local",
) =>
  Plan.plan(
    planInput(experiments, {
      engine: Engines.byBackend,
      resolution: { ...localResolution(), runners: { embedded: { mode, image: null, source: "yaml" } } },
      ...over,
    }),
  )
const outcome = (...args: Parameters<typeof planned>) => {
  const [cell] = planned(...args).cells
  return cell?.skip?.code ?? cell?.placement.engineVariant ?? null
}

describe("experiments with GPU layers", () => {
  test("get the first usable build; those without GPU layers get the one inside llem", () => {
    const variants = [broken, variant(), variant({ folder: "/second" })]
    expect(outcome([onGpu], { variants })).toBe("/gpu")
    expect(outcome([{}], { variants })).toBeNull()
    expect(outcome([{ embedded: { gpu_layers: 0 } }], { variants })).toBeNull()
    expect(planned([onGpu], { variants }).findings).toEqual([])
  })

  test("are skipped where no folder is named, and it is said what to put where; the others run", () => {
    const { cells, findings } = planned([onGpu, {}, onGpu])
    expect(cells.map(({ skip }) => skip?.code ?? null)).toEqual(["gpu_variant_missing", null, "gpu_variant_missing"])
    expect(findings).toMatchObject([{ code: "gpu_variant_missing", blocking: false }])
    expect(findings[0]?.message).toContain(
      "LLEM_EMBEDDED_DIR names no other. The 2 experiments that ask for it are skip",
    )
    expect(findings[0]?.fix).toMatch(
      /linux-x64-vulkan or .*linux-x64-cuda.* into a folder and name it in LLEM_EMBEDDED_DIR/,
    )
  })

  test("are skipped with the reason of every build that is not usable", () => {
    const { findings } = planned([onGpu], { variants: [broken, variant({ folder: "/b", usable: false, reason: "x" })] })
    expect(findings.map(({ code }) => code)).toEqual(["gpu_variant_missing", "nothing_to_run"])
    expect(findings[0]?.message).toContain("/broken: libvulkan.so.1 is not there; /b: x. The experiment")
    expect(findings[1]).toMatchObject({ blocking: true })
  })

  test("cannot run in a container", () => {
    const variants = [variant()]
    expect(outcome([onGpu], { variants }, "docker")).toBe("gpu_variant_docker")
    expect(outcome([{}], { variants }, "docker")).toBeNull()
    expect(planned([onGpu, {}], { variants }, "docker").findings[0]?.fix).toContain("local")
  })

  test("on CUDA need GPUs that can be handed on", () => {
    const variants = [variant({ kind: "cuda" })]
    expect(outcome([onGpu], { variants })).toBe("gpu_variant_devices")
    expect(outcome([onGpu], { variants, gpus })).toBe("/gpu")
    expect(outcome([{ ...onGpu, devices: [1] }], { variants, gpus })).toBe("/gpu")
    expect(planned([{ ...onGpu, devices: [1] }], { variants, gpus }).cells[0]?.placement.gpuUuids).toEqual(["GPU-b"])
  })

  test("on Vulkan cannot choose among GPUs", () => {
    const variants = [variant()]
    expect(outcome([{ ...onGpu, devices: [1] }], { variants, gpus })).toBe("gpu_variant_devices")
    expect(outcome([{ ...onGpu, devices: [0, 1] }], { variants, gpus })).toBe("/gpu")
    expect(outcome([{ ...onGpu, devices: "all" }], { variants, gpus })).toBe("/gpu")
  })

  test("that the engine cannot do at all say that", () => {
    const { findings, cells } = planned([{ ...onGpu, devices: "none" }, {}])
    expect(cells[0]?.skip?.code).toBe("unsupported")
    expect(findings).toEqual([])
  })

  test("of a scripted run need none", () => {
    expect(outcome([onGpu], { engine: () => null })).toBeNull()
  })
})

test("folders are joined by colons, and each counts once", () => {
  expect(foldersOf(undefined)).toEqual([])
  expect(foldersOf(":/a::/b:/a:")).toEqual(["/a", "/b"])
})
