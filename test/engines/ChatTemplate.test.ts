import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import { compile } from "../../src/engines/embedded/ChatTemplate.ts"

const tokens = { bos: "<s>", eos: "</s>" }
const messages = [
  { role: "user", content: "Hi" },
  { role: "assistant", content: "Hello" },
  { role: "user", content: "How are you?" },
]

const rendered = (source: string | null, more = {}) => compile(source, tokens)(messages, more)
const failure = (source: string | null) => Result.getOrThrow(Result.flip(rendered(source)))

describe("a chat template", () => {
  test("gets the messages, the texts of special tokens, and is asked for the answer's beginning", () => {
    const source =
      "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m.content | trim }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
    expect(Result.getOrThrow(rendered(source))).toBe(
      "<s>[user] Hi</s>[assistant] Hello</s>[user] How are you?</s>[assistant]",
    )
  })

  test("whitespace is that of Hugging Face's setting: block lines leave no line break behind", () => {
    const source =
      "{% for m in messages %}\n    {% if m.role == 'user' %}\n{{ m.content }};\n    {% endif %}\n{% endfor %}"
    expect(Result.getOrThrow(rendered(source))).toBe("Hi;\nHow are you?;\n")
  })

  test("further variables reach it, and cannot take the place of its own", () => {
    const source = "{{ thinking }} {{ messages | length }} {{ add_generation_prompt }}"
    const more = { thinking: "on", messages: [], add_generation_prompt: false }
    expect(Result.getOrThrow(rendered(source, more))).toBe("on 3 true")
  })

  test("one that is not there, cannot be read or raises says so", () => {
    expect(failure(null)).toContain("this model has no chat template")
    expect(failure("{% for %}")).toContain("the model's chat template cannot be read: ")
    expect(failure("{{ raise_exception('Roles must alternate') }}")).toContain("Roles must alternate")
  })
})
