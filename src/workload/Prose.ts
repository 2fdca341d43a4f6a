import type { Random } from "./Random.ts"

const common =
  "the of and to in is was for on that with as by at from it be are this have an they which one you were all her " +
  "their time will there say each more if some could new other than then its who now people my made over did down " +
  "only way find use may water long little very after words called just where most know work year live back give " +
  "day good man think great small place world life hand part house point home end night page study school head story"

const vocabulary = common.split(" ")

/** English-like text of so many words, each of them one token in the usual vocabularies. */
export const words = (count: number, random: Random): string => {
  const text = Array.from({ length: count }, () => vocabulary[random.below(vocabulary.length)] ?? "the")
  return text.join(" ")
}
