import { DockerError } from "../domain/Failure.ts"
import type { ContainerState } from "./Docker.ts"
import { gpuText, memoryText, portText } from "./Refusal.ts"

/** What is known of a container that ended by itself. */
export interface ContainerEnd {
  readonly engine: string
  readonly image: string
  /** null when the daemon could not be asked any more. */
  readonly state: ContainerState | null
  readonly exitCode: number
  readonly logTail: ReadonlyArray<string>
  readonly logFile: string
  readonly memoryBytes: number | null
}

const signalNames: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM",
}

/** The signal that an exit code above 128 stands for; null for any other. */
export const signalOf = (exitCode: number): string | null =>
  exitCode > 128 && exitCode < 160 ? (signalNames[exitCode - 128] ?? `signal ${exitCode - 128}`) : null

const describe = (exitCode: number): string => {
  const signal = signalOf(exitCode)
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal} (exit code ${exitCode})`
}

type Verdict = Pick<DockerError, "reason" | "message" | "fix">

const judge = (end: ContainerEnd): Verdict => {
  const { engine, state, exitCode, image } = end
  const text = end.logTail.join("\n")
  const last = end.logTail.at(-1)?.trim()
  const because = last === undefined ? "" : `: ${last}`
  const lessMemory =
    end.memoryBytes === null
      ? "Reduce the batch size or the context, or use a smaller model."
      : "Reduce the batch size or the context, use a smaller model, or raise execution.container.memory."
  if (state?.oomKilled === true)
    return {
      reason: "oom",
      message: `The ${engine} container ran out of memory and the kernel ended it (exit code ${exitCode})`,
      fix: lessMemory,
    }
  if (gpuText.test(text))
    return {
      reason: "gpu",
      message: `The ${engine} container cannot use the GPUs${because}`,
      fix: "Check the NVIDIA driver and the NVIDIA Container Toolkit: docker run --rm --gpus all IMAGE nvidia-smi",
    }
  if (memoryText.test(text))
    return { reason: "oom", message: `The ${engine} container ran out of memory${because}`, fix: lessMemory }
  if (portText.test(text))
    return {
      reason: "port",
      message: `The ${engine} engine could not listen in its container${because}`,
      fix: "Another process in the image listens on that port; name another image (images:).",
    }
  if (exitCode === 127 || exitCode === 126)
    return {
      reason: "crash",
      message: `The image ${image} has no program that starts the ${engine} engine (exit code ${exitCode})${because}`,
      fix: `Name an image that has it (images: {${engine}: IMAGE}).`,
    }
  const signal = signalOf(exitCode)
  if (signal === "SIGKILL" || signal === "SIGTERM")
    return {
      reason: "crash",
      message: `The ${engine} container was ${signal === "SIGKILL" ? "killed" : "stopped"} from outside (${signal}, exit code ${exitCode})`,
      fix: "Somebody ran docker kill or docker stop, or the node's memory ran out (dmesg tells); run the study again.",
    }
  return {
    reason: "crash",
    message: `The ${engine} container ${describe(exitCode)}${because}`,
    fix: `Its log has the cause: ${end.logFile}`,
  }
}

/** The typed error for a container that ended by itself: its exit code, signal and last log lines are in the details. */
export const crashError = (end: ContainerEnd): DockerError =>
  new DockerError({
    ...judge(end),
    details: {
      image: end.image,
      exit_code: end.exitCode,
      signal: signalOf(end.exitCode),
      oom_killed: end.state?.oomKilled ?? null,
      daemon_error: end.state?.error === "" ? null : (end.state?.error ?? null),
      log_tail: end.logTail,
      log_file: end.logFile,
    },
  })
