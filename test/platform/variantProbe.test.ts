import { describe, expect, test } from "bun:test"
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { selfCommand } from "../../src/platform/process.ts"
import { answerMark, probe } from "../../src/platform/variantProbe.ts"
import { junk, metadata, standInFor, variantPackage } from "../lib/variants.ts"

const real = { command: selfCommand(), limitMillis: 20_000 }
/** Says, if it is started at all, that everything is well. */
const content = {
  kind: "vulkan",
  version: "llama.cpp v9",
  usable: true,
  reason: null,
  devices: ["a GPU"],
  memoryBytes: 2 ** 30,
}
const answering = (before = "", after = "") =>
  standInFor(`${before}\necho '${answerMark}${JSON.stringify(content)}'\n${after}`)
const trusting = { command: answering(), limitMillis: 20_000 }

const reasonOf = async (folder: string, how = trusting) => {
  const variant = await probe(folder, how)
  expect(variant).toMatchObject({ folder, usable: false, devices: [], memoryBytes: null })
  return variant.reason ?? ""
}

describe("a folder that is not loaded", () => {
  test("is not there, is a file, or is a relative path", async () => {
    expect(await reasonOf("/nowhere/at/all")).toBe("there is no such folder")
    expect(await reasonOf("/etc/passwd")).toBe("there is no such folder")
    expect(await reasonOf("engines")).toBe("it is not an absolute path")
  })

  test.if(process.arch === "x64")("holds no addon: the packages that have one are named", async () => {
    const empty = mkdtempSync(join(tmpdir(), "llem-variant-"))
    const words = /holds no llama-addon\.node.*@node-llama-cpp\/linux-x64-vulkan@3\.\d+\.\d+ or .*cuda@3\./
    expect(await reasonOf(empty)).toMatch(words)
    mkdirSync(join(empty, "bins", "linux-x64-cuda"), { recursive: true })
    expect(await reasonOf(empty)).toMatch(words)
  })

  test("holds two engines: both folders are named", async () => {
    const { folder, libraries } = variantPackage(junk)
    cpSync(libraries, join(folder, "bins", "linux-x64-cuda"), { recursive: true })
    expect(await reasonOf(folder)).toMatch(/holds several engines: name one of .*linux-x64-cuda, .*linux-x64-vulkan/)
    expect((await probe(libraries, trusting)).usable).toBe(true)
  })

  test("does not say what it is, or says something else", async () => {
    const silent = variantPackage({ "llama-addon.node": "junk" })
    expect(await reasonOf(silent.folder)).toContain("_nlcBuildMetadata.json")
    const damaged = variantPackage({ ...junk, "_nlcBuildMetadata.json": "{" })
    expect(await reasonOf(damaged.folder)).toContain("_nlcBuildMetadata.json")
  })

  test("is of another version, by llama.cpp's release or by the package's", async () => {
    const other = variantPackage({ ...junk, "_nlcBuildMetadata.json": metadata("cuda", "b1234") })
    expect(await reasonOf(other.folder)).toMatch(/^it is llama\.cpp b1234 .* and this llem takes llama\.cpp v[\d.]+ \(/)
    expect(await probe(other.folder, trusting)).toMatchObject({ kind: "cuda", usable: false })
    const older = variantPackage(junk, "3.0.0")
    expect(await reasonOf(older.folder)).toContain("node-llama-cpp 3.0.0")
  })

  test("can be written by others: itself, a library in it, or a folder above it", async () => {
    const itself = variantPackage(junk)
    chmodSync(itself.libraries, 0o777)
    expect(await reasonOf(itself.folder)).toMatch(/^other users can write to .*linux-x64-vulkan, .*chmod go-w/)
    const library = variantPackage({ ...junk, "libggml-base.so": "junk" })
    chmodSync(join(library.libraries, "libggml-base.so"), 0o666)
    expect(await reasonOf(library.folder)).toMatch(/^other users can write to .*libggml-base\.so/)
    const above = variantPackage(junk)
    chmodSync(join(above.folder, "bins"), 0o777)
    expect(await reasonOf(above.folder)).toMatch(/bins belongs to, or can be written by, other users/)
    chmodSync(join(above.folder, "bins"), 0o1777)
    expect((await probe(above.folder, trusting)).usable).toBe(true)
  })

  test.if(process.getuid?.() === 0)("belongs to another user, or to a group of others that may write", async () => {
    const foreign = variantPackage(junk)
    chownSync(join(foreign.libraries, "llama-addon.node"), 12345, 0)
    expect(await reasonOf(foreign.folder)).toMatch(/llama-addon\.node belongs to another user, .*chown/)
    const shared = variantPackage(junk)
    chownSync(shared.libraries, 0, 12345)
    expect((await probe(shared.folder, trusting)).usable).toBe(true)
    chmodSync(shared.libraries, 0o775)
    expect(await reasonOf(shared.folder)).toMatch(/^other users can write to/)
  })

  test("has a library that is a link out of it; a link to the whole folder is none of those", async () => {
    const elsewhere = variantPackage(junk)
    const { folder, libraries } = variantPackage(junk)
    renameSync(join(libraries, "llama-addon.node"), join(elsewhere.folder, "addon"))
    symlinkSync(join(elsewhere.folder, "addon"), join(libraries, "llama-addon.node"))
    expect(await reasonOf(folder)).toContain("is a link to another folder")
    const link = `${elsewhere.folder}-link`
    symlinkSync(elsewhere.folder, link)
    expect(await probe(link, trusting)).toMatchObject({ folder: link, usable: true })
  })
})

describe("a folder that is loaded in a process of its own", () => {
  test("answers among what drivers print, whatever happens after", async () => {
    for (const command of [
      answering(),
      answering("echo noise; printf 'half a line\\n'; echo more >&2"),
      answering("", "kill -SEGV $$"),
      answering("", "exit 7"),
    ])
      expect(await probe(variantPackage(junk).folder, { command, limitMillis: 20_000 })).toMatchObject(content)
  })

  test("crashes, fails, or says nonsense: each is a reason, with what the folder itself tells", async () => {
    const { folder } = variantPackage(junk)
    const after = (script: string) => probe(folder, { command: standInFor(script), limitMillis: 20_000 })
    const crashed = await after("kill -SEGV $$")
    expect(crashed.reason).toBe("loading it ended the process with SIGSEGV")
    expect(crashed).toMatchObject({ kind: "vulkan", usable: false })
    expect(crashed.version).toContain("llama.cpp v")
    expect((await after("echo 'first' >&2; echo 'it is broken' >&2; exit 3")).reason).toBe(
      "loading it ended the process with code 3: it is broken",
    )
    expect((await after(`echo '${answerMark}{"usable": 1}'`)).reason).toContain("it said nothing")
    expect((await after("exit 0")).usable).toBe(false)
  })

  test("hangs: it ends at the limit, with what it started", async () => {
    const { folder } = variantPackage(junk)
    const start = performance.now()
    const command = standInFor("echo started; sleep 60 & sleep 60")
    expect((await probe(folder, { command, limitMillis: 300 })).reason).toBe("loading it did not end within 0.3 s")
    expect((await probe(folder, { command: answering("", "sleep 60"), limitMillis: 300 })).usable).toBe(true)
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  test("leaves something behind that holds its output open: the answer does not wait for that", async () => {
    const { folder } = variantPackage(junk)
    const start = performance.now()
    const command = answering("setsid sleep 8 &")
    expect(await probe(folder, { command, limitMillis: 20_000 })).toMatchObject(content)
    expect(performance.now() - start).toBeLessThan(6000)
  })

  test("cannot even be started", async () => {
    const { folder } = variantPackage(junk)
    expect(await reasonOf(folder, { command: ["/nowhere/llem"], limitMillis: 1000 })).toContain("/nowhere/llem")
  })

  test("is junk: the linker's words are the reason", async () => {
    const { folder, libraries } = variantPackage(junk)
    expect(await reasonOf(folder, real)).toMatch(/llama-addon\.node: (file too short|invalid ELF header)/)
    writeFileSync(join(libraries, "llama-addon.node"), "x".repeat(100_000))
    expect(await reasonOf(folder, real)).toMatch(/llama-addon\.node: invalid ELF header/)
  })
})
