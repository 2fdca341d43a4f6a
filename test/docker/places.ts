import { type Place, type PlaceInput, place } from "../../src/docker/Place.ts"

/** The place that variables name for ada, who has no configuration unless a test says so. */
export const at = (variables: PlaceInput["variables"], over: Partial<PlaceInput> = {}): Place =>
  place({ variables: { HOME: "/home/ada", ...variables }, configText: null, context: () => null, ...over })

export const host = (address: string, more: PlaceInput["variables"] = {}): Place =>
  at({ DOCKER_HOST: address, ...more })

export const meta = (docker: unknown): string => JSON.stringify({ Name: "prod", Metadata: {}, Endpoints: { docker } })

/** The place of the context prod, whose endpoint is this. */
export const inContext = (docker: unknown, tlsFiles: ReadonlyArray<string> = []): Place =>
  at({ DOCKER_CONTEXT: "prod" }, { context: (name) => (name === "prod" ? { meta: meta(docker), tlsFiles } : null) })

export const reasonOf = (found: Place): string => (found.kind === "unusable" ? found.reason : JSON.stringify(found))
