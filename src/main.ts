import { version } from "./domain/Version.ts"

// Everything heavy loads behind these branches: `--version` must not pay for it.
const [, , first] = process.argv
if (first === "--version" || first === "-V") {
  console.log(`llem ${version}`)
} else if (first === "__engine") {
  const { serve } = await import("./engines/embedded/child.ts")
  await serve(process.argv.slice(3))
} else if (first === "__probe-engine") {
  const { probe } = await import("./engines/embedded/probe.ts")
  await probe(process.argv[3] ?? "")
} else if (first === "__boot-id") {
  const { bootId } = await import("./platform/owner.ts")
  console.log(bootId())
} else if (first === "__supervise") {
  const { supervise } = await import("./platform/supervisor.ts")
  supervise(process.argv.slice(3))
} else {
  const { main } = await import("./cli/main.ts")
  await main(process.argv.slice(2))
}
