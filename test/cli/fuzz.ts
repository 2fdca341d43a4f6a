import { random } from "../../src/config/Random.ts"

const seeds: ReadonlyArray<string> = [
  "name: a\nmodel: synthetic:15m\nsweep:\n  embedded.batch_size: [1, 2]\n  decoder.temperature: [0, 1]\nexecution: { n_cycles: 2 }\n",
  "model: m\nbackend: vllm\nvllm:\n  engine: { block_size: 16, max_num_seqs: 8 }\n  sampling: { ignore_eos: true }\nwarmup: { n_warmup: 3 }\n",
  "model: { gguf: a.gguf, hf: b }\nexperiments:\n  - { n: 3 }\n  - { backend: embedded }\nrunners: { vllm: docker }\nload: { concurrency: 4 }\n",
  "base: other.yaml\nmodel: &m x.gguf\ndataset: { input_len: 8 }\ngroups:\n  q: [{}, { n: [1, 2] }]\nsweep: { model: [*m, y.gguf] }\n",
]

const pieces: ReadonlyArray<string> = [
  "\t",
  ": ",
  "- ",
  "[",
  "]",
  "{",
  "}",
  "&a ",
  "*a",
  "<<: *a",
  "!!binary ",
  "|",
  ">",
  "'",
  '"',
  "#",
  "null",
  "~",
  "1e999",
  ".nan",
  "-.inf",
  "0x10",
  "2026-01-01",
  "\u0000",
  "\u2028",
  "😀",
  "__proto__: 1\n",
  "constructor: {}\n",
  "sweep:\n",
  "experiments: 3\n",
  "base: .\n",
  "model:\n",
  "n: -1\n",
  "execution: []\n",
  "---\n",
  "...\n",
  "? ",
  "%YAML 9.9\n",
]

/** A study file damaged at random: pieces inserted, cut out, doubled or swapped. The same number gives the same file. */
export const fuzzed = (number: number): string => {
  const next = random(number)
  const pick = <A>(list: ReadonlyArray<A>, otherwise: A): A => list[Math.floor(next() * list.length)] ?? otherwise
  let text = pick(seeds, "")
  for (let edit = 0; edit < next() * 3; edit++) {
    const at = Math.floor(next() * text.length)
    const end = at + Math.floor(next() * 20)
    const kind = Math.floor(next() * 5)
    if (kind === 0) text = text.slice(0, at) + pick(pieces, "") + text.slice(at)
    else if (kind === 1) text = text.slice(0, at) + text.slice(end)
    else if (kind === 2) text = text.slice(0, end) + text.slice(at)
    else text = text.slice(0, at) + String.fromCharCode(32 + Math.floor(next() * 95)) + text.slice(at + 1)
  }
  return text
}
