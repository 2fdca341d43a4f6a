import { describe, expect } from "bun:test"
import { mkdtempSync, readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import type { RequestRecord } from "../../src/domain/Request.ts"
import * as FileStore from "../../src/store/files.ts"
import { CellFiles } from "../../src/store/Store.ts"
import { requestGroups } from "../../src/store/tables.ts"
import { live } from "../lib/effect.ts"
import { python } from "../lib/env.ts"
import { request, series } from "./samples.ts"

const folder = () => mkdtempSync(join(tmpdir(), "llem-tables-"))

/** What pyarrow reads: types by column, and rows or a small computation over them. */
const read = (path: string, expression: string) => {
  const script = `
import json, sys, pyarrow.parquet as pq
f = pq.ParquetFile(sys.argv[1]); t = f.read(); rows = t.to_pylist()
meta = {k.decode(): v.decode() for k, v in (f.schema_arrow.metadata or {}).items()}
print(json.dumps(${expression}))`
  const ran = Bun.spawnSync([python(), "-c", script, path])
  if (ran.exitCode !== 0) throw new Error(ran.stderr.toString())
  return JSON.parse(ran.stdout.toString())
}
const types = "{field.name: str(field.type) for field in t.schema}"

const failed: RequestRecord = {
  ...request(7, 0),
  sentSeconds: null,
  firstTokenSeconds: null,
  lastTokenSeconds: null,
  endSeconds: null,
  inputTokens: null,
  outputTokens: null,
  finishReason: null,
  error: { kind: "http_500", message: "line one\nline \u0000 two" },
  text: "",
  tokenIds: null,
}

const row = (of: RequestRecord) => ({
  id: of.id,
  scheduled_seconds: of.scheduledSeconds,
  sent_seconds: of.sentSeconds,
  first_token_seconds: of.firstTokenSeconds,
  last_token_seconds: of.lastTokenSeconds,
  end_seconds: of.endSeconds,
  input_tokens: of.inputTokens,
  output_tokens: of.outputTokens,
  finish_reason: of.finishReason,
  error_kind: of.error?.kind ?? null,
  error_message: of.error?.message ?? null,
  text: of.text,
  token_ids: of.tokenIds,
  chunk_seconds: Array.from(of.chunkSeconds),
  chunk_tokens: Array.from(of.chunkTokens),
})

describe("tables", () => {
  live("requests.parquet reads in pyarrow as it was written: real lists, nulls apart from zeros and empty lists", () =>
    Effect.gen(function* () {
      const directory = folder()
      const requests = [request(1), failed, request(2, 1), { ...request(3, 5), tokenIds: null, outputTokens: 0 }]
      yield* CellFiles.use((files) => files.writeRequests(directory, requests))
      const path = `${directory}/requests.parquet`
      expect(read(path, "rows")).toEqual(requests.map(row))
      expect(read(path, types)).toEqual({
        id: "int32",
        scheduled_seconds: "double",
        sent_seconds: "double",
        first_token_seconds: "double",
        last_token_seconds: "double",
        end_seconds: "double",
        input_tokens: "int32",
        output_tokens: "int32",
        finish_reason: "string",
        error_kind: "string",
        error_message: "string",
        text: "string",
        token_ids: "list<element: int32 not null>",
        chunk_seconds: "list<element: double not null>",
        chunk_tokens: "list<element: int32 not null>",
      })
      expect(readdirSync(directory)).toEqual(["requests.parquet"])
    }).pipe(Effect.provide(FileStore.cellFilesLayer)),
  )

  live("power.parquet is one row a sample, with what holds for a whole domain in the metadata", () =>
    Effect.gen(function* () {
      const directory = folder()
      const dram = { ...series("dram:0", 2), nestedIn: "cpu:package-0", lostAtSeconds: 1000.05 }
      yield* CellFiles.use((files) => files.writePower(directory, [series("cpu:package-0", 3), dram]))
      const path = `${directory}/power.parquet`
      const same = { meter: "rapl", quality: "measured", kind: "counter" }
      expect(read(path, "rows")).toEqual([
        { domain: "cpu:package-0", ...same, seconds: 1000, value: 0 },
        { domain: "cpu:package-0", ...same, seconds: 1000.1, value: 1.5 },
        { domain: "cpu:package-0", ...same, seconds: 1000.2, value: 3 },
        { domain: "dram:0", ...same, seconds: 1000, value: 0 },
        { domain: "dram:0", ...same, seconds: 1000.1, value: 1.5 },
      ])
      const domains = JSON.parse(read(path, "meta")["llem.domains"])
      expect(domains[1]).toMatchObject({ domain: "dram:0", nested_in: "cpu:package-0", lost_at_seconds: 1000.05 })
    }).pipe(Effect.provide(FileStore.cellFilesLayer)),
  )

  live("tables without rows are still tables", () =>
    Effect.gen(function* () {
      const directory = folder()
      const files = yield* CellFiles
      yield* files.writeRequests(directory, [])
      yield* files.writePower(directory, [])
      expect(read(`${directory}/requests.parquet`, "[len(rows), len(t.schema)]")).toEqual([0, 15])
      expect(read(`${directory}/power.parquet`, "[len(rows), len(t.schema)]")).toEqual([0, 6])
    }).pipe(Effect.provide(FileStore.cellFilesLayer)),
  )

  live("a long run is written group by group and reads back whole", () =>
    Effect.gen(function* () {
      const directory = folder()
      const requests = Array.from({ length: 25_000 }, (_, id) => request(id, 2))
      const samples = [series("cpu:package-0", 250_001), series("dram:0", 5)]
      const files = yield* CellFiles
      yield* files.writeRequests(directory, requests)
      yield* files.writePower(directory, samples)
      const sums =
        "[f.metadata.num_row_groups, len(rows), sum(r['id'] for r in rows), sum(r['chunk_seconds'][1] for r in rows)]"
      const expected = requests.reduce((sum, one) => sum + (one.chunkSeconds[1] ?? 0), 0)
      const [groups, rows, ids, seconds] = read(`${directory}/requests.parquet`, sums)
      expect([groups, rows, ids]).toEqual([3, 25_000, (25_000 * 24_999) / 2])
      expect(seconds).toBeCloseTo(expected, 3)
      expect(
        read(`${directory}/power.parquet`, "[f.metadata.num_row_groups, len(rows), max(r['value'] for r in rows)]"),
      ).toEqual([4, 250_006, 375_000])
    }).pipe(Effect.provide(FileStore.cellFilesLayer)),
  )

  live("groups are bounded by list items too, and lose no request", () =>
    Effect.sync(() => {
      const groups = [...requestGroups(Array.from({ length: 1001 }, (_, id) => request(id, 1000)))]
      expect(groups.map((group) => group.length)).toEqual([...new Array(10).fill(100), 1])
      expect(groups.flat().map(({ id }) => id)).toEqual(Array.from({ length: 1001 }, (_, id) => id))
    }),
  )
})
