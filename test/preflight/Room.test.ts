import { expect, test } from "bun:test"
import { findings, missingImage } from "../../src/preflight/Room.ts"

const space = (results: number | null, docker: number | null) => ({
  results: { path: "/r", bytes: results },
  docker: docker === null ? null : { path: "/d", bytes: docker },
})

test("a disk with too little room is a finding that does not block; one that cannot be asked is none", () => {
  expect(findings(space(1e12, 1e12), 1)).toEqual([])
  expect(findings(space(null, null), 1)).toEqual([])
  const [results] = findings(space(150e6, null), 0)
  expect(results).toMatchObject({ code: "disk_low", blocking: false })
  expect(results?.message).toBe("Only 150 MB are free for results (/r).")
})

test("an image to pull needs more room than llem's own", () => {
  expect(findings(space(1e12, 2e9), 0)).toEqual([])
  expect(findings(space(1e12, 2e9), 1).map(({ message }) => message)).toEqual([
    "Only 2000 MB are free for Docker's images (/d).",
  ])
})

test("results need 200 MB, llem's own image 500 MB, an image to pull 10 GB: as much is enough", () => {
  const low = (results: number | null, docker: number | null, toPull = 0) =>
    findings(space(results, docker), toPull).map(({ message, fix }) => [message, fix])
  expect(low(200e6, 500e6)).toEqual([])
  expect(low(null, 10e9, 1)).toEqual([])
  expect(low(200e6 - 1, 500e6 - 1)).toEqual([
    ["Only 199 MB are free for results (/r).", "Free some, or name another folder for results (-o DIR)."],
    ["Only 499 MB are free for Docker's images (/d).", "Free some (docker system df shows what lies there)."],
  ])
  expect(low(null, 10e9 - 1, 1)).toHaveLength(1)
})

test("a missing image is pulled, or, where nothing may be fetched, brought in a file", () => {
  expect(missingImage("a:1", false)).toMatchObject({ code: "image_to_pull", blocking: false })
  expect(missingImage("a:1", true)).toMatchObject({ code: "image_missing", blocking: false })
  expect(missingImage("a:1", false).fix).toContain("llem images pull a:1")
  expect(missingImage("a:1", true).message).toContain("--offline forbids to pull it")
  expect(missingImage("a:1", true).fix).toBe("docker pull a:1, or bring it in a file: llem images load FILE.")
})
