import { Result } from "effect"
import { type Alias, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml"
import { isRecord } from "../domain/Unknown.ts"
import { ConfigError, type Problem, problem } from "./ConfigError.ts"
import type { SourceFile } from "./Source.ts"

/** A place in a file; line and column count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly sourceLine: string
}

export type Path = ReadonlyArray<string | number>

/** Plain data with the place of every key and value in it. */
export interface Document {
  readonly source: SourceFile
  readonly value: Readonly<Record<string, unknown>>
  /** Where the value at a path begins, or the nearest thing around it. */
  readonly valueAt: (path: Path) => Place
  /** Where the key at a path begins. */
  readonly keyAt: (path: Path) => Place
}

/** More values than this come only from aliases that repeat each other. */
const maximumNodes = 200_000
/** A study file nests some six levels deep. */
const maximumDepth = 64
/** Syntax errors after these are mostly echoes of the first. */
const maximumSyntaxErrors = 20
const keyOf = (path: Path): string => JSON.stringify(path)

class TooManyNodes extends Error {}

const tooDeep = "it nests too deeply; a configuration may have 64 levels"

/** Turns YAML nodes into plain data, noting where each came from. Aliases and merge keys are followed. */
class Reader {
  readonly keys = new Map<string, number>()
  readonly values = new Map<string, number>()
  readonly problems: Array<{ readonly offset: number; readonly message: string; readonly path: Path }> = []
  readonly #resolve: (alias: Alias) => Node | undefined
  #nodes = 0

  constructor(resolve: (alias: Alias) => Node | undefined) {
    this.#resolve = resolve
  }

  read(node: unknown, path: Path, open: ReadonlyArray<unknown> = []): unknown {
    if (++this.#nodes > maximumNodes) throw new TooManyNodes()
    if (path.length > maximumDepth || open.length > maximumDepth) {
      this.#complain(node, tooDeep, path.slice(0, 1))
      return null
    }
    if (isAlias(node)) {
      this.#note(this.values, path, node)
      const target = this.#resolve(node)
      if (target === undefined || open.includes(target)) {
        this.#complain(
          node,
          `the alias *${node.source} ${target === undefined ? "has no anchor" : "contains itself"}`,
          path,
        )
        return null
      }
      return this.read(target, path, [...open, target])
    }
    if (!this.values.has(keyOf(path))) this.#note(this.values, path, node)
    if (isMap(node)) return this.#map(node.items, path, open)
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index], open))
    return isScalar(node) ? node.value : null
  }

  #map(items: ReadonlyArray<unknown>, path: Path, open: ReadonlyArray<unknown>): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    const merged: Record<string, unknown> = {}
    // Merged keys first, wherever the merge stands: the mapping's own keys win, and so do their places.
    for (const pair of items)
      if (isPair(pair) && isMergeKey(pair.key)) Object.assign(merged, this.#merge(pair.value, path, open))
    for (const pair of items) {
      if (isPair(pair) && isMergeKey(pair.key)) continue
      if (!isPair(pair)) continue
      const key = isScalar(pair.key) ? pair.key.value : undefined
      if (typeof key !== "string" && typeof key !== "number" && typeof key !== "boolean") {
        this.#complain(pair.key, "a key must be a word", path)
        continue
      }
      const name = String(key)
      const inner = [...path, name]
      this.#note(this.keys, inner, pair.key)
      this.values.delete(keyOf(inner))
      Object.defineProperty(out, name, {
        value: this.read(pair.value, inner, open),
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
    return { ...merged, ...out }
  }

  #merge(node: unknown, path: Path, open: ReadonlyArray<unknown>): Record<string, unknown> {
    const target = isAlias(node) ? this.#resolve(node) : node
    if (isSeq(target))
      return Object.assign({}, ...[...target.items].reverse().map((item) => this.#merge(item, path, open)))
    if (isMap(target) && !open.includes(target)) return this.#map(target.items, path, [...open, target])
    this.#complain(node, "a merge key (<<) takes a mapping or a list of mappings", path)
    return {}
  }

  #note(into: Map<string, number>, path: Path, node: unknown): void {
    const offset = this.#offset(node)
    if (offset !== null) into.set(keyOf(path), offset)
  }

  #complain(node: unknown, message: string, path: Path): void {
    this.problems.push({ offset: this.#offset(node) ?? 0, message, path })
  }

  #offset(node: unknown): number | null {
    const known = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)
    return known && node.range ? node.range[0] : null
  }
}

const isMergeKey = (key: unknown): boolean => isScalar(key) && key.value === "<<" && key.type === "PLAIN"

const firstSentence = (message: string): string => {
  const line = (message.split("\n")[0] ?? message).replace(/ at line \d+.*$/, "")
  if (line.startsWith("Map keys must be unique")) return "this key stands twice in the same mapping"
  if (line.startsWith("Maximum call stack")) return tooDeep
  if (line.startsWith("Unresolved tag"))
    return `${line.replace("Unresolved tag:", "the tag")} is not known here; write the plain value`
  if (line.startsWith("Source contains multiple documents")) return "a configuration is one YAML document"
  return line
}

const dotted = (path: Path): string => path.map(String).join(".")

/** Syntax errors with their places, each once. */
const syntaxProblems = (
  errors: ReadonlyArray<{ readonly message: string; readonly pos: readonly [number, number] }>,
  place: (offset: number) => Place,
): ReadonlyArray<Problem> => {
  const distinct = new Map<string, Problem>()
  for (const { message, pos } of errors) {
    const sentence = firstSentence(message)
    const key = `${pos[0]} ${sentence}`
    if (!distinct.has(key)) distinct.set(key, problem(sentence, place(pos[0])))
    if (distinct.size === maximumSyntaxErrors) break
  }
  return [...distinct.values()]
}

/** The YAML document of a text; null where it nests too deeply to be read. */
const parseText = (text: string, lineCounter: LineCounter) => {
  try {
    return parseDocument(text, { lineCounter, merge: false, prettyErrors: false })
  } catch (cause) {
    if (cause instanceof RangeError) return null
    throw cause
  }
}

/** Parses one YAML file. The failure has all of its syntax errors. */
export const parse = (source: SourceFile): Result.Result<Document, ConfigError> => {
  const counter = new LineCounter()
  const lines = source.text.split(/\r?\n/)
  const place = (offset: number): Place => {
    const { line, col } = counter.linePos(offset)
    return { file: source.path, line: Math.max(line, 1), column: Math.max(col, 1), sourceLine: lines[line - 1] ?? "" }
  }
  const document = parseText(source.text, counter)
  if (document === null) return Result.fail(new ConfigError({ problems: [problem(tooDeep, place(0))] }))
  const syntax = syntaxProblems([...document.errors, ...document.warnings], place)
  if (syntax.length > 0) return Result.fail(new ConfigError({ problems: syntax }))
  const reader = new Reader((alias) => alias.resolve(document))
  const problems: Array<Problem> = []
  let value: unknown
  try {
    value = reader.read(document.contents, [])
  } catch (cause) {
    if (!(cause instanceof TooManyNodes)) throw cause
    return Result.fail(new ConfigError({ problems: [problem("its aliases unfold into too many values", place(0))] }))
  }
  for (const { offset, message, path } of reader.problems)
    problems.push(problem(message, { path: dotted(path), ...place(offset) }))
  if (typeof value !== "object" || value === null || Array.isArray(value))
    problems.push(problem("a configuration is a mapping of fields to values", place(0)))
  if (problems.length > 0) return Result.fail(new ConfigError({ problems }))
  const lookUp = (maps: ReadonlyArray<Map<string, number>>, path: Path): Place => {
    for (let length = path.length; length > 0; length--) {
      for (const map of maps) {
        const offset = map.get(keyOf(path.slice(0, length)))
        if (offset !== undefined) return place(offset)
      }
    }
    return place(0)
  }
  return Result.succeed({
    source,
    value: isRecord(value) ? value : {},
    valueAt: (path) => lookUp([reader.values, reader.keys], path),
    keyAt: (path) => lookUp([reader.keys, reader.values], path),
  })
}
