import type { OwnerIdentity } from "../domain/Owner.ts"

/** Labels of everything that llem makes in Docker. */
export const labels = {
  owner: "io.llem.owner",
  study: "io.llem.study",
  cell: "io.llem.cell",
} as const

/** An owner as its label has it. */
export const ownerText = ({ pid, startTicks, bootId, namespace, machine }: OwnerIdentity): string =>
  [pid, startTicks, bootId, namespace, machine].join(":")

/** Reads an owner's label back; null for what is none. */
export const parseOwner = (text: string): OwnerIdentity | null => {
  const [pid = "", startTicks = "", bootId = "", namespace = "", machine = "unknown", ...rest] = text.split(":")
  return /^\d+$/.test(pid) &&
    startTicks !== "" &&
    bootId !== "" &&
    namespace !== "" &&
    machine !== "" &&
    rest.length === 0
    ? { pid: Number(pid), startTicks, bootId, namespace, machine }
    : null
}
