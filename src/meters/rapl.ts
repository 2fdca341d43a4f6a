import type { DomainInfo } from "../domain/Energy.ts"
import { list, readText } from "../platform/sysfs.ts"
import type { Probed } from "./Sources.ts"

/** One RAPL zone as powercap shows it, by what could be read of it. */
interface Zone {
  readonly entry: string
  readonly name: string
  readonly parent: string | null
  readonly energyFile: string
  readonly error: string | null
  readonly maxRangeMicrojoules: number | null
}

/** No socket draws more; with it a wrap is told from a reset. */
const MAX_WATTS = 5000
const JOULES_PER_UNIT = 1e-6

const permissionWhy = (file: string): string =>
  `${file} may be read by root only (Linux 5.10 and newer, CVE-2020-8694): run llem as root, or allow it with ` +
  `'chmod a+r ${file}' or a udev rule for the powercap subsystem`
const maskedWhy = (directory: string): string =>
  `${directory} is masked, as container runtimes do (Docker since 20.10.27 and 24.0.7): run llem on the host`
const absentWhy = (directory: string): string =>
  `${directory} has no RAPL zone: a virtual machine, a CPU without RAPL, or the intel_rapl_msr module is not loaded`

const errorWhy = (code: string, file: string): string =>
  code === "EACCES" || code === "EPERM" ? permissionWhy(file) : `${file} cannot be read (${code})`

/** Only intel-rapl zones: intel-rapl-mmio shows the same sockets a second time. AMD's go by the same name. */
const zonePattern = /^intel-rapl:(\d+)(?::(\d+))?$/

const readZone = (directory: string, entry: string): Zone | null => {
  const match = zonePattern.exec(entry)
  const name = readText(`${directory}/${entry}/name`)
  if (match === null || !name.ok) return null
  const energyFile = `${directory}/${entry}/energy_uj`
  const energy = readText(energyFile)
  const range = readText(`${directory}/${entry}/max_energy_range_uj`)
  return {
    entry,
    name: name.text,
    parent: match[2] === undefined ? null : `intel-rapl:${match[1]}`,
    energyFile,
    error: !energy.ok
      ? errorWhy(energy.code, energyFile)
      : /^\d+$/.test(energy.text)
        ? null
        : `${energyFile} holds ${JSON.stringify(energy.text.slice(0, 40))}, which is no energy`,
    maxRangeMicrojoules: range.ok && /^[1-9]\d*$/.test(range.text) ? Number(range.text) : null,
  }
}

/** `cpu:package-0`, `cpu:core-0`, `dram:0`, `psys`, ... : the number is the package's, also for the zones within it. */
const domainOf = (zone: Zone, parent: Zone | undefined): string => {
  const number = (parent?.name ?? zone.name).replace(/^package-/, "")
  if (zone.name.startsWith("package-")) return `cpu:${zone.name}`
  if (zone.name === "dram") return parent === undefined ? "dram" : `dram:${number}`
  return parent === undefined ? zone.name : `cpu:${zone.name}-${number}`
}

const unreadable = (domain: string, why: string): Probed => ({
  info: {
    domain,
    meter: "rapl",
    quality: "unavailable",
    nestedIn: null,
    inTotal: true,
    why,
    relativeUncertainty: 0,
  },
  source: null,
})

/** A domain for each socket that the kernel knows, for when there is nothing to read them from. */
const expectedPackages = (sysfsRoot: string, why: string): ReadonlyArray<Probed> => {
  const cpus = `${sysfsRoot}/devices/system/cpu`
  const ids = (list(cpus) ?? [])
    .filter((name) => /^cpu\d+$/.test(name))
    .flatMap((name) => {
      const id = readText(`${cpus}/${name}/topology/physical_package_id`)
      return id.ok && /^\d+$/.test(id.text) ? [Number(id.text)] : []
    })
  const sockets = [...new Set(ids)].sort((a, b) => a - b)
  return (sockets.length === 0 ? [0] : sockets).map((id) => unreadable(`cpu:package-${id}`, why))
}

/**
 * Every RAPL domain of this node, readable or not, from `<sysfsRoot>/class/powercap`. The platform domain (psys)
 * contains the packages, a package its core and uncore; DRAM is apart. Packages and DRAM belong to the total.
 */
export const probe = (sysfsRoot: string): ReadonlyArray<Probed> => {
  const directory = `${sysfsRoot}/class/powercap`
  const entries = (list(directory) ?? []).filter((name) => zonePattern.test(name))
  if (entries.length === 0) return expectedPackages(sysfsRoot, absentWhy(directory))
  const zones = entries.flatMap((entry) => readZone(directory, entry) ?? [])
  if (zones.length === 0) return expectedPackages(sysfsRoot, maskedWhy(directory))

  const byEntry = new Map(zones.map((zone) => [zone.entry, zone]))
  const named = zones.map((zone) => {
    const parent = zone.parent === null ? undefined : byEntry.get(zone.parent)
    return { zone, parent, name: domainOf(zone, parent) }
  })
  const taken = new Map<string, number>()
  const domains = new Map(
    named.map(({ zone, name }) => {
      const before = taken.get(name) ?? 0
      taken.set(name, before + 1)
      return [zone.entry, before === 0 ? name : `${name}#${before + 1}`] as const
    }),
  )
  const platform = named.find(({ zone }) => zone.name === "psys" && zone.error === null)
  return named.map(({ zone, parent, name }) => {
    const isPackage = zone.name.startsWith("package-")
    const outer = isPackage ? platform?.zone : zone.name === "dram" ? undefined : parent
    const info: DomainInfo = {
      domain: domains.get(zone.entry) ?? name,
      meter: "rapl",
      quality: zone.error === null ? "measured" : "unavailable",
      nestedIn: outer === undefined ? null : (domains.get(outer.entry) ?? null),
      inTotal: isPackage || zone.name === "dram",
      why: zone.error,
      relativeUncertainty: 0,
    }
    const source: Probed["source"] =
      zone.error === null
        ? {
            kind: "counter_file",
            path: zone.energyFile,
            joulesPerUnit: JOULES_PER_UNIT,
            wrapsAt: zone.maxRangeMicrojoules,
            maxWatts: MAX_WATTS,
          }
        : null
    return { info, source }
  })
}

/** Whether a probe found a CPU package that can be read. */
export const measuresPackages = (probed: ReadonlyArray<Probed>): boolean =>
  probed.some(({ info, source }) => source !== null && info.domain.startsWith("cpu:package-"))
