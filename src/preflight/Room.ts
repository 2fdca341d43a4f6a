import type { Finding } from "../domain/Notice.ts"

/** Free bytes where results go and where Docker keeps its images; null where that could not be learnt. */
export interface FreeSpace {
  readonly results: { readonly path: string; readonly bytes: number | null }
  readonly docker: { readonly path: string; readonly bytes: number | null } | null
}

const megabyte = 1e6
const resultsNeedBytes = 200 * megabyte
const ownImageBytes = 500 * megabyte
const pulledImageBytes = 10_000 * megabyte

const low = (what: string, path: string, bytes: number, fix: string): Finding => ({
  code: "disk_low",
  message: `Only ${Math.floor(bytes / megabyte)} MB are free for ${what} (${path}).`,
  fix,
  blocking: false,
})

/** Findings about disks that are nearly full; `toPull` are images that are not on the node yet. */
export const findings = (space: FreeSpace, toPull: number): ReadonlyArray<Finding> => {
  const { results, docker } = space
  const dockerNeedBytes = toPull > 0 ? pulledImageBytes : ownImageBytes
  return [
    ...(results.bytes !== null && results.bytes < resultsNeedBytes
      ? [low("results", results.path, results.bytes, "Free some, or name another folder for results (-o DIR).")]
      : []),
    ...(docker !== null && docker.bytes !== null && docker.bytes < dockerNeedBytes
      ? [low("Docker's images", docker.path, docker.bytes, "Free some (docker system df shows what lies there).")]
      : []),
  ]
}

/** An image that is not on the node: fetched before the first cell, or, where nothing may be fetched, missing. */
export const missingImage = (image: string, offline: boolean): Finding =>
  offline
    ? {
        code: "image_missing",
        message: `The image ${image} is not on this node, and --offline forbids to pull it: the cells that need it will fail.`,
        fix: `docker pull ${image}, or bring it in a file: llem images load FILE.`,
        blocking: false,
      }
    : {
        code: "image_to_pull",
        message: `The image ${image} is not on this node; it is pulled before the first cell.`,
        fix: `Pull it beforehand to save the time: llem images pull ${image}`,
        blocking: false,
      }
