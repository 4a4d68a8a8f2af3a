/** @file Cases of the arithmetic beside that of elementwise.ts. */
import * as ops from '../../../lib/index.ts'
import type { DType, Tensor } from '../../../lib/index.ts'
import { away, given, integers, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { elementwise } from '../../support/reference.ts'

const far = away(-2, 2, [0], 0.3)
const left = given(-1, 0.3, 1.4)
const right = given(0.1, -1.6, 2, 0.7)
const divisors = given(0.59, -1.6, 2, 0.83)
const odd = given(0, NaN, Infinity, -Infinity, -0, 1.5, -2)
const isBool = { noGradient: 'the result is bool' }

/** A function of numbers that broadcast: the first along rows, the second along columns. */
function of(
  title: string,
  fn: (...xs: Tensor[]) => Tensor,
  reference: (...xs: number[]) => number,
  fills: readonly Fill[],
  more: Partial<OpCase> = {},
): OpCase {
  const shapes = fills.length === 1 ? [[3, 4]] : [[2, 3, 1], [3, 4], [4]]
  const inputs = fills.map((fill, i) => input(shapes[i], fill))
  return { title, fn, inputs, reference: elementwise(reference), kind: 'elementwise', ...more }
}

const integersOf = (one: OpCase, dtype: DType): OpCase => ({
  ...one,
  inputs: one.inputs.map(({ shape, fill }) => input(shape, fill, dtype)),
})

const divisor = (a: number, b: number): number => (b === 0 ? Math.abs(a) : divisor(b, a % b))
const isNear = (a: number, b: number) =>
  a === b || (Number.isFinite(a - b) && Math.abs(a - b) <= 1e-8 + 1e-5 * Math.abs(b))
const nearby = given(1, 1.000001, 2, NaN, Infinity)

export const arithmeticCases: readonly OpCase[] = [
  of(
    'add: alpha',
    (a, b) => ops.add(a, b, { alpha: 2.5 }),
    (a, b) => a + 2.5 * b,
    [range(6, 8), far],
  ),
  of(
    'sub: alpha',
    (a, b) => ops.sub(a, b, { alpha: -1.5 }),
    (a, b) => a + 1.5 * b,
    [range(6, 8), far],
  ),
  of(
    'rsub',
    (a, b) => ops.rsub(a, b, { alpha: 2 }),
    (a, b) => b - 2 * a,
    [far, range(6, 8)],
  ),
  of(
    'div: floor',
    (a, b) => ops.div(a, b, { roundingMode: 'floor' }),
    (a, b) => Math.floor(a / b),
    [left, divisors],
  ),
  of(
    'div: trunc',
    (a, b) => ops.div(a, b, { roundingMode: 'trunc' }),
    (a, b) => Math.trunc(a / b),
    [left, divisors],
  ),
  integersOf(
    of(
      'div: trunc of integers',
      (a, b) => ops.div(a, b, { roundingMode: 'trunc' }),
      (a, b) => Math.trunc(a / b),
      [integers(-20, 20), given(1, -3, 7, -7)],
    ),
    'i64',
  ),
  of(
    'round: decimals',
    (x) => ops.round(x, { decimals: 1 }),
    (x) => Math.round(x * 10) / 10,
    [given(0.12, -0.46, 1.23, 2.98)],
  ),
  of(
    'round: negative decimals',
    (x) => ops.round(x, { decimals: -1 }),
    (x) => Math.round(x / 10) * 10,
    [given(12, -46, 123, 4)],
  ),
  of('fmax', ops.fmax, Math.max, [left, right], { kind: 'moves' }),
  of('fmin', ops.fmin, Math.min, [left, right], { kind: 'moves' }),
  of('fmax: NaN loses', ops.fmax, (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)), [odd, odd], {
    noGradient: 'infinite inputs',
  }),
  of('fmin: NaN loses', ops.fmin, (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)), [odd, odd], {
    noGradient: 'infinite inputs',
  }),
  of('signbit', ops.signbit, (x) => Number(x < 0 || Object.is(x, -0)), [odd], isBool),
  of('isPosInf', ops.isPosInf, (x) => Number(x === Infinity), [odd], isBool),
  of('isNegInf', ops.isNegInf, (x) => Number(x === -Infinity), [odd], isBool),
  of('positive', ops.positive, (x) => x, [far]),
  of('copysign', ops.copysign, (a, b) => (b < 0 ? -1 : 1) * Math.abs(a), [far, far], { kind: 'moves' }),
  of(
    'nextafter',
    ops.nextafter,
    (a, b) => {
      const bits = new Float64Array([a])
      const words = new BigInt64Array(bits.buffer)
      words[0] += b > a === a > 0 ? 1n : -1n
      return bits[0]
    },
    [far, given(5, -5, 5, -5)],
    { only: { dtypes: [], because: 'the neighbour is another one' } },
  ),
  of('frac', ops.frac, (x) => x % 1, [away(-3, 3, [-2, -1, 0, 1, 2])]),
  of('deg2rad', ops.deg2rad, (x) => (x / 180) * Math.PI, [range(-360, 360)]),
  of('rad2deg', ops.rad2deg, (x) => (x / Math.PI) * 180, [range(-6, 6)]),
  of('hypot', ops.hypot, Math.hypot, [far, far]),
  of('heaviside', ops.heaviside, (x, v) => (x === 0 ? v : Number(x > 0)), [given(0, 2, -1), far], {
    noGradient: 'x is at the step',
  }),
  of('lerp', ops.lerp, (a, b, w) => a + w * (b - a), [far, far, given(0.1, 0.9, -0.3, 1.2)]),
  of(
    'lerp: a number',
    (a, b) => ops.lerp(a, b, 0.3),
    (a, b) => a + 0.3 * (b - a),
    [far, far],
    { looser: { factor: 4, because: 'a difference of near numbers' } },
  ),
  of(
    'addcmul',
    (x, a, b) => ops.addcmul(x, a, b, { value: 0.5 }),
    (x, a, b) => x + 0.5 * a * b,
    [range(3, 5), far, far],
  ),
  of(
    'addcdiv',
    (x, a, b) => ops.addcdiv(x, a, b, { value: 0.5 }),
    (x, a, b) => x + (0.5 * a) / b,
    [range(6, 8), far, far],
  ),
  of('ldexp', ops.ldexp, (x, n) => x * 2 ** n, [far, range(-3, 3)]),
  of(
    'ldexp: a number',
    (x) => ops.ldexp(x, 3),
    (x) => x * 8,
    [far],
  ),
  of('floatPower', (x, e) => ops.cast(ops.floatPower(x, e), x.dtype), Math.pow, [range(0.3, 2), far], {
    looser: { factor: 2, because: 'exp(e log x) multiplies the error of the logarithm' },
  }),
  integersOf(of('gcd', ops.gcd, divisor, [integers(-30, 30), integers(-9, 9)]), 'i64'),
  integersOf(
    of('lcm', ops.lcm, (a, b) => (a * b === 0 ? 0 : Math.abs(a * b) / divisor(Math.abs(a), Math.abs(b))), [
      integers(-30, 30),
      integers(-9, 9),
    ]),
    'i64',
  ),
  of(
    'nanToNum: numbers',
    (x) => ops.nanToNum(x, { nan: 0.5, posinf: 9, neginf: -8 }),
    (x) => (Number.isNaN(x) ? 0.5 : x === Infinity ? 9 : x === -Infinity ? -8 : x),
    [odd],
    { noGradient: 'infinite inputs' },
  ),
  of(
    'nanToNum',
    (x) => ops.nanToNum(x),
    (x) => x,
    [far],
  ),
  of(
    'isClose',
    (a, b) => ops.isClose(a, b),
    (a, b) => Number(isNear(a, b)),
    [nearby, nearby],
    {
      ...isBool,
      only: { dtypes: [], because: 'nearness is less than their rounding' },
    },
  ),
  of(
    'isClose: NaN too',
    (a, b) => ops.isClose(a, b, { equalNan: true }),
    (a, b) => Number(isNear(a, b) || (Number.isNaN(a) && Number.isNaN(b))),
    [nearby, nearby],
    { ...isBool, only: { dtypes: [], because: 'nearness is less than their rounding' } },
  ),
  {
    title: 'allClose',
    fn: (a, b) => ops.allClose(a, b, { atol: 1.5 }),
    inputs: [input([3], given(1, 2, 3)), input([3], given(2, 1, 4))],
    reference: () => ({ shape: [], data: Float64Array.of(1) }),
    kind: 'moves',
    ...isBool,
  },
]
