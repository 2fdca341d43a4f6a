import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { projectRoot } from "./lib/env.ts"

const src = join(projectRoot, "src")

/** Which rooms a room may import from, besides itself. `platform` is the only one to touch node: and bun: modules. */
const mayImport: Record<string, ReadonlyArray<string>> = {
  domain: [],
  config: ["domain"],
  report: ["domain", "config"],
  platform: ["domain"],
  engines: ["domain", "platform"],
  docker: ["domain", "platform"],
  executors: ["domain", "engines", "docker", "platform"],
  meters: ["domain", "platform"],
  workload: ["domain", "engines", "executors", "platform"],
  store: ["domain", "platform"],
  progress: ["domain", "report", "platform"],
  preflight: ["domain", "engines", "docker", "executors", "meters", "platform"],
  runner: ["domain", "config", "engines", "executors", "store", "progress", "preflight"],
  harness: ["domain", "engines", "executors", "meters", "workload", "store"],
  cli: [
    "domain",
    "config",
    "report",
    "platform",
    "engines",
    "docker",
    "executors",
    "meters",
    "workload",
    "store",
    "progress",
    "preflight",
    "runner",
    "harness",
  ],
}

/** Rooms whose lower-case files are adapters: other rooms' adapters see only their capitalised modules. */
const portRooms = ["engines", "docker", "executors", "meters", "workload", "store", "progress"]
const pureRooms = ["domain", "config", "report"]

interface Import {
  readonly specifier: string
  readonly typeOnly: boolean
  readonly names: string
}

const walk = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? walk(join(directory, entry.name))
      : entry.name.endsWith(".ts")
        ? [join(directory, entry.name)]
        : [],
  )

const importsOf = (text: string): ReadonlyArray<Import> =>
  [
    ...text.matchAll(/^(?:import|export)\s+(type\s+)?([^"';]*?)\s*from\s+"([^"]+)"/gm),
    ...text.matchAll(/()()(?:import|require)\(\s*"([^"]+)"/g),
    ...text.matchAll(/^import()()\s+"([^"]+)"/gm),
  ].map((match) => ({
    typeOnly: match[1] !== undefined && match[1] !== "",
    names: match[2] ?? "",
    specifier: match[3] ?? "",
  }))

const roomOf = (file: string): string => {
  const path = relative(src, file)
  return path.includes("/") ? (path.split("/")[0] ?? "") : "main"
}

const isAdapter = (file: string): boolean =>
  portRooms.includes(roomOf(file)) && /^[a-z]/.test(relative(join(src, roomOf(file)), file))

const files = walk(src).map((file) => ({
  file,
  name: relative(src, file),
  room: roomOf(file),
  text: readFileSync(file, "utf8"),
}))

/** Violations of one rule over given files; exported shape kept small so that the rules themselves can be tested. */
const violations = (name: string, room: string, file: string, text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const { specifier, typeOnly, names } of importsOf(text)) {
    if (/^(node:|bun:|bun$)/.test(specifier) && room !== "platform")
      found.push(`${name} imports ${specifier} outside platform/`)
    if (pureRooms.includes(room) && specifier === "effect" && !typeOnly) {
      const effects = names
        .replace(/[{}]/g, "")
        .split(",")
        .map((part) => part.trim())
        .filter((part) => /^(Effect|Layer|Stream|Fiber|FileSystem|Console|Ref|Queue)\b/.test(part))
      for (const effectName of effects) found.push(`${name} uses ${effectName} in the pure room ${room}/`)
    }
    if (!specifier.startsWith(".")) continue
    const target = join(dirname(file), specifier)
    if (relative(src, target).startsWith("..")) continue
    const targetRoom = roomOf(target)
    if (room === "main" || targetRoom === room) continue
    if (targetRoom === "main" || !(mayImport[room] ?? []).includes(targetRoom))
      found.push(`${name} imports ${relative(src, target)} against the direction`)
    else if (isAdapter(file) && isAdapter(target))
      found.push(`${name}, an adapter, imports the adapter ${relative(src, target)}`)
  }
  if (pureRooms.includes(room)) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
    for (const [pattern, what] of [
      [/\bDate\.now\b|\bnew Date\(\)/, "the clock"],
      [/\bconsole\./, "the console"],
      [/\bprocess\.|\bBun\./, "the process"],
      [/\bMath\.random\b|\bcrypto\.random/, "randomness"],
      [/(?<![.\w])fetch\(/, "the network"],
    ] as const) {
      if (pattern.test(code)) found.push(`${name} touches ${what} in the pure room ${room}/`)
    }
  }
  return found
}

describe("architecture", () => {
  test("every room is known and has files", () => {
    const rooms = [...new Set(files.map((entry) => entry.room))].filter((room) => room !== "main")
    expect(rooms.filter((room) => !(room in mayImport))).toEqual([])
    expect(files.length).toBeGreaterThan(20)
  })

  test("imports follow the direction, effects stay out of pure rooms, node: and bun: stay in platform/", () => {
    expect(files.flatMap((entry) => violations(entry.name, entry.room, entry.file, entry.text))).toEqual([])
  })

  test("the rules catch what they are for", () => {
    const at = (name: string, text: string) => violations(name, name.split("/")[0] ?? "", join(src, name), text)
    expect(at("domain/X.ts", 'import { a } from "../config/Y.ts"')).toHaveLength(1)
    expect(at("config/X.ts", 'import { Effect } from "effect"')).toHaveLength(1)
    expect(at("config/X.ts", 'import type { Effect } from "effect"')).toHaveLength(0)
    expect(at("config/X.ts", "const t = Date.now()")).toHaveLength(1)
    expect(at("harness/X.ts", 'import { readFileSync } from "node:fs"')).toHaveLength(1)
    expect(at("harness/X.ts", 'const fs = await import("node:fs")')).toHaveLength(1)
    expect(at("executors/local.ts", 'import { x } from "../engines/vllm.ts"')).toHaveLength(1)
    expect(at("executors/local.ts", 'import { x } from "../engines/Engine.ts"')).toHaveLength(0)
  })
})
