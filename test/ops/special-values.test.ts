/** @file Elementwise functions at NaN, infinities, signed zeros, denormals, and where they over- and underflow. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { fromTensor, toTensor } from '../support/arrays.ts'
import { erf, erfc, pythonRemainder, roundHalfEven } from '../support/reference.ts'
import { suite } from '../support/suite.ts'

const test = suite('special values')

// Long enough for vector bodies and their rests.
const odd = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  1e-40,
  -1e-40,
  0.5,
  -0.5,
  2.5,
  -2.5,
  30,
  -30,
  89,
  -89,
  104,
  -104,
  800,
  -800,
  1e30,
  -1e30,
]

const unary: Record<string, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: (x) => (Number.isNaN(x) ? 0 : Math.sign(x)),
  square: (x) => x * x,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  trunc: Math.trunc,
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  erfc,
  relu: (x) => (x > 0 ? x : Number.isNaN(x) ? NaN : 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  logSigmoid: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
  gelu: (x) => (x * erfc(-x * Math.SQRT1_2)) / 2,
}

/** Within rounding; and below the smallest normal number of f32 nothing is promised but the sign. */
function isNear(got: number, want: number, dtype: 'f64' | 'f32'): boolean {
  if (Object.is(got, want)) return true
  if (Math.abs(want) === Infinity || Math.abs(got) === Infinity || Number.isNaN(got) || Number.isNaN(want)) return false
  if (dtype === 'f64') return Math.abs(got - want) <= 1e-13 * Math.abs(want) + 1e-300
  return Math.abs(got - want) <= 1e-6 * Math.abs(want) + 1.2e-38
}

for (const [name, reference] of Object.entries(unary)) {
  for (const dtype of ['f64', 'f32'] as const) {
    test(`${name}: ${dtype} at special values`, () => {
      const x = dtype === 'f64' ? odd : odd.map(Math.fround)
      const op = ops[name as 'exp'] as (t: Tensor) => Tensor
      const got = fromTensor(op(toTensor({ shape: [odd.length], data: Float64Array.from(x) }, dtype))).data
      x.forEach((value, i) => {
        const want = dtype === 'f64' ? reference(value) : Math.fround(reference(value))
        assert.ok(
          isNear(got[i], want, dtype),
          `${name}(${Object.is(value, -0) ? '-0' : value}) is ${got[i]}, wanted ${want}`,
        )
      })
    })
  }
}

const binary: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : a > b ? a : b),
  minimum: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : a < b ? a : b),
  // C's: 1 to any power is 1, and (-1) to an infinite one too.
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  fmod: (a, b) => a % b,
  remainder: pythonRemainder,
  atan2: Math.atan2,
}
const few = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 2.5, -3]

for (const [name, reference] of Object.entries(binary)) {
  for (const dtype of ['f64', 'f32'] as const) {
    test(`${name}: ${dtype} at special values`, () => {
      const column = (shape: number[]) => toTensor({ shape, data: Float64Array.from(few) }, dtype)
      const op = ops[name as 'add'] as (a: Tensor, b: Tensor) => Tensor
      const got = fromTensor(op(column([few.length, 1]), column([few.length]))).data
      few.forEach((a, i) =>
        few.forEach((b, j) => {
          const want = dtype === 'f64' ? reference(a, b) : Math.fround(reference(a, b))
          const y = got[i * few.length + j]
          // Which of two zeros is the larger is not defined; remainders of 0 differ in sign between languages.
          const isZero = y === 0 && want === 0 && /maximum|minimum|remainder/.test(name)
          assert.ok(isZero || isNear(y, want, dtype), `${name}(${a}, ${b}) is ${y}, wanted ${want}`)
        }),
      )
    })
  }
}

test('floorDivide: signs and zeros', () => {
  const got = ops.floorDivide(ops.tensor([7, -7, 7, -7, 1, -1, 0]), ops.tensor([2, 2, -2, -2, 0, 0, 0])).dataSync()
  assert.equal([...(got as Float32Array)], [3, -4, -4, 3, Infinity, -Infinity, NaN])
})

test('reductions: NaN wins, infinities stay', () => {
  const x = ops.tensor([
    [1, NaN, 3],
    [Infinity, 2, -1],
    [-Infinity, Infinity, 0],
    [-Infinity, -Infinity, -Infinity],
  ])
  const rows = (t: Tensor) => Array.from(t.dataSync() as Float32Array)
  assert.equal(rows(ops.max(x, 1)), [NaN, Infinity, Infinity, -Infinity])
  assert.equal(rows(ops.min(x, 1)), [NaN, -1, -Infinity, -Infinity])
  assert.equal(rows(ops.sum(x, 1)), [NaN, Infinity, NaN, -Infinity])
  assert.equal(rows(ops.logSumExp(x, 1)), [NaN, Infinity, Infinity, -Infinity])
  assert.equal(Array.from(ops.argMax(x, 1).dataSync(), Number), [1, 0, 1, 0])
  assert.equal(Array.from(ops.argMin(x, 1).dataSync(), Number), [1, 2, 0, 0])
})

test('softmax: large numbers do not overflow, a lone infinity takes nothing', () => {
  const x = ops.tensor([
    [1e30, 1e30, -1e30],
    [-Infinity, 0, 0],
    [88, 89, -Infinity],
  ])
  const p = ops.softmax(x).dataSync() as Float32Array
  assert.equal(Array.from(p.slice(0, 6)), [0.5, 0.5, 0, 0, 0.5, 0.5])
  assert.is(p[8], 0)
  const logp = ops.logSoftmax(x).dataSync() as Float32Array
  assert.is(logp[3], -Infinity)
  assert.ok(Math.abs(logp[4] + Math.LN2) < 1e-6)
})

test('maxPool2d: NaN wins', () => {
  const x = ops.tensor([
    [
      [
        [1, NaN],
        [3, 4],
      ],
    ],
  ])
  assert.ok(Number.isNaN(ops.maxPool2d(x, 2).itemSync()))
})

test('where and layout: bits of -0 and NaN pass', () => {
  const x = ops.tensor([-0, NaN, 1])
  const y = ops.flip(ops.where(ops.tensor([true, true, false]), x, 7), 0).dataSync()
  assert.equal(Array.from(y as Float32Array), [7, NaN, -0])
  assert.ok(Object.is(y[2], -0))
})
