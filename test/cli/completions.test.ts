import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { llem, type Place, place, put } from "../lib/cli.ts"

/** A folder with the shell's script in it. */
const withScript = async (shell: string): Promise<Place> => {
  const where = place()
  const ran = await llem(where, "completions", shell)
  if (ran.code !== 0) throw new Error(ran.stderr)
  put(where, "script", ran.stdout)
  return where
}

const output = (command: ReadonlyArray<string>, cwd: string): string => {
  const ran = Bun.spawnSync([...command], { cwd, env: { PATH: "/usr/bin:/bin", HOME: cwd, TERM: "dumb" } })
  expect(ran.stderr.toString()).toBe("")
  expect(ran.exitCode).toBe(0)
  return ran.stdout.toString()
}

/** What bash would offer for a line, the cursor at its end. */
const bash = (where: Place, line: string): ReadonlyArray<string> => {
  const program = `
    source ./script
    COMP_LINE=$1; read -ra COMP_WORDS <<<"$1"; [[ $1 == *" " ]] && COMP_WORDS+=("")
    COMP_POINT=\${#COMP_LINE}; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    spec=$(complete -p llem); function=\${spec##*-F }; function=\${function%% *}
    "$function" llem "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const text = output(["bash", "--norc", "--noprofile", "-c", program, "bash", line], where.directory)
  return text.split("\n").filter((word) => word !== "")
}

const fish = (where: Place, line: string): ReadonlyArray<string> =>
  output(["fish", "--no-config", "-c", `source ./script; complete -C '${line}'`], where.directory)
    .split("\n")
    .flatMap((offered) => offered.split("\t")[0] || [])

describe("llem completions", () => {
  test("bash completes commands, their commands, flags and the values of flags", async () => {
    const where = await withScript("bash")
    expect(bash(where, "llem ru")).toEqual(["run"])
    expect(bash(where, "llem ")).toEqual(expect.arrayContaining(["run", "plan", "results", "completions"]))
    expect(bash(where, "llem images ")).toEqual(["list", "pull", "save", "load"])
    expect(bash(where, "llem run --dry")).toEqual(["--dry-run"])
    expect(bash(where, "llem run --progress ")).toEqual(["auto", "plain", "json", "none"])
    expect(bash(where, "llem completions ")).toEqual(["bash", "zsh", "fish"])
    expect(bash(where, "llem plan --he")).toEqual(["--help"])
    expect(bash(where, "llem run --no-")).toEqual(["--no-gaps"])
  })

  test("where bash knows nothing better it completes names of files", async () => {
    const where = await withScript("bash")
    expect(bash(where, "llem run stu")).toEqual([])
    const spec = output(["bash", "--norc", "-c", "source ./script; complete -p llem"], where.directory)
    expect(spec).toContain("-o default")
  })

  test.skipIf(Bun.which("fish") === null)("fish completes commands, values and files", async () => {
    const where = await withScript("fish")
    put(where, "study.yaml", "name: x\n")
    expect(fish(where, "llem ru")).toEqual(["run"])
    expect(fish(where, "llem run --progress pl")).toEqual(["plain"])
    expect(fish(where, "llem run stu")).toEqual(["study.yaml"])
  })

  test.skipIf(Bun.which("zsh") === null)("zsh can read its script", async () => {
    const where = await withScript("zsh")
    output(["zsh", "-n", join(where.directory, "script")], where.directory)
    const text = output(
      ["zsh", "-f", "-c", "autoload -U compinit; compinit -D -d ./dump; source ./script; print $_comps[llem]"],
      where.directory,
    )
    expect(text.trim()).toBe("_llem")
  })

  test("each script says where it belongs; another shell is a wrong command line", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = await llem(place(), "completions", shell)
      expect(stdout).toContain(`llem completions ${shell} > ~/`)
      expect(stdout).not.toContain("--completions")
    }
    expect((await llem(place(), "completions", "tcsh")).code).toBe(2)
  })
})
