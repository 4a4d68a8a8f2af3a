/** @file Ctrl-C and SIGTERM while a training runs: the first asks it to end, the second ends the process. */
import { constants } from 'node:os'
import { isMainThread } from 'node:worker_threads'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Calls `stop` once when a signal arrives; gives what undoes it. The process will end with the code that the signal stands for. */
export function onSignals(stop: (signal: string) => void): () => void {
  if (!isMainThread) return () => {}
  const undo = () => SIGNALS.forEach((signal) => process.removeListener(signal, heard))
  const heard = (signal: NodeJS.Signals) => {
    // Without a listener the next one does what it does by default.
    undo()
    process.exitCode ??= 128 + constants.signals[signal]
    stop(signal)
  }
  SIGNALS.forEach((signal) => process.on(signal, heard))
  return undo
}
