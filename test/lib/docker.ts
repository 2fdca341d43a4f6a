import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { projectRoot } from "./env.ts"

/** The docker command's output; throws with its words when it fails. */
export const docker = (...args: ReadonlyArray<string>): string => {
  const ran = Bun.spawnSync(["docker", ...args])
  if (ran.exitCode !== 0) throw new Error(`docker ${args.join(" ")}: ${ran.stderr.toString()}`)
  return ran.stdout.toString().trim()
}

/** Ids of containers, running or not, and of networks that carry llem's labels. */
export const labelled = (): ReadonlyArray<string> =>
  [
    docker("ps", "-aq", "--no-trunc", "--filter", "label=io.llem.owner"),
    docker("network", "ls", "-q", "--no-trunc", "--filter", "label=io.llem.owner"),
  ].flatMap((text) => text.split("\n").filter((line) => line !== ""))

const commands = ["sh", "sleep", "cat", "env", "yes", "dd", "head", "rev", "wc", "kill", "httpd"]

/**
 * Makes an image of busybox and some scripts, without a registry or a base image; its entrypoint is `/bin/<entry>`.
 * `scripts` are files by name: the text of a shell script, or the path of a file to copy.
 */
export const makeImage = (tag: string, entry: string, scripts: Readonly<Record<string, string>>): string => {
  const root = mkdtempSync(join(tmpdir(), "llem-image-"))
  try {
    mkdirSync(join(root, "bin"))
    copyFileSync("/bin/busybox", join(root, "bin/busybox"))
    for (const command of commands) symlinkSync("busybox", join(root, "bin", command))
    for (const [name, content] of Object.entries(scripts)) {
      const path = join(root, "bin", name)
      if (content.startsWith("/")) copyFileSync(content, path)
      else Bun.spawnSync(["tee", path], { stdin: new TextEncoder().encode(`#!/bin/sh\n${content}\n`) })
      chmodSync(path, 0o755)
    }
    const made = Bun.spawnSync([
      "sh",
      "-c",
      `tar -C ${root} -c . | docker import -c 'ENTRYPOINT ["/bin/${entry}"]' - ${tag}`,
    ])
    if (made.exitCode !== 0) throw new Error(made.stderr.toString())
    return tag
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** An image that answers as llama-server, with the engine of the llem that starts it. */
export const llamaImage = (): string =>
  makeImage("llem-test/llama-server:1", "llama-server", {
    "llama-server": join(projectRoot, "test/fixtures/llama-image/llama-server"),
  })
