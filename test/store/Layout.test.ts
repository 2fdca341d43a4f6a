import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import * as Layout from "../../src/store/Layout.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { cell } from "./samples.ts"

const at = new Date("2026-03-01T09:08:07.999Z")

describe("layout", () => {
  test("a study's folder has its name and the UTC second; later tries are numbered", () => {
    expect(Layout.studyFolder("batch sizes", at, 1)).toBe("batch-sizes_20260301T090807Z")
    expect(Layout.studyFolder("batch sizes", at, 3)).toBe("batch-sizes_20260301T090807Z-3")
  })

  test.each([
    ["../../etc/passwd", "etc-passwd"],
    ["", "study"],
    ["...", "study"],
    ["-rf", "rf"],
    ["Modèle à 7B", "Modele-a-7B"],
    ["漢字", "study"],
    ["a\u0000b\nc", "a-b-c"],
    ["x".repeat(300), "x".repeat(80)],
  ])("the name %j becomes %j", (name, expected) => {
    expect(Layout.studyFolder(name, at, 1)).toBe(`${expected}_20260301T090807Z`)
  })

  test("a cell's folder has number, cycle, model, backend and the hash's first eight digits", () => {
    expect(Layout.cellFolder(cell(7, 2))).toBe("cells/0007_c2_SmolLM2-135M-Instruct.Q4_1-embedded_00000007")
    expect(Layout.cellFolder(cell(12345, 10, { model: "synthetic:15m-q8_0" }))).toBe(
      "cells/12345_c10_synthetic-15m-q8_0-embedded_00003039",
    )
    expect(Layout.cellFolder(cell(1, 1, { model: { hf: "org/Some Model" }, backend: "vllm" }))).toBe(
      "cells/0001_c1_Some-Model-vllm_00000001",
    )
  })

  prop("any name gives one bounded, visible, portable file name", arbitraryOf(Schema.String), (name) => {
    const folder = Layout.studyFolder(name, at, 1)
    const inCells = Layout.cellFolder(cell(1, 1, { model: name === "" ? "m" : name })).slice("cells/".length)
    return [folder, inCells].every((one) => /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(one) && one.length < 120)
  })
})
