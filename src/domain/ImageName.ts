const host = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?`
const part = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
const reference = new RegExp(
  String.raw`^(?:${host}/)?${part}(?:/${part})*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
)
const id = /^(?:sha256:)?[0-9a-f]{64}$/

/** Why a text is no name of a container image, in words for a person; null when it is one. */
export const problemOf = (name: string): string | null => {
  if (reference.test(name) || id.test(name)) return null
  const lower = name.toLowerCase()
  return reference.test(lower)
    ? `an image's name has no capital letters: ${lower}`
    : "an image is named as in registry.example.org/team/image:tag"
}
