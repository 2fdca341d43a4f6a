import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import * as Order from "../../src/config/Order.ts"
import * as Override from "../../src/config/Override.ts"
import { decode, expand, problems, told } from "./reading.ts"

const experiments = (text: string) => Result.getOrThrow(expand(text)).experiments.map(({ experiment }) => experiment)
const skipped = (text: string) => Result.getOrThrow(expand(text)).skipped.map(({ reason }) => reason)

describe("the form of a sweep", () => {
  test("everything that is wrong with axes, groups and entries is told at once, at its place", () => {
    const text = [
      "model: m",
      "sweep:",
      "  decoder.temprature: [0]",
      "  n: []",
      "  pytorch.quant:",
      "    - {}",
      "    - pytorch.load_in_4bit: []",
      "      load_in_8bit: true",
      "groups:",
      "  g: [1]",
      "experiments:",
      "  - n: 0",
      "    precison: bf16",
    ].join("\n")
    expect(told(decode(text))).toEqual([
      "study.yaml:3:3 sweep.decoder.temprature Unknown field 'decoder.temprature' - did you mean 'decoder.temperature'?",
      "study.yaml:4:6 sweep.n an axis needs at least one value",
      "study.yaml:7:29 sweep.pytorch.quant.1.pytorch.load_in_4bit a list in a variant needs at least one value",
      "study.yaml:8:7 sweep.pytorch.quant.1.load_in_8bit Unknown field 'load_in_8bit'",
      "study.yaml:10:6 groups.g should be a list of variants, each a mapping of fields to values",
      "study.yaml:12:8 experiments.0.n should be at least 1",
      "study.yaml:13:5 experiments.0.precison Unknown field 'precison' - did you mean 'precision'?",
    ])
  })

  test("sweep, groups or experiments of the wrong kind", () => {
    expect(told(decode("model: m\nsweep: [n]\ngroups: 3\nexperiments: {n: 1}\n"))).toEqual([
      "study.yaml:2:8 sweep should be a mapping of fields to lists of values",
      "study.yaml:3:9 groups should be a mapping of names to lists of variants",
      "study.yaml:4:14 experiments should be a list of experiments, each a mapping of fields to values",
    ])
  })

  test("a scalar axis is one value", () => {
    expect(experiments("model: m\nsweep: {n: 3, random_seed: [1, 2]}\n").map(({ n }) => n)).toEqual([3, 3])
  })
})

describe("counts", () => {
  const many = (count: number) => JSON.stringify(Array.from({ length: count }, (_, index) => index + 1))

  test("two models, three precisions and three batch sizes in three cycles are 54 runs", () => {
    const text = `backend: pytorch\nsweep: {model: [a, b], precision: [bf16, fp16, fp32], pytorch.batch_size: [1, 4, 8]}\n`
    const spec = Result.getOrThrow(decode(text))
    const found = experiments(text)
    expect(found).toHaveLength(18)
    expect(Order.cells(found.length, spec.execution, "0".repeat(64))).toHaveLength(54)
  })

  test("scoped axes add up, explicit experiments come on top: 33, 99 runs", () => {
    const text = [
      "sweep:",
      "  model: [a, b]",
      "  pytorch.batch_size: [1, 2, 4]",
      "  pytorch.use_cache: [true, false]",
      "  vllm.engine.block_size: [8, 16, 32]",
      "  vllm.engine.max_num_seqs: [1, 8, 64]",
      "experiments:",
      "  - {model: a, backend: tensorrt}",
      "  - {model: b, backend: pytorch, n: 7}",
      "  - {model: b, backend: vllm, precision: fp16}",
    ].join("\n")
    const found = experiments(text)
    expect(found).toHaveLength(2 * (3 * 2 + 3 * 3) + 3)
    expect(Order.cells(found.length, Result.getOrThrow(decode(text)).execution, "0".repeat(64))).toHaveLength(99)
  })

  test("a full suite of axes and groups over three engines", () => {
    const text = [
      "model: m",
      "sweep:",
      "  precision: [fp32, fp16, bf16]",
      `  pytorch.batch_size: ${many(5)}`,
      "  pytorch.attn_implementation: [sdpa, flash_attention_2, flash_attention_3, eager]",
      "  pytorch.quant: [{}, {pytorch.load_in_8bit: true}, {pytorch.load_in_4bit: true, pytorch.bnb_4bit_quant_type: [nf4, fp4]}]",
      "  pytorch.caching: [{}, {pytorch.use_cache: [true, false], pytorch.cache_implementation: [static, sliding_window]}]",
      "  vllm.engine.block_size: [8, 16, 32]",
      `  vllm.engine.max_num_seqs: ${many(4)}`,
      `  tensorrt.max_batch_size: ${many(5)}`,
      "  tensorrt.own_option: [a, b]",
    ].join("\n")
    const { experiments: found, skipped: out } = Result.getOrThrow(expand(text))
    const pytorch = 3 * 5 * 4 * 4
    expect(found).toHaveLength(pytorch * 3 + 3 * 3 * 4 + 3 * 5 * 2)
    // use_cache: false with a cache_implementation is no experiment.
    expect(out).toHaveLength(pytorch * 2)
    expect(new Set(out.map(({ reason }) => reason))).toEqual(
      new Set([
        "pytorch -> cache_implementation: cache_implementation cannot be used with use_cache: false (study.yaml:7:91)",
        "pytorch -> cache_implementation: cache_implementation cannot be used with use_cache: false (study.yaml:7:99)",
      ]),
    )
  })
})

describe("a list of mappings in a sweep", () => {
  test("is a group where its key names no field: variants, {} for none, a list inside as a small grid", () => {
    const text = [
      "model: m",
      "sweep:",
      "  n: [1, 2]",
      "  pytorch.quant:",
      "    - {}",
      "    - pytorch.load_in_4bit: true",
      "      pytorch.bnb_4bit_quant_type: [nf4, fp4]",
    ].join("\n")
    expect(experiments(text).map(({ n, pytorch }) => [n, pytorch?.bnb_4bit_quant_type])).toEqual([
      [1, undefined],
      [1, "nf4"],
      [1, "fp4"],
      [2, undefined],
      [2, "nf4"],
      [2, "fp4"],
    ])
  })

  test("of which the name begins with a backend is that backend's alone, also where it sets shared fields", () => {
    const text = [
      "model: m",
      "sweep:",
      "  pytorch.compilation:",
      "    - pytorch.torch_compile: false",
      "    - &compiled",
      "      pytorch.torch_compile: true",
      "      pytorch.torch_compile_mode: default",
      "    - <<: *compiled",
      "      pytorch.torch_compile_mode: [reduce-overhead, max-autotune]",
      "  pytorch.decoding:",
      "    - {}",
      "    - decoder.do_sample: false",
      "      pytorch.num_beams: 4",
      "  vllm.engine.block_size: [8, 16]",
      "  vllm.decoding:",
      "    - {}",
      "    - decoder.do_sample: false",
      "      vllm.beam_search.beam_width: 4",
      "    - vllm.sampling.presence_penalty: 0.6",
    ].join("\n")
    const found = experiments(text)
    const of = (backend: string) => found.filter((one) => one.backend === backend)
    expect([of("pytorch").length, of("vllm").length]).toEqual([4 * 2, 2 * 3])
    expect(
      of("vllm").map(({ decoder, vllm }) => [decoder.do_sample, vllm?.engine?.block_size, Object.keys(vllm ?? {})]),
    ).toEqual([
      [true, 8, ["engine"]],
      [true, 16, ["engine"]],
      [false, 8, ["beam_search", "engine"]],
      [false, 16, ["beam_search", "engine"]],
      [true, 8, ["sampling", "engine"]],
      [true, 16, ["sampling", "engine"]],
    ])
    expect(of("pytorch").map(({ pytorch }) => pytorch?.torch_compile_mode)).toContain("max-autotune")
    expect(skipped(text)).toEqual([])
  })

  test("is told to be unused where the backend axis does not have its backend", () => {
    const text = "model: m\nsweep: {backend: [vllm], pytorch.decoding: [{decoder.do_sample: false}]}\n"
    const { experiments: found, notices } = Result.getOrThrow(expand(text))
    expect(found.map(({ experiment }) => experiment.decoder.do_sample)).toEqual([true])
    expect(notices.map(({ code }) => code)).toEqual(["axis_unused"])
  })

  test("scoped groups alone say which backends there are", () => {
    const text = "model: m\nbackend: tensorrt\ngroups: {g: [{pytorch.batch_size: 2, vllm.engine.max_num_seqs: 2}]}\n"
    expect(experiments(text).map(({ backend }) => backend)).toEqual(["pytorch", "vllm"])
  })

  test("is an axis of values where its key names a field that is a mapping", () => {
    const found = experiments("model: m\nsweep: {dataset: [{n: 3, input_len: 4}, {n: 5}]}\n")
    expect(found.map(({ dataset, n }) => [dataset, n])).toEqual([
      [{ n: 3, input_len: 4, output_len: 128, seed: 42 }, 3],
      [{ n: 5, input_len: 512, output_len: 128, seed: 42 }, 5],
    ])
  })
})

describe("null means left out", () => {
  test("in fixed fields, axes, variants and entries", () => {
    const plain = experiments("model: m\nbackend: vllm\n")[0]
    for (const text of [
      "model: m\nbackend: vllm\nn:\ndecoder:\nlora: null\nvllm: {engine: {quantization: null}}\nexecution: {shuffle_seed: null}\nsweep:\n",
      "model: m\nbackend: vllm\nsweep: {vllm.engine.quantization: [null]}\n",
      "model: m\nbackend: vllm\nn: 7\nexperiments: [{n: null}]\n",
    ])
      expect(experiments(text)).toEqual(plain === undefined ? [] : [plain])
  })

  test("but no metering in energy.backend, and itself in passthrough_kwargs", () => {
    expect(
      experiments("model: m\nsweep: {energy.backend: [null, auto]}\n").map(({ energy }) => energy.backend),
    ).toEqual([null, "auto"])
    expect(experiments("model: m\npassthrough_kwargs: {a: null}\n")[0]?.passthrough_kwargs).toEqual({ a: null })
  })
})

describe("an invalid combination points at what was written", () => {
  test("an axis value, a scalar axis, a variant and its list, an entry, a fixed field", () => {
    const text = [
      "model: m",
      "vllm: {engine: {block_size: 7}}",
      "sweep:",
      "  backend: [pytorch, vllm]",
      "  n: [1, 0]",
      "groups:",
      "  g:",
      "    - {}",
      "    - decoder.top_p: [0.5, 3]",
      "experiments:",
      "  - load: {n: 3}",
      "    n: 4",
      "    backend: pytorch",
    ].join("\n")
    const fixed = told(decode(text))
    expect(fixed).toEqual(["study.yaml:2:29 vllm.engine.block_size should be 8, 16 or 32"])
    const reasons = new Set(skipped(text.replace("block_size: 7", "block_size: 8")))
    expect(reasons).toEqual(
      new Set([
        "n: should be at least 1 (study.yaml:5:10)",
        "decoder -> top_p: should be between 0 and 1 (study.yaml:9:28)",
        "n: should be at least 1 (study.yaml:5:10); decoder -> top_p: should be between 0 and 1 (study.yaml:9:28)",
        "n: the number of requests is given twice: load.n is 3, n is 4 (study.yaml:12:8)",
      ]),
    )
  })

  test("through an alias the axis points at where the value really stands", () => {
    const text = "model: m\npassthrough_kwargs: {x: &bad [0]}\nsweep:\n  n: *bad\n"
    expect(problems(expand(text))).toMatchObject([{ path: "n", line: 2, column: 31 }])
  })

  test("a value set by a flag names the flag", () => {
    const overrides = [{ flag: "--set load.n", path: "load.n", value: 4 }]
    expect(problems(expand("model: m\nsweep: {n: [5]}\n", { overrides }))).toMatchObject([{ line: 2, column: 13 }])
    const swept = expand("model: m\nsweep: {random_seed: [1]}\nn: 3\n", { overrides })
    expect(told(swept)).toEqual([
      "study.yaml:3:4 n the number of requests is given twice: load.n is 4, n is 3 (in 1 of 1 combinations, none of which is valid)",
    ])
  })

  test("when nothing is valid each reason is told once, with how often", () => {
    const result = expand("model: m\nsweep: {n: [0, -1], random_seed: [1, 2, 3]}\n")
    expect(told(result)).toEqual([
      "study.yaml:2:13 n should be at least 1 (in 3 of 6 combinations, none of which is valid)",
      "study.yaml:2:16 n should be at least 1 (in 3 of 6 combinations, none of which is valid)",
    ])
    expect(problems(result)[0]).toMatchObject({ found: "0", sourceLine: "sweep: {n: [0, -1], random_seed: [1, 2, 3]}" })
  })
})

describe("flags over a study", () => {
  const refused = (text: string, path: string, value: unknown = 1) =>
    told(decode(text, { overrides: [{ flag: "--flag", path, value }] }))

  test("what an axis, a group, an entry or the backends decide cannot be set", () => {
    const rest = "; a flag can only set what is fixed"
    expect(refused("model: m\nsweep: {decoder.top_k: [1]}\n", "decoder")).toEqual([
      `--flag: decoder is swept by this study (sweep.decoder.top_k)${rest}`,
    ])
    expect(refused("model: m\ngroups: {g: [{decoder.top_k: 1}]}\n", "decoder.top_k")).toEqual([
      `--flag: decoder.top_k is varied by the group g of this study${rest}`,
    ])
    expect(refused("experiments: [{model: a}, {model: b, n: 3}]\n", "n")).toEqual([
      `--flag: n is set by experiments[1] of this study${rest}`,
    ])
    expect(refused("model: m\nsweep: {vllm.engine.block_size: [8]}\n", "backend", "pytorch")).toEqual([
      `--flag: the backends of this study follow from its axis vllm.engine.block_size${rest}`,
    ])
    expect(refused("model: m\nsweep: {decoder.top_k: [1]}\n", "decoder.top_p")).toEqual([])
  })

  test("a wrong name or value is told with the flag", () => {
    expect(refused("model: m\n", "warmup.n_warmpu")).toEqual([
      "--flag: Unknown field 'warmup.n_warmpu' - did you mean 'warmup.n_warmup'?",
    ])
    expect(refused("model: m\n", "execution.cycle_order", "shufled")).toEqual([
      "--flag: should be sequential, interleaved, shuffled, reverse or latin_square - did you mean 'shuffled'?",
    ])
    expect(refused("model: m\n", "constructor.x")).toEqual(["--flag: Unknown field 'constructor.x'"])
  })

  test("--set reads YAML values", () => {
    const value = (text: string) => Result.getOrThrow(Override.parse(`a.b=${text}`)).value
    expect(["3", "0.5", "true", "null", "text", '"3"', "[1, x]", "{a: 1}", "", "a=b"].map(value)).toEqual([
      3,
      0.5,
      true,
      null,
      "text",
      "3",
      [1, "x"],
      { a: 1 },
      null,
      "a=b",
    ])
    for (const text of ["n", "=3", "a..b=3", ".a=3", "a b=3", "n=[1"])
      expect(Result.isFailure(Override.parse(text))).toBe(true)
  })

  test("--batch-size sets the field of each backend of the study", () => {
    const paths = (raw: Readonly<Record<string, unknown>>) => Override.batchSizes(raw, 4).map(({ path }) => path)
    expect(paths({ model: "x.gguf" })).toEqual(["embedded.batch_size"])
    expect(paths({ model: "m" })).toEqual(["pytorch.batch_size"])
    expect(paths({ model: "m", sweep: { backend: ["vllm", "tensorrt", "endpoint"] } })).toEqual([
      "vllm.engine.max_num_seqs",
      "tensorrt.max_batch_size",
    ])
    expect(paths({ model: "m", backend: "vllm", sweep: { "sglang.tp_size": [1] } })).toEqual([
      "sglang.max_running_requests",
    ])
    expect(paths({ model: "m", experiments: [{ backend: "llamacpp" }, { backend: "vllm" }] })).toEqual([
      "llamacpp.parallel",
      "vllm.engine.max_num_seqs",
    ])
  })
})
