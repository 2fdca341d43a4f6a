/** Runs a task in a later turn of the event loop, after the reads that are waiting. */
export const later = (task: () => void): void => {
  setImmediate(task)
}

/** Runs a task once after some seconds; gives what calls it off. */
export const after = (seconds: number, task: () => void): (() => void) => {
  const timer = setTimeout(task, Math.max(0, seconds * 1000))
  return () => clearTimeout(timer)
}

/** Runs a task again and again; gives what ends it. */
export const every = (seconds: number, task: () => void): (() => void) => {
  const timer = setInterval(task, seconds * 1000)
  return () => clearInterval(timer)
}
