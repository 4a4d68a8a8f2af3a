/** @file Runs cases of the Web Neural Network API against tenon: `tsx scripts/conformance/webnn/run.ts --dir DIR [--only NAME] [--json]`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Tensor } from '../../../lib/index.ts'
import type { Case } from '../cases.ts'
import { compare, wrong } from '../compare.ts'
import type { Comparison, Tolerance } from '../compare.ts'
import { Report } from '../report.ts'
import type { Outcome } from '../report.ts'
import { entryOf } from '../torch/adapter.ts'
import { withArguments } from '../torch/arguments.ts'
import { loadCalls } from './adapter.ts'
import type { Calls } from './adapter.ts'
import { mostSkipped, skips } from './skips.ts'
import { tensorOf, valuesOf } from './tensors.ts'
import type { Stored } from './tensors.ts'

interface WebnnCase {
  readonly id: string
  readonly source: string
  readonly op: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly tensors: Readonly<Record<string, Stored>>
  readonly outputs: readonly string[]
  readonly expected: Readonly<Record<string, Stored>>
  readonly tolerance: {
    readonly exact?: true
    readonly rtol?: number
    readonly atol?: number
    readonly wpt_ulp?: number
  }
  readonly flags: readonly string[]
}

const { values } = parseArgs({
  options: { dir: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean' } },
})
if (!values.dir) throw new Error('needs --dir DIR, a folder of cases')
const report = await runCases(values.dir, values.only ?? '', values.json ?? false)
const { passed, failed, skipped } = report.counts
if (failed > 0 || skipped > mostSkipped || passed + skipped === 0) process.exitCode = 1

async function runCases(folder: string, only: string, json: boolean): Promise<Report> {
  const calls = await loadCalls()
  const results = new Report(json)
  const { ops } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { ops: Record<string, number> }
  for (const op of Object.keys(ops)) {
    const file = join(folder, 'cases', `${op}.json`)
    const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly WebnnCase[] }
    for (const one of cases) {
      if (op.includes(only) || one.id.includes(only)) results.add(asCase(one), await outcomeOf(one, calls))
    }
  }
  results.end()
  return results
}

function asCase({ id, source, op, flags, tolerance }: WebnnCase): Case {
  return { id, kind: source, op, group: op, flags, tolerance }
}

async function outcomeOf(one: WebnnCase, calls: Calls): Promise<Outcome> {
  if (Object.hasOwn(skips, one.op)) return { state: 'skipped', reason: skips[one.op]!, results: new Map() }
  try {
    const results = await compared(one, called(one, calls))
    const ok = [...results.values()].every((result) => result.ok)
    return { state: ok ? 'passed' : 'failed', results }
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error), results: new Map() }
  }
}

function called(one: WebnnCase, calls: Calls): readonly Tensor[] {
  const tensors = new Map(Object.entries(one.tensors).map(([name, stored]) => [name, tensorOf(stored)]))
  const decoded = Object.entries(one.arguments).map(([name, value]) => [name, decode(value, tensors)] as const)
  const { options = {}, ...named } = Object.fromEntries(decoded)
  const call = entryOf(calls, one.op)
  const result = withArguments(named, (args) =>
    withArguments(options as Record<string, unknown>, (given) => call(args, given)),
  )
  return result instanceof Tensor ? [result] : result
}

/** {tensor: name} is that tensor, {activation: name} the name; NaN, the infinities and integers beyond 2^53 are strings. */
function decode(value: unknown, tensors: ReadonlyMap<string, Tensor>): unknown {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value)
  if (Array.isArray(value)) return value.map((item) => decode(item, tensors))
  if (typeof value !== 'object' || value === null) return value
  const fields = value as Record<string, unknown>
  if ('tensor' in fields) return tensors.get(fields.tensor as string)
  if ('activation' in fields) return fields.activation
  return Object.fromEntries(Object.entries(fields).map(([name, item]) => [name, decode(item, tensors)]))
}

async function compared(one: WebnnCase, got: readonly Tensor[]): Promise<ReadonlyMap<string, Comparison>> {
  const { exact, rtol = 0, atol = 0, wpt_ulp: ulp = 0 } = one.tolerance
  const tolerance: Tolerance = exact ? { exact } : { rtol, atol, ulp }
  const results = new Map<string, Comparison>()
  if (got.length !== one.outputs.length)
    results.set('outputs', wrong(`there are ${got.length} outputs, wanted ${one.outputs.length}`))
  for (const [i, name] of one.outputs.entries()) {
    const t = got[i]
    if (!t) continue
    const values = { shape: t.shape, dtype: t.dtype, data: await t.data() }
    results.set(name, compare(name, values, valuesOf(one.expected[name]!), tolerance))
  }
  return results
}
