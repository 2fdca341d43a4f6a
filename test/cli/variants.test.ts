import { afterAll, describe, expect, test } from "bun:test"
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { llem, place, put, type Ran, results, studyFolder } from "../lib/cli.ts"
import { projectRoot, quick, softwareVulkan, vulkanVariant } from "../lib/env.ts"
import { metadata } from "../lib/variants.ts"

const x64 = process.arch === "x64"
const made: Array<string> = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** The engine for the CPU that passes itself off as one for CUDA, with a library for it that is made of this C. */
const cudaOf = (source: string, ...flags: ReadonlyArray<string>): string => {
  const folder = mkdtempSync(join(tmpdir(), "llem-cuda-"))
  made.push(folder)
  cpSync(join(projectRoot, "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64"), folder, { recursive: true })
  writeFileSync(join(folder, "_nlcBuildMetadata.json"), metadata("cuda"))
  const gcc = Bun.spawnSync(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", `${folder}/libggml-cuda.so`, ...flags], {
    stdin: Buffer.from(source),
    stderr: "inherit",
  })
  if (gcc.exitCode !== 0) throw new Error("the stand-in could not be compiled")
  return folder
}

/** A library that another one needs, and that is nowhere when that is loaded. */
const withoutCudart = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "llem-cudart-"))
  made.push(folder)
  const library = join(folder, "libcudart.so.13")
  Bun.spawnSync(["gcc", "-shared", "-fPIC", "-Wl,-soname,libcudart.so.13", "-x", "c", "-", "-o", library], {
    stdin: Buffer.from("int cudart(void) { return 0; }"),
  })
  return cudaOf("int cudart(void); int ggml_backend_init(void) { return cudart(); }", "-x", "none", library)
}

const onLoad = (statement: string): string =>
  cudaOf(`#include <stdlib.h>\n__attribute__((constructor)) static void load(void) { ${statement} }`)

const variantsOf = ({ stdout }: Ran) => JSON.parse(stdout).embedded_variants

describe.if(x64)("builds of the embedded engine that cannot be used", () => {
  test("are told by doctor, each with its reason, and take nothing down", async () => {
    const junk = mkdtempSync(join(tmpdir(), "llem-junk-"))
    made.push(junk)
    writeFileSync(join(junk, "llama-addon.node"), "junk")
    writeFileSync(join(junk, "_nlcBuildMetadata.json"), metadata("vulkan"))
    const folders = [
      onLoad("abort();"),
      onLoad("*(volatile int *)0 = 1;"),
      onLoad("exit(3);"),
      withoutCudart(),
      cudaOf(""),
      junk,
      join(projectRoot, "node_modules/@node-llama-cpp/linux-x64"),
      "/nowhere",
    ]
    const where = place({ LLEM_EMBEDDED_DIR: folders.join(":") })
    const ran = await llem(where, "doctor", "--json")
    expect(ran.code).toBe(0)
    const variants = variantsOf(ran)
    expect(variants.map(({ folder }: { folder: string }) => folder)).toEqual(folders)
    const reasons = [
      /^loading it ended the process with SIGABRT$/,
      /^loading it ended the process with/,
      /^loading it ended the process with code 3: it said nothing$/,
      /^libcudart\.so\.13: cannot open shared object file: .*: install CUDA's runtime/,
      /libggml-cuda\.so/,
      /llama-addon\.node: file too short$/,
      /^it is a build for the CPU/,
      /^there is no such folder$/,
    ]
    for (const [index, reason] of reasons.entries()) {
      expect(variants[index]).toMatchObject({ usable: false, devices: [] })
      expect(variants[index].reason).toMatch(reason)
    }
    const text = await llem(where, "doctor")
    expect(text.stdout).toContain(`  --  embedded on CUDA: ${folders[0]}: loading it ended the process with SIGABRT`)
  }, 120_000)
})

const study = `
model: synthetic:15m
backend: embedded
embedded: { threads: 1 }
dataset: { n: 2, input_len: 20, output_len: 12, seed: 42 }
decoder: { do_sample: false }
sweep: { embedded.gpu_layers: [0, 99] }
warmup: { n_warmup: 1, thermal_floor_seconds: 0 }
baseline: { enabled: false }
execution: { n_cycles: 1, experiment_gap_seconds: 0 }
`

describe("GPU layers without a build that has them", () => {
  test("cost only the experiments that ask for them, which say what to put where", async () => {
    const where = place()
    put(where, "study.yaml", study)
    const planned = JSON.parse((await llem(where, "plan", "study.yaml", "--json")).stdout)
    expect(planned.preflight.ready).toBe(true)
    expect(planned.preflight.findings).toMatchObject([{ code: "gpu_variant_missing" }])
    expect(planned.cells.map(({ skip }: { skip: { code: string } | null }) => skip?.code ?? null).sort()).toEqual([
      "gpu_variant_missing",
      null,
    ])
    const ran = await llem(where, "run", "study.yaml", "--progress", "plain")
    expect(ran.stderr).toContain("name it in LLEM_EMBEDDED_DIR")
    expect(Object.values(results(studyFolder(where)))).toHaveLength(1)
  }, 120_000)

  test("are an error where nothing else is to run, as they are in Docker", async () => {
    const where = place()
    const args = ["run", "--model", "synthetic:15m", "--backend", "embedded", "--set", "embedded.gpu_layers=5"]
    const alone = await llem(where, ...args)
    expect(alone.code).toBe(1)
    expect(alone.stderr).toContain("Nothing is left to run: embedded cannot put layers on a GPU")
    const inDocker = await llem(where, ...args, "--runner", "docker", "--skip-preflight")
    expect(inDocker.code).toBe(1)
    expect(inDocker.stderr).toContain("in a container llem's own engine has its build for the CPU only")
  }, 120_000)
})

describe.if(x64 && !quick)("the build for Vulkan, on a driver in software", () => {
  const environment = () => ({ ...softwareVulkan(), LLEM_EMBEDDED_DIR: vulkanVariant() })

  test("is usable, with its device and memory", async () => {
    const ran = await llem(place(environment()), "doctor", "--json")
    expect(variantsOf(ran)).toMatchObject([{ kind: "vulkan", usable: true, reason: null }])
    const [{ devices, memory_bytes: bytes, version }] = variantsOf(ran)
    expect(devices).toHaveLength(1)
    expect(devices[0]).toContain("llvmpipe")
    expect(bytes).toBeGreaterThan(2 ** 28)
    expect(version).toMatch(/^llama\.cpp v.* \(node-llama-cpp /)
    const text = await llem(place(environment()), "doctor")
    expect(text.stdout).toMatch(/ {2}ok {2}embedded on Vulkan: llvmpipe.*, \d+\.\d GiB \(/)
  }, 60_000)

  test("has no device where llama.cpp is not told to take one in software", async () => {
    const ran = await llem(place({ ...environment(), GGML_VK_VISIBLE_DEVICES: "" }), "doctor", "--json")
    expect(variantsOf(ran)[0]).toMatchObject({ kind: "vulkan", usable: false })
    expect(variantsOf(ran)[0].reason).toContain("Vulkan found no GPU")
  }, 60_000)

  test("runs an experiment to its end, and the result names it and its device", async () => {
    const where = place(environment())
    put(where, "study.yaml", study)
    const ran = await llem(where, "run", "study.yaml", "--progress", "plain")
    expect(ran.stderr).not.toContain("warning")
    expect(ran.code).toBe(0)
    const [cpu, gpu] = Object.values(results(studyFolder(where))).sort(
      (one, other) => one.engine.details.gpu_layers - other.engine.details.gpu_layers,
    )
    expect(cpu.engine.details).toMatchObject({ variant: "cpu", gpu_layers: 0, devices: [] })
    expect(gpu.engine.details).toMatchObject({ variant: "vulkan", devices: [expect.stringContaining("llvmpipe")] })
    expect(gpu.engine.details.gpu_layers).toBe(7)
  }, 300_000)
})
