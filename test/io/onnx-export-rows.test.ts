/** @file onnx.export of every row that has an ONNX form: one case of each family's tables that has it, all in one file, in two opsets. */
import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { nn, table } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { isComposite, mappings, reasons } from '../../lib/io/onnx/to/index.ts'
import { listOf } from '../support/gradcheck.ts'
import { checkExport } from '../support/onnx-runtime.ts'
import { inputsOf, tensorsOf } from '../support/op-cases.ts'
import type { OpCase } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'

const test = suite('onnx.export of rows')

const cases: OpCase[] = []
for (const file of readdirSync(new URL('../ops/cases/', import.meta.url)).sort()) {
  for (const list of Object.values(await import(`../ops/cases/${file}`))) if (Array.isArray(list)) cases.push(...list)
}

/** NaN is the largest number in tenon; ONNX does not say. onnxruntime for Node.js has no bf16. */
const left = ['argsort: ties and NaN', 'medianWithIndices', 'arange: bf16']

/** Came with opset 18, or has a form for unsigned integers only. */
const later = ['scatterMax', 'scatterMin', 'bitwiseAnd', 'bitwiseOr', 'bitwiseXor', 'bitwiseNot']
const unsigned = ['shiftLeft', 'shiftRight']

const tensors = (one: OpCase): Tensor[] => tensorsOf(one, inputsOf(one), 'f32')

function rowsOf(one: OpCase): Set<string> {
  const seen = new Set<Tensor>(listOf(one.fn(...tensors(one))))
  for (const t of seen) for (const input of t.inputs) seen.add(input)
  return new Set([...seen].map(({ row }) => row.name))
}

/** Cases that reach every row of `wanted` that cases reach. */
function covering(
  wanted: ReadonlySet<string>,
  allowed: (row: string) => boolean,
): { found: OpCase[]; missing: string[] } {
  const missing = new Set(wanted)
  const found = cases.filter((one) => {
    if (left.includes(one.title)) return false
    const rows = rowsOf(one)
    if (![...rows].every(allowed)) return false
    const isNew = [...rows].some((row) => missing.has(row))
    for (const row of rows) missing.delete(row)
    return isNew
  })
  return { found, missing: [...missing] }
}

/** Calls each case on its own inputs. */
class All extends nn.Module {
  readonly #list: readonly OpCase[]
  constructor(list: readonly OpCase[]) {
    super()
    this.#list = list
  }
  override forward(...inputs: Tensor[]): Tensor[] {
    let at = 0
    return this.#list.flatMap((one) => listOf(one.fn(...inputs.slice(at, (at += one.inputs.length)))))
  }
}

for (const opset of [17, 20])
  test(`opset ${opset}: rows give elsewhere, and read back, what they give here`, async () => {
    const isLeft = (row: string) => unsigned.includes(row) || (opset < 18 && later.includes(row))
    const hasForm = (row: string) => (row in mappings || isComposite(row)) && !isLeft(row)
    const wanted = new Set([...table.keys()].filter((row) => hasForm(row)))
    const { found, missing } = covering(wanted, (row) => !(row in reasons) && !isLeft(row))
    assert.equal(
      missing.filter((row) => !['cond', 'scan', 'whileLoop'].includes(row)),
      [],
    )
    await checkExport({ module: new All(found), args: found.flatMap(tensors), options: { opset } })
  })
