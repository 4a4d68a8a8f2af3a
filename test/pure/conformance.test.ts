/** @file The conformance runner's pure parts: comparing within a tolerance, decoding arguments, noticing those that are not read. */
import * as assert from 'uvu/assert'
import { compare } from '../../scripts/conformance/compare.ts'
import type { Tolerance } from '../../scripts/conformance/compare.ts'
import { entryOf, loadCalls } from '../../scripts/conformance/torch/adapter.ts'
import { decode, namedArguments, withArguments } from '../../scripts/conformance/torch/arguments.ts'
import { functionOf } from '../../scripts/conformance/torch/schedules.ts'
import { suite } from '../support/suite.ts'

const test = suite('conformance runner')
const near: Tolerance = { atol: 1e-6, rtol: 1e-5 }
const scope = { inputs: new Map(), modules: {} }

const vector = (...data: number[]) => ({ shape: [data.length], dtype: 'f32', data })

const comparisons: [title: string, got: number, want: number, ok: boolean][] = [
  ['equal', 1, 1, true],
  ['within atol', 5e-7, 0, true],
  ['within rtol', 1.000009, 1, true],
  ['off by more', 1.00002, 1, false],
  ['NaN meets NaN', NaN, NaN, true],
  ['NaN for a number', NaN, 1, false],
  ['a number for NaN', 1, NaN, false],
  ['the same infinity', Infinity, Infinity, true],
  ['the other infinity', -Infinity, Infinity, false],
  ['a number for an infinity', 1e30, Infinity, false],
  ['an infinity for a number', Infinity, 1, false],
]

for (const [title, got, want, ok] of comparisons)
  test(`compare: ${title}`, () => {
    const result = compare('out.0', vector(0, got), vector(0, want), near)
    assert.is(result.ok, ok)
    if (!ok) assert.match(result.message, 'out.0, element 1 of [2]')
  })

test('compare: shape and dtype must be equal', () => {
  assert.not(compare('x', { ...vector(1, 2), shape: [2, 1] }, vector(1, 2), near).ok)
  assert.not(compare('x', { ...vector(1, 2), dtype: 'i64' }, vector(1, 2), near).ok)
})

test('compare: units in the last place of what is wanted, by its dtype', () => {
  const one = (x: number, dtype: string) => ({ shape: [], dtype, data: [x] })
  const within = (got: number, want: number, dtype: string, ulp: number) =>
    compare('x', one(got, dtype), one(want, dtype), { atol: 0, rtol: 0, ulp }).ok
  assert.ok(within(4 + 2 ** -20, 4, 'f32', 2))
  assert.not(within(4 + 3 * 2 ** -21, 4, 'f32', 2))
  assert.ok(within(4 + 2 ** -7, 4, 'f16', 2))
  assert.not(within(4 + 3 * 2 ** -8, 4, 'f16', 2))
  assert.ok(within(2 ** -24, 0, 'f16', 1), 'the smallest number of f16')
  assert.not(within(1, Infinity, 'f32', 2))
})

test('compare: exact takes no difference, of 64-bit integers either', () => {
  const one = (x: bigint) => ({ shape: [], dtype: 'i64', data: [x] })
  assert.ok(compare('x', one(2n ** 62n), one(2n ** 62n), { exact: true }).ok)
  assert.not(compare('x', one(2n ** 62n + 1n), one(2n ** 62n), { exact: true }).ok)
})

test('decode: tuples, floats, dtypes, slices, None', () => {
  const value = {
    $tuple: [{ $f: '-inf' }, { $dtype: 'int64' }, { $slice: [null, 2, null] }, { $ellipsis: true }, null],
  }
  assert.equal(decode(value, scope), [-Infinity, 'i64', { slice: [null, 2, null] }, { ellipsis: true }, null])
  assert.throws(() => decode({ $what: 1 }, scope), '$what')
  assert.throws(() => decode({ $t: 'x' }, scope), 'no tensor x')
})

test('arguments: by name, variadic ones together', () => {
  const given = { args: [1, 2, 3], arg_names: ['a', '*b', '*b'], kwargs: { c: 4 } }
  assert.equal(namedArguments(given, scope), { a: 1, b: [2, 3], c: 4 })
})

test('arguments: one that is not read is an error', () => {
  assert.throws(() => withArguments({ a: 1, b: 2 }, ({ a }) => a), 'does not read: b')
  assert.is(
    withArguments({ a: 1 }, ({ a, b }) => [a, b].length),
    2,
  )
})

test('tables: an entry that is missing is named', () => {
  assert.throws(() => entryOf({}, 'torch.roll'), 'no entry for torch.roll')
})

test("tables: entries have PyTorch's names, once each", async () => {
  for (const name of Object.keys(await loadCalls())) assert.match(name, /^(torch\.|Tensor\.|[a-z_]+$)/)
})

test('expressions: arithmetic in epoch, nothing else', () => {
  assert.is(functionOf('1 / (1 + 0.5 * epoch)')(2), 0.5)
  assert.is(functionOf('0.5 ** epoch')(3), 0.125)
  for (const text of ['epoch // 2', 'process.exit()', 'epoch; 1'])
    assert.throws(() => functionOf(text), 'does not read')
})
