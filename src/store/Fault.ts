import type { FileError } from "../platform/files.ts"
import { StoreError } from "./Store.ts"

const elsewhere = "choose another place with -o DIR or LLEM_RESULTS_DIR"

const said: Readonly<Record<string, { readonly what: string; readonly fix: string }>> = {
  ENOSPC: { what: "no space is left on its file system", fix: `Free some space there, or ${elsewhere}.` },
  EDQUOT: { what: "the disk quota is used up", fix: `Delete what is not needed there, or ${elsewhere}.` },
  EROFS: { what: "its file system is read-only", fix: `Mount it writable, or ${elsewhere}.` },
  EACCES: { what: "permission is denied", fix: `Give this user write access, or ${elsewhere}.` },
  EPERM: { what: "the operation is not permitted", fix: `Give this user write access, or ${elsewhere}.` },
  ENOTDIR: {
    what: "a part of its path is a file, not a folder",
    fix: `Move that file out of the way, or ${elsewhere}.`,
  },
  EEXIST: { what: "a file of that name is in the way", fix: `Move that file out of the way, or ${elsewhere}.` },
  ENAMETOOLONG: { what: "its path is too long", fix: `Shorten the study's name, or ${elsewhere}.` },
  ENOENT: { what: "its folder is not there any more", fix: "Do not move or delete a study's folder while it runs." },
  EMFILE: { what: "too many files are open", fix: "Raise the limit with `ulimit -n` and run again." },
  EIO: { what: "the device reports an I/O error", fix: `Check the disk and the kernel's log, or ${elsewhere}.` },
  ESTALE: { what: "the network file system lost the file", fix: `Check the mount, or ${elsewhere}.` },
}

/** A refused file operation in words for a person, with what to do. */
export const storeError =
  (what: StoreError["what"]) =>
  (error: FileError): StoreError => {
    const known = said[error.code]
    const verb = error.operation === "read" || error.operation === "list" ? "read" : "written"
    return new StoreError({
      what,
      path: error.path,
      message: `${error.path} could not be ${verb}: ${known?.what ?? error.message}${known === undefined ? "" : ` (${error.code})`}`,
      fix: known?.fix ?? `Check the file system there, or ${elsewhere}.`,
    })
  }
