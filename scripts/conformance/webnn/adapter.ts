/** @file What the table of the WebNN adapter is made of: functions from WebNN's arguments to calls of tenon. No arithmetic, no case by name. */
import { readdirSync } from 'node:fs'
import type { Tensor } from '../../../lib/index.ts'
import type { Args } from '../torch/adapter.ts'

/**
 * Arguments and options by WebNN's names: tensors are tenon's, data types tenon's names are to be looked up, what was not given is
 * undefined. One that was given and not read fails the case.
 */
export type Call = (args: Args, options: Args) => Tensor | readonly Tensor[]

/** By WebNN's names of operators. */
export type Calls = Readonly<Record<string, Call>>

/** All entries of the files in calls/. */
export async function loadCalls(): Promise<Calls> {
  const folder = new URL('./calls/', import.meta.url)
  const all: Record<string, Call> = {}
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts'))) {
    const { calls } = (await import(new URL(name, folder).href)) as { calls?: Calls }
    for (const [op, call] of Object.entries(calls ?? {})) {
      if (op in all) throw new Error(`two entries are named ${op}, one of them in calls/${name}`)
      all[op] = call
    }
  }
  return all
}
