/** @file What the tables of the PyTorch adapter are made of: functions from PyTorch's arguments to calls of tenon. No arithmetic, no case by name. */
import { readdirSync } from 'node:fs'
import type { nn, Tensor } from '../../../lib/index.ts'
import type { Layer } from '../../../lib/nn/module.ts'

/**
 * Arguments by PyTorch's names, decoded: tensors are tenon's, tuples arrays, dtypes tenon's names, None null, slices
 * `Slice`, an ellipsis `Ellipsis`, modules made by the table of modules; of a variadic `*x` all values under 'x'. What was not given
 * is undefined. `never` goes into every parameter: tenon checks arguments itself. One that was given and not read fails the case.
 */
export type Args = Readonly<Record<string, never>>

export interface Slice {
  readonly slice: readonly [start: number | null, stop: number | null, step: number | null]
}
export interface Ellipsis {
  readonly ellipsis: true
}

/** Results, nested as PyTorch nests them; null for None. */
export type Result = Tensor | null | readonly Result[]

/** Calls by PyTorch's names: 'torch.roll', 'Tensor.expand', 'getitem'. */
export type Calls = Readonly<Record<string, (args: Args) => Result | Promise<Result>>>

export interface ModuleCall {
  make(init: Args): nn.Module
  forward(module: nn.Module, args: Args): Result | Promise<Result>
}

/** Modules by PyTorch's names: 'torch.nn.Linear'. */
export type Modules = Readonly<Record<string, ModuleCall>>

/** A module with a forward of its own. */
export function module<M extends nn.Module>(
  make: (init: Args) => M,
  forward: (module: M, args: Args) => Result | Promise<Result>,
): ModuleCall {
  return { make, forward: (made, args) => forward(made as M, args) }
}

/** A module of one tensor. */
export const layer = (make: (init: Args) => Layer): ModuleCall =>
  module<nn.Module>(make, (made, { input }) => (made as { forward(input: Tensor): Tensor }).forward(input))

/** All entries of the files in calls/: a family adds a file. */
export async function loadCalls(): Promise<Calls> {
  const folder = new URL('./calls/', import.meta.url)
  const all: Record<string, Calls[string]> = {}
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts'))) {
    const { calls } = (await import(new URL(name, folder).href)) as { calls: Calls }
    for (const [op, call] of Object.entries(calls)) {
      if (op in all) throw new Error(`two entries are named ${op}, one of them in calls/${name}`)
      all[op] = call
    }
  }
  return all
}

/** The entry of a table, or an Error that names what is missing. */
export function entryOf<T>(table: Readonly<Record<string, T>>, name: string): T {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined
  if (entry === undefined) throw new Error(`the adapter has no entry for ${name}`)
  return entry
}
