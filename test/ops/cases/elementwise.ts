/** @file Cases of the elementwise ops: one function of numbers each. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { away, given, integers, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { elementwise, erf, erfc, pythonRemainder, roundHalfEven, sigmoid, softplus } from '../../support/reference.ts'
import type { Kind } from '../../support/tolerance.ts'

type Op1 = (x: Tensor) => Tensor
type Op2 = (a: Tensor, b: Tensor) => Tensor

const unaryShapes = [[[]], [[1]], [[0]], [[2, 0, 3]], [[1, 1, 1]], [[300]]]

function unary(
  title: string,
  fn: Op1,
  reference: (x: number) => number,
  fill: Fill,
  kind: Kind = 'elementwise',
  more: Partial<OpCase> = {},
): OpCase {
  const inputs = [input([3, 4], fill)]
  return { title, fn, inputs, reference: elementwise(reference), kind, isSingle: true, shapes: unaryShapes, ...more }
}

const binaryShapes = [
  [[], []],
  [[1], []],
  [[2, 3], [3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[0, 3], [1]],
  [
    [1, 1, 2],
    [4, 1],
  ],
  [
    [2, 3, 4],
    [2, 3, 1],
  ],
]

function binary(
  title: string,
  fn: Op2,
  reference: (a: number, b: number) => number,
  fills: [Fill, Fill],
  kind: Kind,
  more: Partial<OpCase> = {},
): OpCase {
  const inputs = [input([2, 3, 1], fills[0]), input([3, 4], fills[1])]
  return { title, fn, inputs, reference: elementwise(reference), kind, isSingle: true, shapes: binaryShapes, ...more }
}

const wide = range(-2, 2)
const far = away(-2, 2, [0], 0.4)
const positive = range(0.2, 3)
const steep = away(-3, 3, [-2, -1, 0, 1, 2], 0.05)
const gelu = (x: number) => (x * erfc(-x * Math.SQRT1_2)) / 2
const geluTanh = (x: number) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

const arithmetic: OpCase[] = [
  binary('add', ops.add, (a, b) => a + b, [wide, wide], 'moves'),
  binary('sub', ops.sub, (a, b) => a - b, [wide, wide], 'moves'),
  binary('mul', ops.mul, (a, b) => a * b, [wide, wide], 'moves'),
  binary('div', ops.div, (a, b) => a / b, [wide, far], 'moves'),
  binary(
    'floorDivide',
    ops.floorDivide,
    (a, b) => Math.floor(a / b),
    [given(2.5, -2.5, 3.25), given(0.7, -0.7, 2, -1.5)],
    'moves',
  ),
  binary('remainder', ops.remainder, pythonRemainder, [given(2.5, -2.5, 3.25), given(0.7, -0.7, 2, -1.5)], 'moves'),
  binary('fmod', ops.fmod, (a, b) => a % b, [given(2.5, -2.5, 3.25), given(0.7, -0.7, 2, -1.5)], 'moves'),
  binary('maximum', ops.maximum, Math.max, [given(-1, 0.3, 1.4), given(0.1, -1.6, 2, 0.7)], 'moves'),
  binary('minimum', ops.minimum, Math.min, [given(-1, 0.3, 1.4), given(0.1, -1.6, 2, 0.7)], 'moves'),
  binary('atan2', ops.atan2, Math.atan2, [far, far], 'elementwise'),
  binary('pow: tensors', ops.pow, Math.pow, [positive, far], 'elementwise', {
    looser: { factor: 2, because: 'exp(e log x) multiplies the error of the logarithm' },
  }),
  binary(
    'add: by method and number',
    (a, b) => a.add(b).add(0.5),
    (a, b) => a + b + 0.5,
    [positive, positive],
    'elementwise',
    { isSingle: false },
  ),
]

const powers = [0, 1, 2, 3, 0.5, -1, -2, 1.5].map((e) =>
  unary(
    `pow: constant ${e}`,
    (x) => ops.pow(x, e),
    (x) => x ** e,
    Number.isInteger(e) ? far : positive,
  ),
)
const bases = [2, 0.3].map((b) =>
  unary(
    `pow: ${b} to a tensor`,
    (x) => ops.pow(b, x),
    (x) => b ** x,
    wide,
  ),
)

const functions: OpCase[] = [
  unary('neg', ops.neg, (x) => -x, wide, 'moves'),
  unary('abs', ops.abs, Math.abs, far, 'moves'),
  unary('sign', ops.sign, Math.sign, far, 'moves'),
  unary('square', ops.square, (x) => x * x, wide, 'moves'),
  unary('floor', ops.floor, Math.floor, steep, 'moves'),
  unary('ceil', ops.ceil, Math.ceil, steep, 'moves'),
  unary('round', ops.round, roundHalfEven, away(-3, 3, [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]), 'moves'),
  unary('trunc', ops.trunc, Math.trunc, steep, 'moves'),
  unary('exp', ops.exp, Math.exp, range(-4, 4)),
  unary('exp2', ops.exp2, (x) => 2 ** x, range(-4, 4)),
  unary('expm1', ops.expm1, Math.expm1, wide),
  unary('log', ops.log, Math.log, positive),
  unary('log2', ops.log2, Math.log2, positive),
  unary('log10', ops.log10, Math.log10, positive),
  unary('log1p', ops.log1p, Math.log1p, range(-0.8, 3)),
  unary('sqrt', ops.sqrt, Math.sqrt, positive),
  unary('rsqrt', ops.rsqrt, (x) => 1 / Math.sqrt(x), positive),
  unary('reciprocal', ops.reciprocal, (x) => 1 / x, far, 'moves', { inputs: [input([3, 4], away(-2, 2, [0], 0.2))] }),
  unary('sin', ops.sin, Math.sin, range(-10, 10)),
  unary('cos', ops.cos, Math.cos, range(-10, 10)),
  unary('tan', ops.tan, Math.tan, range(-1.2, 1.2)),
  unary('asin', ops.asin, Math.asin, range(-0.9, 0.9)),
  unary('acos', ops.acos, Math.acos, range(-0.9, 0.9)),
  unary('atan', ops.atan, Math.atan, range(-3, 3)),
  unary('sinh', ops.sinh, Math.sinh, range(-3, 3)),
  unary('cosh', ops.cosh, Math.cosh, range(-3, 3)),
  unary('tanh', ops.tanh, Math.tanh, range(-3, 3)),
  unary('asinh', ops.asinh, Math.asinh, range(-3, 3)),
  unary('acosh', ops.acosh, Math.acosh, range(1.3, 4)),
  unary('atanh', ops.atanh, Math.atanh, range(-0.8, 0.8)),
  unary('erf', ops.erf, erf, range(-3, 3)),
  unary('erfc', ops.erfc, erfc, range(-3, 4)),
  unary('relu', ops.relu, (x) => Math.max(x, 0), far, 'moves'),
  unary('sigmoid', ops.sigmoid, sigmoid, range(-5, 5)),
  unary('silu', ops.silu, (x) => x * sigmoid(x), range(-5, 5)),
  unary('softplus', ops.softplus, softplus, range(-5, 5)),
  unary('logSigmoid', ops.logSigmoid, (x) => -softplus(-x), range(-5, 5)),
  unary('gelu', (x) => ops.gelu(x), gelu, range(-3, 3)),
  unary('gelu: tanh', (x) => ops.gelu(x, { approximate: 'tanh' }), geluTanh, range(-3, 3)),
]

const noGradient = { noGradient: 'the result is bool' }
const comparisons: OpCase[] = (
  [
    ['eq', ops.eq, (a, b) => a === b],
    ['ne', ops.ne, (a, b) => a !== b],
    ['lt', ops.lt, (a, b) => a < b],
    ['le', ops.le, (a, b) => a <= b],
    ['gt', ops.gt, (a, b) => a > b],
    ['ge', ops.ge, (a, b) => a >= b],
  ] as [string, Op2, (a: number, b: number) => boolean][]
).map(([title, fn, holds]) =>
  binary(title, fn, (a, b) => Number(holds(a, b)), [integers(-2, 3), integers(-2, 3)], 'moves', noGradient),
)

const odd = given(0, NaN, Infinity, -Infinity, -0, 1.5)
const tests: OpCase[] = [
  unary('isNan', ops.isNan, (x) => Number(Number.isNaN(x)), odd, 'moves', noGradient),
  unary('isInf', ops.isInf, (x) => Number(Math.abs(x) === Infinity), odd, 'moves', noGradient),
  unary('isFinite', ops.isFinite, (x) => Number(Number.isFinite(x)), odd, 'moves', noGradient),
  unary('logicalNot', ops.logicalNot, (x) => Number(x === 0), odd, 'moves', noGradient),
  binary('logicalAnd', ops.logicalAnd, (a, b) => Number(a !== 0 && b !== 0), [odd, given(1, 0)], 'moves', noGradient),
  binary('logicalOr', ops.logicalOr, (a, b) => Number(a !== 0 || b !== 0), [odd, given(1, 0)], 'moves', noGradient),
  binary(
    'logicalXor',
    ops.logicalXor,
    (a, b) => Number((a !== 0) !== (b !== 0)),
    [odd, given(1, 0)],
    'moves',
    noGradient,
  ),
]

const small = integers(0, 8)
const bits: OpCase[] = (
  [
    ['bitwiseAnd', ops.bitwiseAnd, (a, b) => a & b],
    ['bitwiseOr', ops.bitwiseOr, (a, b) => a | b],
    ['bitwiseXor', ops.bitwiseXor, (a, b) => a ^ b],
    ['shiftLeft', ops.shiftLeft, (a, b) => a << b],
    ['shiftRight', ops.shiftRight, (a, b) => a >> b],
  ] as [string, Op2, (a: number, b: number) => number][]
).map(([title, fn, reference]) => ({
  ...binary(title, fn, reference, [small, small], 'moves'),
  inputs: [input([2, 3, 1], integers(-99, 99), 'i32'), input([3, 4], small, 'i32')],
}))

const mask = (shape: number[]) => input(shape, integers(0, 2), 'bool')
const choices: OpCase[] = [
  {
    title: 'where',
    fn: (c, a, b) => ops.where(c, a, b),
    inputs: [mask([2, 1, 4]), input([3, 1], wide), input([4], wide)],
    reference: elementwise((c, a, b) => (c ? a : b)),
    kind: 'moves',
    isSingle: true,
    shapes: [
      [[], [], []],
      [[3], [], [3]],
      [[0], [1], [1]],
    ],
  },
  {
    title: 'where: numbers',
    fn: (c) => ops.where(c, 1.5, -2),
    inputs: [mask([2, 3])],
    reference: elementwise((c) => (c ? 1.5 : -2)),
    kind: 'moves',
  },
  unary(
    'clamp: both',
    (x) => ops.clamp(x, -0.5, 1),
    (x) => Math.min(Math.max(x, -0.5), 1),
    away(-2, 2, [-0.5, 1]),
    'moves',
  ),
  unary(
    'clamp: low',
    (x) => ops.clamp(x, -0.5),
    (x) => Math.max(x, -0.5),
    away(-2, 2, [-0.5]),
    'moves',
  ),
  unary(
    'clamp: high',
    (x) => ops.clamp(x, null, 1),
    (x) => Math.min(x, 1),
    away(-2, 2, [1]),
    'moves',
  ),
  binary(
    'clamp: by a tensor',
    (a, b) => ops.clamp(a, b),
    (a, b) => Math.max(a, b),
    [given(-1, 0.3, 1.4), given(0.1, -1.6, 2, 0.7)],
    'moves',
  ),
  unary(
    'cast: f32 and back',
    (x) => ops.cast(ops.cast(x, 'f64'), x.dtype),
    (x) => x,
    wide,
    'moves',
  ),
  {
    ...unary('bitwiseNot', ops.bitwiseNot, (x) => ~x, wide, 'moves'),
    inputs: [input([3, 4], integers(-99, 99), 'i32')],
  },
]

export const elementwiseCases: readonly OpCase[] = [
  ...arithmetic,
  ...powers,
  ...bases,
  ...functions,
  ...comparisons,
  ...tests,
  ...bits,
  ...choices,
]
