/** @file Guards: every row of the op table has a case; names in TypeScript and in native code agree both ways; every function is documented by a test. */
import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { addon } from '../../lib/engine/addon.ts'
import { graphOf } from '../support/op-cases.ts'
import type { OpCase } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'

const test = suite('coverage')

/** Every list of cases in the folder, so that a new family of ops needs no line here. */
const cases: OpCase[] = []
for (const file of readdirSync(new URL('cases/', import.meta.url)).sort()) {
  for (const list of Object.values(await import(`./cases/${file}`))) if (Array.isArray(list)) cases.push(...list)
}

/** Rows whose tests are no table of cases, and where they are. */
const elsewhere: Record<string, string> = {
  operand: 'a leaf: every case with a number has one',
  constant: 'a leaf: every gradient rule has one',
  randomUniform: 'random.test.ts',
  randomNormal: 'random.test.ts',
  assign: 'update.test.ts',
  assignRows: 'update.test.ts',
  assignSlice: 'update.test.ts',
  checkRange: 'update.test.ts',
  sgd: 'update.test.ts',
  adam: 'update.test.ts',
  value: 'a leaf: every input is one',
  dequantize: 'blocks.test.ts',
  matmulBlocks: 'blocks.test.ts',
  quantizeBlocks: 'blocks.test.ts',
  ...Object.fromEntries(['cond', 'scan', 'whileLoop'].map((name) => [name, 'test/engine/control.test.ts'])),
}

/** Public functions that are no op of their own, and where they are tested. */
const functionsElsewhere: Record<string, string> = {
  ...Object.fromEntries(['assign', 'assignRows', 'assignSlice'].map((name) => [name, 'update.test.ts'])),
  ...Object.fromEntries(
    ['bernoulli', 'dropout', 'normal', 'rand', 'randint', 'randn', 'uniform'].map((name) => [name, 'random.test.ts']),
  ),
  ...Object.fromEntries(
    ['dropout1d', 'dropout2d', 'dropout3d', 'alphaDropout', 'featureAlphaDropout'].map((name) => [
      name,
      'test/nn/spatial-layers.test.ts',
    ]),
  ),
  ...Object.fromEntries(['cond', 'scan', 'whileLoop'].map((name) => [name, 'test/engine/control.test.ts'])),
  ...Object.fromEntries(
    [1, 2, 3].flatMap((n) => [
      [`maxPool${n}dWithIndices`, `every case of maxPool${n}d`],
      [`adaptiveMaxPool${n}dWithIndices`, `every case of adaptiveMaxPool${n}d`],
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['bincount', 'indexAsync', 'indexPutAsync', 'maskedSelect', 'nonzero', 'oneHotAsync'],
      ...['repeatInterleaveAsync', 'unique', 'uniqueConsecutive'],
    ].map((name) => [name, 'dynamic.test.ts']),
  ),
  tensor: 'create.test.ts',
  dequantize: 'blocks.test.ts',
  quantizeBlocks: 'blocks.test.ts',
  ...Object.fromEntries(['quantizeLinear', 'dequantizeLinear'].map((name) => [name, 'quantize.test.ts'])),
}

function rowsReached(): Set<string> {
  const reached = new Set<string>()
  const seen = new Set<Tensor>()
  const stack = cases.flatMap(graphOf)
  while (stack.length > 0) {
    const t = stack.pop()!
    if (seen.has(t)) continue
    seen.add(t)
    reached.add(t.row.name)
    stack.push(...t.inputs)
  }
  return reached
}

const reached = rowsReached()

test('every row of the op table is reached by a case, or is tested elsewhere', () => {
  const missing = [...ops.table.keys()].filter((name) => !reached.has(name) && !(name in elsewhere))
  assert.equal(missing, [])
})

test('the list of rows tested elsewhere names no other rows', () => {
  assert.equal(
    Object.keys(elsewhere).filter((name) => !ops.table.has(name)),
    [],
  )
})

test('every op function is the title of a case, or is tested elsewhere', async () => {
  const titles = new Set(cases.map(({ title }) => title.split(':')[0]))
  const functions = Object.entries(await import('../../lib/ops/index.ts')).filter(
    ([, value]) => typeof value === 'function',
  )
  const missing = functions.map(([name]) => name).filter((name) => !titles.has(name) && !(name in functionsElsewhere))
  assert.equal(missing, [])
})

test('every function of a namespace is the title of a case, or of one without its namespace', () => {
  const titles = new Set(cases.map(({ title }) => title.split(':')[0]))
  const functions = [
    ...Object.keys(ops.fft).map((name) => `fft.${name}`),
    ...Object.values(ops.linalg).map(({ name }) => name),
  ]
  assert.equal(
    functions.filter((name) => !titles.has(name)),
    [],
  )
})

test('titles of cases are unique', () => {
  const titles = cases.map(({ title }) => title)
  assert.equal(
    titles.filter((title, i) => titles.indexOf(title) !== i),
    [],
  )
})

test('every elementwise row has its function in native code', () => {
  const functions = new Set(addon().mapFunctions())
  const rows = [...ops.table.values()].filter((row) => row.kind === 'elementwise')
  assert.equal(
    rows.map((row) => row.map ?? row.name).filter((name) => !functions.has(name)),
    [],
  )
})

test('every function in native code has a row', () => {
  const rows = new Set(
    [...ops.table.values()].filter((row) => row.kind === 'elementwise').map((row) => row.map ?? row.name),
  )
  // What copies between layouts is put in by the plan, not by a row.
  assert.equal(
    addon()
      .mapFunctions()
      .filter((name) => !rows.has(name) && name !== 'copy'),
    [],
  )
})

/** Kernels that are named otherwise than the rows that emit them, or that no row emits. */
const otherKernels: Record<string, string> = {
  map: 'every elementwise row',
  commit: 'put in by the plan, before the first write',
  dynamicUpdate: 'assignSlice',
  loop: 'scan and whileLoop',
  dynamicSlice: 'scan, which reads a step of its input',
}

test('every kernel in native code has a row or a stated reason', () => {
  const missing = addon()
    .kernels()
    .filter((name) => !ops.table.has(name) && !(name in otherKernels))
  assert.equal(missing, [])
})

test('every kernel row has its kernel in native code', () => {
  const kernels = new Set(addon().kernels())
  const copies = new Set(['concat', 'place', 'assign', 'assignSlice'])
  const missing = [...ops.table.values()].filter(
    ({ kind, name }) => (kind === 'kernel' || kind === 'update') && !kernels.has(name) && !copies.has(name),
  )
  assert.equal(
    missing.map(({ name }) => name),
    [],
  )
})

test('a row without a gradient says why', () => {
  for (const row of ops.table.values()) if (typeof row.vjp !== 'function') assert.ok(row.vjp.none.length > 3, row.name)
})

test('a row without a gradient that gives floats is a leaf, random, counted, or writes', () => {
  const allowed = new Set([
    'operand',
    'constant',
    'value',
    'randomUniform',
    'randomNormal',
    'iota',
    'assign',
    'assignRows',
    'assignSlice',
    'checkRange',
    'sgd',
    'adam',
  ])
  const booleans = new Set([
    ...['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'isNan', 'isInf', 'isFinite', 'signbit'],
    ...['gcd', 'argMax', 'argMin', 'searchsorted', 'quantizeBlocks'],
  ])
  const silent = [...ops.table.values()].filter(
    ({ vjp, name }) =>
      typeof vjp !== 'function' && !allowed.has(name) && !booleans.has(name) && !/^(logical|bitwise|shift)/.test(name),
  )
  assert.equal(
    silent.map(({ name }) => name),
    [],
  )
})

test('a case without a gradient says why', () => {
  for (const { title, noGradient } of cases) if (noGradient !== undefined) assert.ok(noGradient.length > 3, title)
})
