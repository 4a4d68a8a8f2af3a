/** @file The processes of the benchmark: each is started alone and ends with a line of JSON. */
import { attempt } from '../command.mjs'

const SECONDS = 1800

/** Settings of BLAS that some shells carry: they would name another processor than this one, which halves its speed, on either side. */
export const NEUTRAL = { OPENBLAS_CORETYPE: undefined, OPENBLAS_L2_SIZE: undefined }

/** Runs a program and gives its last line of JSON; throws an Error with its output where there is none. */
export async function jsonOf(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown> {
  const { ok, status, output } = await attempt(program, [...args], { env: { ...NEUTRAL, ...env }, seconds: SECONDS })
  const line = output.split('\n').findLast((text) => text.startsWith('{'))
  if (!ok || !line) throw new Error(`${[program, ...args].join(' ')}: ${status || 'no result'}\n${endOf(output)}`)
  return JSON.parse(line)
}

/** Programs may print the line in which they failed, which in a packed one is the program. */
const endOf = (output: string): string =>
  output
    .split('\n')
    .slice(-30)
    .map((line) => line.slice(0, 300))
    .join('\n')
