import { Template } from "@huggingface/jinja"
import { Result } from "effect"
import { reasonOf } from "../../domain/Unknown.ts"

/** A message as templates see it. */
export interface Message {
  readonly role: string
  readonly content: string
  readonly name?: string
}

/** Texts of the tokens that templates may write out. */
export interface TemplateTokens {
  readonly bos: string
  readonly eos: string
}

/** Renders a conversation up to where the assistant's answer begins; the failure is a sentence. */
export type Render = (
  messages: ReadonlyArray<Message>,
  more: Readonly<Record<string, unknown>>,
) => Result.Result<string, string>

/** Makes a renderer of a model's own chat template (the GGUF key `tokenizer.chat_template`). */
export const compile = (source: string | null, tokens: TemplateTokens): Render => {
  if (source === null)
    return () =>
      Result.fail("this model has no chat template: write the prompt as its format asks and send it to /v1/completions")
  const template = Result.try({ try: () => new Template(source), catch: reasonOf })
  if (Result.isFailure(template))
    return () => Result.fail(`the model's chat template cannot be read: ${template.failure}`)
  return (messages, more) =>
    Result.try({
      try: () =>
        template.success.render({
          ...more,
          messages,
          add_generation_prompt: true,
          bos_token: tokens.bos,
          eos_token: tokens.eos,
        }),
      catch: (cause) => `the model's chat template refuses these messages: ${reasonOf(cause)}`,
    })
}
