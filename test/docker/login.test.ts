import { afterAll, describe, expect } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import { loginFor } from "../../src/docker/login.ts"
import { live } from "../lib/effect.ts"

const work = mkdtempSync(join(tmpdir(), "llem-login-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

let made = 0
/** A home with a config.json, and a folder of helpers that comes first on PATH. */
const user = (config: unknown, helpers: Readonly<Record<string, string>> = {}) => {
  const folder = join(work, String(++made))
  mkdirSync(join(folder, ".docker"), { recursive: true })
  if (config !== null)
    writeFileSync(join(folder, ".docker/config.json"), typeof config === "string" ? config : JSON.stringify(config))
  for (const [name, script] of Object.entries(helpers)) {
    writeFileSync(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, `docker-credential-${name}`), 0o755)
  }
  return { folder, variables: { HOME: folder, PATH: `${folder}:/usr/bin:/bin`, MARK: "seen" } }
}

const anonymous = { auth: null, reason: null }
const store = { credsStore: "test" }

/** Whether a process still runs; one that ended but was not waited for does not. */
const runs = (pid: string): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

const until = (holds: () => boolean) =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.fail("not yet" as const))).pipe(
    Effect.retry({ while: () => true }),
    Effect.timeout("20 seconds"),
  )

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

describe("logging in", () => {
  live("without a home, without a config.json or without an entry is anonymous", () =>
    Effect.gen(function* () {
      expect(yield* loginFor("alpine", {})).toEqual(anonymous)
      expect(yield* loginFor("alpine", user(null).variables)).toEqual(anonymous)
      expect(yield* loginFor("alpine", user({ auths: {} }).variables)).toEqual(anonymous)
    }),
  )

  live("takes what config.json has, from DOCKER_CONFIG before the home", () =>
    Effect.gen(function* () {
      const auth = Buffer.from("ada:secret").toString("base64")
      const { variables, folder } = user({ auths: { "ghcr.io": { auth }, "b.io": { identitytoken: "t" } } })
      const expected = { username: "ada", password: "secret", serverAddress: "ghcr.io" }
      expect(yield* loginFor("ghcr.io/a/b", variables)).toEqual({ auth: expected, reason: null })
      const elsewhere = { HOME: join(work, "nobody"), DOCKER_CONFIG: join(folder, ".docker") }
      expect((yield* loginFor("ghcr.io/a/b", elsewhere)).auth).toEqual(expected)
      expect((yield* loginFor("b.io/a", variables)).auth).toEqual({ identityToken: "t", serverAddress: "b.io" })
    }),
  )

  live("tells why a config.json is of no use", () =>
    Effect.gen(function* () {
      const torn = yield* loginFor("alpine", user("{").variables)
      expect(torn).toEqual({ auth: null, reason: "Docker's config.json cannot be understood" })
      const { folder, variables } = user(null)
      mkdirSync(join(folder, ".docker/config.json"))
      expect((yield* loginFor("alpine", variables)).reason).toContain("config.json cannot be read (EISDIR)")
    }),
  )
})

describe("a credential helper", () => {
  live("is told `get` and the server's address, and has the user's environment", () =>
    Effect.gen(function* () {
      const script =
        'server=$(cat)\nprintf \'{"ServerURL":"%s","Username":"%s","Secret":"%s"}\' "$server" "$1-$MARK" "$server"'
      const { variables } = user({ credHelpers: { "ghcr.io": "own" }, ...store }, { own: script, test: script })
      expect(yield* loginFor("ghcr.io/a", variables)).toEqual({
        auth: { username: "get-seen", password: "ghcr.io", serverAddress: "ghcr.io" },
        reason: null,
      })
      expect((yield* loginFor("alpine", variables)).auth).toMatchObject({ password: "https://index.docker.io/v1/" })
    }),
  )

  live("that does not read its input may answer all the same", () =>
    Effect.gen(function* () {
      const { variables } = user(store, { test: 'echo \'{"Username":"<token>","Secret":"t"}\'' })
      expect((yield* loginFor("ghcr.io/a", variables)).auth).toEqual({ identityToken: "t", serverAddress: "ghcr.io" })
    }),
  )

  live("that has nothing for a registry leaves the pull anonymous", () =>
    Effect.gen(function* () {
      const { variables } = user(store, { test: "echo 'credentials not found in native keychain'; exit 1" })
      expect(yield* loginFor("ghcr.io/a", variables)).toEqual(anonymous)
    }),
  )

  live("that is missing, fails, is killed, cannot start or answers nonsense has its reason, without its words", () =>
    Effect.gen(function* () {
      const reason = (helpers: Readonly<Record<string, string>>) =>
        Effect.map(loginFor("ghcr.io/a", user(store, helpers).variables), (login) => {
          expect(login.auth).toBeNull()
          expect(login.reason).not.toContain("hunter2")
          return login.reason
        })
      expect(yield* reason({})).toBe("Docker's config.json names docker-credential-test, which is not on PATH")
      expect(yield* reason({ test: "echo hunter2; echo hunter2 >&2; exit 3" })).toBe(
        "docker-credential-test ended with exit code 3 for ghcr.io",
      )
      expect(yield* reason({ test: "kill -9 $$" })).toBe("docker-credential-test was ended by a signal")
      expect(yield* reason({ test: "echo hunter2" })).toContain("no JSON with a Username and a Secret")
      const { folder, variables } = user(store, { test: "" })
      writeFileSync(join(folder, "docker-credential-test"), "#!/nowhere/interpreter\n")
      expect((yield* loginFor("ghcr.io/a", variables)).reason).toBe("docker-credential-test could not be started")
    }),
  )

  live("that hangs is given up after the limit, and ended with all that it started", () =>
    Effect.gen(function* () {
      const { folder, variables } = user(store, {
        test: 'sleep 600 & echo "$$ $!" > "$HOME/pids.new"; mv "$HOME/pids.new" "$HOME/pids"; wait',
      })
      // The limit is long enough for the helper to have started; the test waits for it, it does not measure it.
      expect(yield* loginFor("ghcr.io/a", variables, 2)).toEqual({
        auth: null,
        reason: "docker-credential-test did not answer within 2 seconds",
      })
      const pids = textOf(join(folder, "pids")).trim().split(" ")
      expect(pids).toHaveLength(2)
      yield* until(() => pids.every((pid) => !runs(pid)))
      expect(pids.map(runs)).toEqual([false, false])
    }),
  )

  live("is ended at once when the pull is interrupted", () =>
    Effect.gen(function* () {
      const { folder, variables } = user(store, {
        test: 'sleep 600 & echo "$$ $!" > "$HOME/pids.new"; mv "$HOME/pids.new" "$HOME/pids"; wait',
      })
      const fiber = yield* Effect.forkChild(loginFor("ghcr.io/a", variables, 600))
      yield* until(() => textOf(join(folder, "pids")) !== "")
      yield* Fiber.interrupt(fiber)
      const pids = textOf(join(folder, "pids")).trim().split(" ")
      yield* until(() => pids.every((pid) => !runs(pid)))
      expect(pids.map(runs)).toEqual([false, false])
    }),
  )

  live("that writes without end is stopped", () =>
    Effect.gen(function* () {
      const { variables } = user(store, { test: "exec cat /dev/zero" })
      const login = yield* loginFor("ghcr.io/a", variables, 60)
      expect(login.auth).toBeNull()
      expect(login.reason).toBe("docker-credential-test was ended by a signal")
    }),
  )
})
