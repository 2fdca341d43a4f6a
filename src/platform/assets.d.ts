declare module "*.zst" {
  /** Path of the packed file, inside the binary or on disk. */
  const path: string
  export default path
}
