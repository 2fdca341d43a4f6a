/** The signals that end a run in an orderly way, and their numbers. */
export const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
export type EndingSignal = keyof typeof signalNumbers
