/** @file What the engine writes down of a run whose plan is profiled: the layout of native/engine/times.h. */

/** One execution of an instruction; seconds of a clock that starts anywhere. */
export interface Execution {
  readonly instr: number
  readonly start: number
  readonly stop: number
}

export interface Times {
  readonly begin: number
  readonly end: number
  /** By instruction: all its executions together. */
  readonly seconds: Float64Array
  readonly counts: Float64Array
  /** The first ones, as many as there is room for. */
  readonly executions: readonly Execution[]
}

const [HEAD, TOTAL, EVENT] = [3, 2, 3]
/** Executions that are kept one by one, besides one of each instruction: those of loops. */
const MOST_REPEATED = 16384

export const timeBytes = (numInstrs: number): number =>
  8 * (HEAD + TOTAL * numInstrs + EVENT * (numInstrs + MOST_REPEATED))

export function readTimes(buffer: ArrayBuffer, numInstrs: number): Times {
  const words = new Float64Array(buffer)
  const total = (k: number) => Float64Array.from({ length: numInstrs }, (_, i) => words[HEAD + TOTAL * i + k]!)
  const room = numInstrs + MOST_REPEATED
  const executions = Array.from({ length: Math.min(words[0]!, room) }, (_, i): Execution => {
    const at = HEAD + TOTAL * numInstrs + EVENT * i
    return { instr: words[at]!, start: words[at + 1]!, stop: words[at + 2]! }
  })
  return { begin: words[1]!, end: words[2]!, seconds: total(0), counts: total(1), executions }
}
