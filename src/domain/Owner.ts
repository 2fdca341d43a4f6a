/** The process that made a container: its pid, start, boot, process namespace and machine. Nothing else can ever be the same. */
export interface OwnerIdentity {
  readonly pid: number
  /** Clock ticks from boot to its start. */
  readonly startTicks: string
  readonly bootId: string
  /** The process namespace that the pid is a number of. */
  readonly namespace: string
  /** The machine that booted: another boot proves nothing about a process of another machine. */
  readonly machine: string
}
