import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { projectRoot } from "../lib/env.ts"

/** JSON with commas at the ends of lists, as lockfiles are written. */
const parsed = (path: string) =>
  JSON.parse(JSON.stringify(Bun.JSONC.parse(readFileSync(join(projectRoot, path), "utf8"))))
const folder = mkdtempSync(join(tmpdir(), "llem-targets-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("what is fetched for other processors", () => {
  test("is pinned to the versions and sha512 that the project itself has", () => {
    const own = parsed("package.json").devDependencies
    const pins = parsed("scripts/release/targets/package.json").dependencies
    expect(pins).toEqual({
      "@node-llama-cpp/linux-arm64": own["@node-llama-cpp/linux-x64"],
      "@node-llama-cpp/linux-x64": own["@node-llama-cpp/linux-x64"],
      "@oven/bun-linux-aarch64": own.bun,
      "@oven/bun-linux-x64": own.bun,
    })
    const locked = parsed("scripts/release/targets/bun.lock").packages
    expect(Object.keys(locked)).toEqual(Object.keys(pins))
    const project = parsed("bun.lock").packages
    for (const name of Object.keys(pins)) {
      expect(locked[name][3]).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/)
      if (name in project) expect(locked[name][3]).toBe(project[name][3])
    }
  })

  test("so is the build of the engine for GPUs that tests run", () => {
    const own = parsed("package.json").devDependencies
    const name = "@node-llama-cpp/linux-x64-vulkan"
    expect(parsed("scripts/variants/package.json").dependencies).toEqual({
      [name]: own["@node-llama-cpp/linux-x64"],
    })
    const locked = parsed("scripts/variants/bun.lock").packages
    expect(Object.keys(locked)).toEqual([name])
    expect(locked[name][3]).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/)
  })

  test("is refused when it is not what the sha512 says", async () => {
    const archive = Bun.gzipSync(Buffer.alloc(1024))
    using registry = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(archive) })
    const program = `
      const { runtimeOf } = await import("./scripts/release/targets.ts")
      for (const variant of ["linux-x64", "linux-arm64"]) runtimeOf(variant)`
    const child = Bun.spawn([process.execPath, "-e", program], {
      cwd: projectRoot,
      env: {
        PATH: "/usr/bin:/bin",
        HOME: folder,
        LLEM_DEV_CACHE: folder,
        BUN_INSTALL_CACHE_DIR: join(folder, "packages"),
        BUN_CONFIG_REGISTRY: registry.url.href,
      },
      stdout: "pipe",
      stderr: "pipe",
    })
    expect(await child.exited).not.toBe(0)
    expect(await new Response(child.stderr).text()).toMatch(/needs could not be fetched[\s\S]*IntegrityCheckFailed/)
    expect(existsSync(join(folder, "targets/linux-arm64/node_modules"))).toBe(false)
  })
})
