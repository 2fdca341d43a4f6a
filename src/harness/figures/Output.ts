import type { RequestRecord } from "../../domain/Request.ts"
import * as Completed from "./Completed.ts"

const sampleCharacters = 2000
const utf8 = new TextEncoder()

/**
 * What the hash of the output is taken over: a line for each request that succeeded, in the order of their ids. Where
 * every one of them has token ids the line holds them in decimal, joined with commas; else the text's length in UTF-8
 * bytes, a colon and the text.
 */
export const canonical = (records: ReadonlyArray<RequestRecord>): string => {
  const completed = Completed.of(records)
    .map((one) => one.record)
    .toSorted((a, b) => a.id - b.id)
  const byIds = completed.every((record) => record.tokenIds !== null)
  return completed
    .map((record) =>
      byIds ? `${(record.tokenIds ?? []).join(",")}\n` : `${utf8.encode(record.text).length}:${record.text}\n`,
    )
    .join("")
}

/** A sample and a hash of the output; null when no request succeeded. `sha256` gives lower-case hex of UTF-8 text. */
export const of = (
  records: ReadonlyArray<RequestRecord>,
  sha256: (text: string) => string,
): { readonly sample: string; readonly sha256: string } | null => {
  const first = Completed.of(records)[0]
  if (first === undefined) return null
  return {
    sample: first.record.text.slice(0, sampleCharacters).toWellFormed(),
    sha256: sha256(canonical(records)),
  }
}
