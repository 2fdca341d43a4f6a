import { afterAll, describe, expect, test } from "bun:test"
import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { readGpus } from "../../src/platform/nvml.ts"
import { gather } from "../../src/preflight/node.ts"
import { projectRoot } from "../lib/env.ts"
import { answers, lifecycle, type StandIn, standIn } from "../lib/nvml.ts"

const work = mkdtempSync(join(tmpdir(), "llem-nvml-test-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const gibibyte = 2 ** 30
const big = 141 * gibibyte
const library = (what: StandIn): string => standIn(work, what)

/** What a library answers, which must be a reading. */
const read = (path: string) => {
  const reading = readGpus(path)
  if (!reading.ok) throw new Error(reading.reason)
  return reading
}

/** Why a library cannot be read; fails where it can. */
const problem = (path: string): string => {
  const reading = readGpus(path)
  expect(reading.ok).toBe(false)
  return reading.ok ? "" : reading.reason
}

describe("reading GPUs", () => {
  test("every GPU with its memory and who holds it", () => {
    const path = library({
      driverVersion: "580.95.05",
      gpus: [
        { uuid: "GPU-a", name: "NVIDIA H100 80GB HBM3", totalBytes: 80 * gibibyte },
        {
          uuid: "GPU-b",
          name: "NVIDIA H200",
          totalBytes: big,
          usedBytes: 5 * gibibyte,
          processes: [
            { pid: 4_194_303, usedBytes: 5 * gibibyte },
            { pid: 7, usedBytes: null },
          ],
        },
      ],
    })
    expect(read(path)).toEqual({
      ok: true,
      driverVersion: "580.95.05",
      gpus: [
        {
          index: 0,
          uuid: "GPU-a",
          name: "NVIDIA H100 80GB HBM3",
          memoryTotalBytes: 80 * gibibyte,
          memoryUsedBytes: 0,
          memoryWhy: null,
          processes: [],
        },
        {
          index: 1,
          uuid: "GPU-b",
          name: "NVIDIA H200",
          memoryTotalBytes: big,
          memoryUsedBytes: 5 * gibibyte,
          memoryWhy: null,
          processes: [
            { pid: 4_194_303, usedBytes: 5 * gibibyte },
            { pid: 7, usedBytes: null },
          ],
        },
      ],
      unreadable: [],
    })
  })

  test("memory that the driver keeps for itself counts only where it cannot be told apart", () => {
    const gpus = [{ uuid: "GPU-a", usedBytes: gibibyte }]
    expect(read(library({ gpus })).gpus[0]?.memoryUsedBytes).toBe(gibibyte)
    const older = read(library({ gpus, without: ["MEMORY_V2"] })).gpus[0]?.memoryUsedBytes
    expect(older).toBe(gibibyte + 500 * 2 ** 20)
  })

  test("more processes than fit at first, through the newer or the older call, or null without either", () => {
    const processes = Array.from({ length: 200 }, (_, index) => ({ pid: index + 1, usedBytes: index * 1000 }))
    const gpus = [{ uuid: "GPU-a", processes }]
    expect(read(library({ gpus })).gpus[0]?.processes).toEqual(processes)
    expect(read(library({ gpus, without: ["PROCESSES_V3"] })).gpus[0]?.processes).toEqual(processes)
    expect(read(library({ gpus, without: ["PROCESSES_V3", "PROCESSES_V2"] })).gpus[0]?.processes).toBeNull()
  })

  test("a GPU that is lost or forbidden is said, and hides no other; memory that cannot be read is null with its reason", () => {
    const { gpus, unreadable } = read(
      library({
        gpus: [
          { uuid: "GPU-a", handleCode: 15 },
          { uuid: "GPU-b", handleCode: 4 },
          { uuid: "GPU-c", memoryCode: 3 },
        ],
      }),
    )
    expect(gpus).toMatchObject([
      {
        index: 2,
        uuid: "GPU-c",
        memoryTotalBytes: null,
        memoryUsedBytes: null,
        memoryWhy: "not supported by this GPU (NVML code 3)",
      },
    ])
    expect(unreadable.map(({ index }) => index)).toEqual([0, 1])
    expect(unreadable[0]?.reason).toContain("the GPU is lost")
    expect(unreadable[1]?.reason).toContain("no permission")
  })

  test("each reading starts the library and shuts it down, and sees what is there then", () => {
    const path = library({ gpus: [{ uuid: "GPU-a" }] })
    expect(read(path).gpus).toHaveLength(1)
    answers(path, { gpus: [] })
    expect(read(path).gpus).toEqual([])
    answers(path, { gpus: [{ uuid: "GPU-a", handleCode: 999 }] })
    expect(read(path).unreadable).toHaveLength(1)
    expect(lifecycle(path)).toEqual(["init", "shutdown", "init", "shutdown", "init", "shutdown"])
  })
})

describe("a library that cannot be used is a reason that names it", () => {
  test("one that does not start is not left started, and may start later", () => {
    const path = library({ initCode: 9, gpus: [{ uuid: "GPU-a" }] })
    expect(problem(path)).toBe(
      `NVML of LLEM_NVML_LIBRARY (${path}) does not start: the NVIDIA driver is not loaded (NVML code 9)`,
    )
    answers(path, { initCode: 777 })
    expect(problem(path)).toEndWith("unknown error (NVML code 777)")
    expect(lifecycle(path)).toEqual([])
    answers(path, { gpus: [{ uuid: "GPU-a" }] })
    expect(read(path).gpus).toHaveLength(1)
  })

  test("one that is missing, is no library, or is another one", () => {
    const absent = join(work, "absent.so")
    expect(problem(absent)).toBe(
      `LLEM_NVML_LIBRARY (${absent}) cannot be used as NVML: ${absent}: cannot open shared object file: No such file or directory`,
    )
    expect(problem(import.meta.path)).toContain("invalid ELF header")
    expect(problem("libm.so.6")).toContain('Symbol "nvmlInit_v2" not found')
    const partial = library({ without: ["UUID"], gpus: [{ uuid: "GPU-a" }] })
    expect(problem(partial)).toContain('Symbol "nvmlDeviceGetUUID" not found')
    expect(lifecycle(partial)).toEqual([])
  })

  test("a library of the driver's name in the working directory is not loaded", async () => {
    const folder = mkdtempSync(join(work, "cwd-"))
    const name = "libllem-not-installed.so.1"
    copyFileSync(library({}), join(folder, name))
    const script = `
      const { readGpus } = await import(${JSON.stringify(join(projectRoot, "src/platform/nvml.ts"))})
      console.log(JSON.stringify(readGpus(${JSON.stringify(name)})))`
    const child = Bun.spawn([process.execPath, "-e", script], { cwd: folder, stdout: "pipe" })
    expect(await new Response(child.stdout).json()).toEqual({
      ok: false,
      reason: `LLEM_NVML_LIBRARY (${name}) cannot be used as NVML: ${name}: cannot open shared object file: No such file or directory`,
    })
  })
})

describe("the node's GPUs", () => {
  const node = (path: string) => ({
    variables: { PATH: "", DOCKER_HOST: `unix://${work}/none.sock`, LLEM_NVML_LIBRARY: path },
    root: join(work, "root"),
    adapters: [],
    image: { binary: null, cacheDirectories: [] },
  })

  test("are what NVML tells", async () => {
    const path = library({
      driverVersion: "570.1",
      gpus: [
        { uuid: "GPU-a", handleCode: 4 },
        { uuid: "GPU-b", name: "NVIDIA L4", totalBytes: 24e9 },
        { uuid: "GPU-c", memoryCode: 3 },
      ],
    })
    expect(await Effect.runPromise(gather(node(path)))).toMatchObject({
      gpus: [
        { uuid: "GPU-b", name: "NVIDIA L4", index: 1, driverVersion: "570.1", memoryBytes: 24e9 },
        { uuid: "GPU-c", name: "Stand-in GPU", index: 2, driverVersion: "570.1" },
      ],
      nvmlReason: null,
    })
  })

  test("come with the reason where NVML could not be asked", async () => {
    const path = library({ initCode: 18 })
    const { gpus, nvmlReason } = await Effect.runPromise(gather(node(path)))
    expect(gpus).toEqual([])
    expect(nvmlReason).toContain(path)
    expect(nvmlReason).toContain("different versions")
  })
})
