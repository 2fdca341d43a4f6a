import { isScalar, parseDocument, visit } from "yaml"

/** A path that stays below the folder of the file that names it. */
export const staysInside = (path: string): boolean =>
  !path.startsWith("/") && !path.split("/").includes("..") && path !== ""

/**
 * Where files go that are taken along with a study: those below its folder keep their path, so that the study keeps
 * its hash; the others lie in `files/`, numbered where their names are the same.
 */
export const placesFor = (written: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const places = new Map<string, string>()
  const taken = new Set<string>()
  for (const path of written) {
    const name = path.split("/").at(-1) ?? path
    let place = staysInside(path) ? path.replace(/^(?:\.\/)+/, "") : `files/${name}`
    for (let number = 2; taken.has(place); number++) place = `files/${number}-${name}`
    taken.add(place)
    places.set(path, place)
  }
  return places
}

/** A study file's text with every value that names a moved file replaced; comments and order stay as they are. */
export const relocate = (text: string, places: ReadonlyMap<string, string>): string => {
  const moved = new Map([...places].filter(([from, to]) => from !== to && !(staysInside(from) && from.endsWith(to))))
  if (moved.size === 0) return text
  const document = parseDocument(text)
  visit(document, {
    Scalar: (key, node) => {
      if (key === "key" || !isScalar(node) || typeof node.value !== "string") return
      const place = moved.get(node.value)
      if (place !== undefined) node.value = place
    },
  })
  return document.toString()
}
