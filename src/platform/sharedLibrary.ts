import { dlopen, FFIType } from "bun:ffi"

const { cstring, i32, ptr: pointer } = FFIType

const calls = {
  dlopen: { args: [pointer, i32], returns: pointer },
  dlerror: { args: [], returns: cstring },
} as const

/** They are part of libc since glibc 2.34, and a library of their own before. */
const linker = () => {
  try {
    return dlopen("libc.so.6", calls).symbols
  } catch {
    return dlopen("libdl.so.2", calls).symbols
  }
}

const RTLD_NOW = 2

/**
 * Loads a shared library as the system's linker finds it and keeps it; returns what stands against it, or null. Bun's
 * own `dlopen` goes on to look in the working directory, where anybody may have put one: call this first.
 */
export const loadProblem = (library: string): string | null => {
  if (library === "") return "its path is empty"
  const { dlopen: load, dlerror } = linker()
  if (load(new TextEncoder().encode(`${library}\0`), RTLD_NOW) !== null) return null
  return String(dlerror())
}
