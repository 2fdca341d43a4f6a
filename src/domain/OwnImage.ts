import { version } from "./Version.ts"

/** The image of the embedded engine, which llem makes by itself. */
export const embeddedImage = `llem-embedded:${version}`

/** Where llem and the engine's unpacked libraries lie in it. */
export const inOwnImage = { binary: "/llem/llem", libraries: "/llem/engine" } as const
