/** @file Reading conformance cases from a folder: index.json, and for each case <id>.json and <id>.safetensors. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSafetensors } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'

/** What every case has; a kind's own fields are in its file of torch/kinds/. */
export interface Case {
  readonly id: string
  readonly kind: string
  readonly op: string
  readonly group: string
  readonly flags: readonly string[]
  readonly tolerance: unknown
}

/** The cases whose op or id contains `only`, in the index's order. */
export function casesIn(folder: string, only = ''): Case[] {
  const { cases } = parse(join(folder, 'index.json')) as { cases: readonly Case[] }
  return cases
    .filter(({ id, op }) => op.includes(only) || id.includes(only))
    .map(({ id }) => parse(join(folder, `${id}.json`)) as Case)
}

/** The case's tensors; none where it has no such file. */
export async function tensorsOf(folder: string, { id }: Case): Promise<ReadonlyMap<string, Tensor>> {
  const file = join(folder, `${id}.safetensors`)
  return existsSync(file) ? loadSafetensors(file) : new Map()
}

/** Names behind a prefix: 'param.' gives { 'weight', ... } of 'param.weight', ... */
export function withPrefix<T>(tensors: ReadonlyMap<string, T>, prefix: string): Map<string, T> {
  const found = [...tensors].filter(([name]) => name.startsWith(prefix))
  return new Map(found.map(([name, t]) => [name.slice(prefix.length), t]))
}

const parse = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))
