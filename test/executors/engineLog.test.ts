import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { openLog } from "../../src/platform/engineLog.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const work = mkdtempSync(join(tmpdir(), "llem-log-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

let made = 0
/** What the log holds after these pieces, and its end. */
const logged = (pieces: ReadonlyArray<string>, secrets: ReadonlyArray<string> = [], limitBytes = 1000): string => {
  const path = join(work, String(++made))
  const log = openLog(path, limitBytes, secrets)
  for (const piece of pieces) log.write(Buffer.from(piece))
  log.close()
  return readFileSync(path, "utf8")
}

/** A text cut into two at every place. */
const cuts = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)])

describe("the log of an engine", () => {
  test("holds what was written, in order, and goes on where a file is already", () => {
    expect(logged(["one ", "two\n", "", "three"])).toBe("one two\nthree")
    const path = join(work, String(++made))
    for (const text of ["first\n", "second\n"]) {
      const log = openLog(path, 100, ["s3cret"])
      log.write(Buffer.from(text))
      log.close()
    }
    expect(readFileSync(path, "utf8")).toBe("first\nsecond\n")
  })

  test("ends at its limit, and says so once", () => {
    const end = "\n[llem: the log ends here, at its limit of 8 bytes]\n"
    expect(logged(["0123", "456789", "more"], [], 8)).toBe(`01234567${end}`)
    expect(logged(["0123", "4567", "more"], [], 8)).toBe(`01234567${end}`)
    expect(logged(["0123", "456"], [], 8)).toBe("0123456")
    expect(logged(["0123456789"], ["s3cret"], 8)).toBe(`01234567${end}`)
  })

  test("takes nothing after its end", () => {
    const path = join(work, String(++made))
    const log = openLog(path, 100, [])
    log.close()
    log.write(Buffer.from("late"))
    log.close()
    expect(readFileSync(path, "utf8")).toBe("")
  })
})

describe("a secret in the log", () => {
  test("is replaced, wherever the output is cut", () => {
    for (const pieces of cuts("token=hf_canary, again hf_canary"))
      expect(logged(pieces, ["hf_canary"])).toBe("token=***, again ***")
    expect(logged([..."a hf_canary z"], ["hf_canary"])).toBe("a *** z")
  })

  test("that has another secret at its beginning or in its middle leaves nothing of itself", () => {
    for (const secrets of [
      ["abcd", "abcdefgh"],
      ["abcdefgh", "abcd"],
      ["cdef", "abcdefgh"],
    ])
      for (const pieces of cuts("x abcdefgh y")) expect(logged(pieces, secrets)).toBe("x *** y")
  })

  test("that repeats itself is replaced from its first byte on", () => {
    for (const pieces of cuts("-abab-ababab-")) expect(logged(pieces, ["abab"])).toBe("-***-***ab-")
  })

  test("that only begins is no secret, and comes with the end", () => {
    expect(logged(["key hf_can"], ["hf_canary"])).toBe("key hf_can")
    expect(logged(["hf_can", " hf_canar", "t"], ["hf_canary"])).toBe("hf_can hf_canart")
  })

  test("of more than one byte a letter is replaced between its bytes, too", () => {
    const path = join(work, String(++made))
    const log = openLog(path, 100, ["clé-secrète"])
    for (const byte of Buffer.from("<clé-secrète>")) log.write(Uint8Array.of(byte))
    log.close()
    expect(readFileSync(path, "utf8")).toBe("<***>")
  })

  test("of less than four letters is none: it would be everywhere", () => {
    expect(logged(["a 1 b"], ["1", ""])).toBe("a 1 b")
  })

  const Case = Schema.Struct({
    secrets: Schema.Array(Schema.String.check(Schema.isPattern(/^[ab]{4,7}$/))),
    pieces: Schema.Array(Schema.String.check(Schema.isPattern(/^[abc]{0,9}$/))),
  })
  prop("is gone however the output is cut, and the cuts change nothing", arbitraryOf(Case), ({ secrets, pieces }) => {
    const log = logged(pieces, secrets)
    return secrets.every((secret) => !log.includes(secret)) && log === logged([pieces.join("")], secrets)
  })
})
