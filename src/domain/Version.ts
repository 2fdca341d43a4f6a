import manifest from "../../package.json" with { type: "json" }

/** llem's own version, as package.json has it. */
export const version: string = manifest.version

/** The image of the embedded engine, which llem makes by itself. */
export const embeddedImage = `llem-embedded:${version}`
