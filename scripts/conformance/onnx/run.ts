/** @file Runs ONNX's backend cases against tenon: `tsx scripts/conformance/onnx/run.ts --dir DIR [--only NAME] [--json]`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { onnx } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { decodeMessage } from '../../../lib/io/onnx/schema.ts'
import type { TensorMessage } from '../../../lib/io/onnx/schema.ts'
import { readTensor } from '../../../lib/io/onnx/tensor-data.ts'
import { fromBuffer } from '../../../lib/ops/create.ts'
import type { Case } from '../cases.ts'
import { compare, wrong } from '../compare.ts'
import type { Comparison, Values } from '../compare.ts'
import { Report } from '../report.ts'
import type { Outcome } from '../report.ts'
import { mostSkipped, skipped } from './skips.ts'

/** A case as the archive's manifest.json lists it. */
export interface OnnxCase {
  readonly suite: string
  readonly name: string
  /** What is tested; whole networks have none. */
  readonly operator?: string
  readonly group?: string
  readonly flags?: readonly string[]
  readonly rtol: number
  readonly atol: number
  readonly path: string
  readonly n_inputs: number
  readonly n_outputs: number
}

const { values } = parseArgs({
  options: { dir: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean' } },
})
if (!values.dir) throw new Error('needs --dir DIR, a folder of cases')
const report = await runCases(values.dir, values.only ?? '', values.json ?? false)
const { passed, failed, skipped: left } = report.counts
if (failed > 0 || left > mostSkipped || passed + left === 0) process.exitCode = 1

async function runCases(folder: string, only: string, json: boolean): Promise<Report> {
  const { cases } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { cases: readonly OnnxCase[] }
  const results = new Report(json)
  for (const one of cases) {
    if (!one.operator?.includes(only) && !one.name.includes(only)) continue
    results.add(asCase(one), await outcomeOf(one, join(folder, one.path)))
  }
  results.end()
  return results
}

function asCase({ suite, name, operator, group, flags = [], rtol, atol }: OnnxCase): Case {
  return { id: name, kind: suite, op: operator ?? suite, group: group ?? suite, flags, tolerance: { rtol, atol } }
}

async function outcomeOf(one: OnnxCase, folder: string): Promise<Outcome> {
  const reason = skipped(one)
  if (reason) return { state: 'skipped', reason, results: new Map() }
  try {
    const results = await resultsOf(one, folder)
    const ok = results.size > 0 && [...results.values()].every((result) => result.ok)
    return { state: ok ? 'passed' : 'failed', results }
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error), results: new Map() }
  }
}

interface Read {
  readonly tensor: Tensor
  readonly type: string
}

async function resultsOf(one: OnnxCase, folder: string): Promise<Map<string, Comparison>> {
  const model = await onnx.load(join(folder, 'model.onnx'))
  const data = join(folder, 'test_data_set_0')
  const read = (kind: string, n: number) =>
    Promise.all(Array.from({ length: n }, (_, i) => readTensorFile(join(data, `${kind}_${i}.pb`))))
  const [inputs, wanted] = [await read('input', one.n_inputs), await read('output', one.n_outputs)]
  const outputs = Object.values(await model.run(inputs.map(({ tensor }) => tensor)))
  if (outputs.length !== wanted.length) return new Map([['outputs', wrong(`there are ${outputs.length} outputs`)]])
  const isRandom = one.flags?.includes('nondeterministic')
  const results = new Map<string, Comparison>()
  for (const [i, want] of wanted.entries()) {
    const { name, type } = model.outputs[i]!
    const [got, expected] = [await valuesOf(outputs[i]!, type), await valuesOf(want.tensor, want.type)]
    results.set(
      name,
      isRandom
        ? compare(name, { ...got, data: expected.data }, expected, { exact: true })
        : compared(one, name, got, expected),
    )
  }
  return results
}

function compared({ rtol, atol }: OnnxCase, name: string, got: Values, want: Values): Comparison {
  return compare(name, got, want, want.dtype === 'bool' ? { exact: true } : { rtol, atol })
}

async function readTensorFile(path: string): Promise<Read> {
  const message = await decodeMessage<TensorMessage>('Tensor', readFileSync(path), path)
  const { type, shape, buffer } = readTensor(message, path)
  return { tensor: fromBuffer(buffer, shape, type.dtype), type: type.name }
}

/** The type is ONNX's, where tenon's own dtype is not the same. */
async function valuesOf(t: Tensor, type: string): Promise<Values> {
  return { shape: t.shape, dtype: type === '' ? t.dtype : `${type} as ${t.dtype}`, data: await t.data() }
}
