/** The process that made a container: its pid, start, boot and process namespace. Nothing else can ever be the same. */
export interface OwnerIdentity {
  readonly pid: number
  /** Clock ticks from boot to its start. */
  readonly startTicks: string
  readonly bootId: string
  /** The process namespace that the pid is a number of. */
  readonly namespace: string
}
