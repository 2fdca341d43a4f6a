import type { Backend } from "../domain/Backend.ts"
import type { DockerFacts } from "../domain/NodeFacts.ts"
import type { Finding, Notice } from "../domain/Notice.ts"

/** Backends as every text lists them. */
export const listed = (backends: ReadonlyArray<Backend>): string => backends.toSorted().join(", ")

/** Said when a study of several backends is put in Docker as a whole. */
export const autoElevated = (backends: ReadonlyArray<Backend>): Notice => ({
  code: "auto_elevated",
  severity: "info",
  message: `Multi-backend study detected (${listed(backends)}). Auto-elevating all backends to Docker for isolation.`,
})

/** Said when the backends of a study do not all run in the same way. */
export const mixedRunners: Notice = {
  code: "mixed_runners",
  severity: "warning",
  message: "Mixed runners detected. For consistent measurements, consider running all backends in Docker.",
}

/** What to do about a Docker that cannot be used. */
export const dockerFix = (facts: DockerFacts): string => {
  switch (facts.code) {
    case "docker_permission":
      return "Let this user talk to Docker (sudo usermod -aG docker $USER, then log in again)."
    case "docker_remote":
      return "Use a Docker daemon that runs on this node (unset DOCKER_HOST): the meters of this node see nothing of another."
    case "docker_gpu":
      return "Install the NVIDIA Container Toolkit and restart Docker."
    default:
      return "Install Docker and start it (sudo systemctl start docker), or correct DOCKER_HOST where that is set."
  }
}

const elsewhere = "or ask for another runner (--runner local, or runner: local in the file)"

const joined = (first: string, second: string): string => `${first.replace(/\.$/, "")}, ${second}.`

/** Said when several backends need Docker's isolation and Docker cannot be used. */
export const requiresDocker = (backends: ReadonlyArray<Backend>, facts: DockerFacts): Finding => ({
  code: "multi_backend_requires_docker",
  message:
    `Multi-backend study requires Docker isolation. Found backends: ${listed(backends)}. ` +
    "Install Docker + NVIDIA Container Toolkit, or use a single backend.",
  fix: `Docker cannot be used here: ${facts.reason ?? "no reason is known"}. ${joined(dockerFix(facts), elsewhere)}`,
  blocking: true,
})

/** Said when a runner asks for Docker and Docker cannot be used. */
export const dockerUnusable = (backends: ReadonlyArray<Backend>, facts: DockerFacts): Finding => ({
  code: facts.code ?? "docker_unavailable",
  message: `Docker was asked for (${listed(backends)}), but it cannot be used here: ${facts.reason ?? "no reason is known"}.`,
  fix: joined(dockerFix(facts), elsewhere),
  blocking: true,
})

const nested = "llem itself runs inside a container, and starts no containers from there"

/** Said inside a container when a runner asks for Docker. */
export const nestedAsked = (backends: ReadonlyArray<Backend>): Finding => ({
  code: "nested_container",
  message: `Docker was asked for (${listed(backends)}), but ${nested}.`,
  fix: `Run llem on the node itself, ${elsewhere}.`,
  blocking: true,
})

/** Said inside a container when a study of several backends would be put in Docker. */
export const nestedElevation = (backends: ReadonlyArray<Backend>): Finding => ({
  code: "nested_container",
  message: `A study of several backends (${listed(backends)}) runs each in a container of its own, but ${nested}.`,
  fix: "Run llem on the node itself, or run every backend as a process in this container (--runner local).",
  blocking: true,
})
