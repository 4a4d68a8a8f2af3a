/** @file Elementwise ops: arithmetic, comparison, logic, special functions. One row each; gradients beside them. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { broadcast } from '../shape.ts'
import { binary, binaryRow, checkDomain, like, summed, unary, wideUnary } from './elementwise-row.ts'
import {
  asTensor,
  cast,
  constant,
  constantRow,
  defineRow,
  isScalar,
  NOT_FLOAT,
  operand,
  promoted,
  ZERO,
} from './table.ts'
import type { Arg, TensorLike } from './table.ts'

function rounding(name: string): (x: TensorLike) => Tensor {
  const op = unary(name, 'float', ZERO)
  return (x) => {
    const t = asTensor(name, x)
    return isFloat(t.dtype) ? op(t) : t
  }
}

// Arithmetic
const plus = binary('add', 'number', ({ dy }) => [dy, dy])
const minus = binary('sub', 'number', ({ dy, needs }) => [dy, needs(1) ? neg(dy) : null])

export interface AlphaOptions {
  /** Factor of y. Default: 1. */
  alpha?: number
}

/** x + alpha y. */
export function add(x: Arg, y: Arg, options?: AlphaOptions): Tensor {
  return plus(x, multiplied('add', y, options))
}

/** x - alpha y. */
export function sub(x: Arg, y: Arg, options?: AlphaOptions): Tensor {
  return minus(x, multiplied('sub', y, options))
}

function multiplied(op: string, y: Arg, options: AlphaOptions | undefined): Arg {
  if (options === undefined) return y
  checkOptions(op, options, ['alpha'])
  const { alpha } = options
  if (alpha === undefined) return y
  return isScalar(y) ? Number(y) * alpha : mul(y, alpha)
}

/** x * y. */
export const mul = binary('mul', 'number', ({ dy, inputs: [a, b], needs }) => [
  needs(0) ? mul(dy, b!) : null,
  needs(1) ? mul(dy, a!) : null,
])
const quotient = binary('div', 'float', ({ dy, inputs: [, b], outputs: [y], needs }) => [
  needs(0) ? div(dy, b!) : null,
  needs(1) ? neg(div(mul(dy, y!), b!)) : null,
])

export interface DivOptions {
  /** 'trunc': rounded towards 0; 'floor': towards minus infinity; integers stay integers then. Default: null, not at all. */
  roundingMode?: 'trunc' | 'floor' | null
}

/** x / y; integers become floats, unless the quotient is rounded. */
export function div(x: Arg, y: Arg, options: DivOptions = {}): Tensor {
  checkOptions('div', options, ['roundingMode'])
  switch (options.roundingMode) {
    case undefined:
    case null:
      return quotient(x, y)
    case 'floor':
      return floorDivide(x, y)
    case 'trunc': {
      const [a, b] = promoted('div', x, y)
      return isFloat(a.dtype) ? trunc(quotient(a, b)) : floorDivide(minus(a, fmod(a, b)), b)
    }
    default:
      return fail(
        'VALUE',
        'div',
        `roundingMode is 'trunc', 'floor' or null, got ${String(options.roundingMode satisfies never)}.`,
      )
  }
}

/** Quotient rounded towards minus infinity; an integer divided by 0 gives 0. */
export const floorDivide = binary('floorDivide', 'number', () => [null, null])
/** Remainder with the sign of the divisor (Python's %). */
export const remainder = binary('remainder', 'number', ({ dy, inputs: [a, b], needs }) => [
  dy,
  needs(1) ? neg(mul(dy, floorDivide(a!, b!))) : null,
])
/** Remainder with the sign of the dividend (C's fmod). */
export const fmod = binary('fmod', 'number', ({ dy, inputs: [a, b], needs }) => [
  dy,
  needs(1) ? neg(mul(dy, trunc(div(a!, b!)))) : null,
])
/** The larger of two, elementwise; NaN wins. Where equal, each side takes half of the gradient. */
export const maximum = binary('maximum', 'any', ({ dy, inputs: [a, b] }) => split(dy, gt(a!, b!), eq(a!, b!)))
/** The smaller of two, elementwise; NaN wins. Where equal, each side takes half of the gradient. */
export const minimum = binary('minimum', 'any', ({ dy, inputs: [a, b] }) => split(dy, lt(a!, b!), eq(a!, b!)))

function split(dy: Tensor, first: Tensor, tie: Tensor): Tensor[] {
  const half = where(tie, mul(dy, like(dy, 0.5)), like(dy, 0))
  return [where(first, dy, half), where(logicalOr(first, tie), half, dy)]
}

/** Angle of the point (x, y): atan2(y, x), in (-pi, pi]. */
export const atan2 = binary('atan2', 'float', ({ dy, inputs: [a, b], needs }) => {
  const scaled = div(dy, add(square(a!), square(b!)))
  return [needs(0) ? mul(scaled, b!) : null, needs(1) ? neg(mul(scaled, a!)) : null]
})

const powRow = binaryRow(
  'pow',
  ({ dy, inputs: [x, e], outputs: [y], needs }) => {
    if (e!.row === constantRow) return [powConstantGrad(dy, x!, (e!.attrs as { value: number }).value), null]
    const zero = like(dy, 0)
    const dx = () => mul(dy, where(eq(e!, zero), zero, mul(e!, apply(powRow, [x!, sub(e!, like(e!, 1))], null, ''))))
    const de = () => mul(dy, where(logicalAnd(eq(x!, zero), ge(e!, zero)), zero, mul(y!, log(x!))))
    return [needs(0) ? dx() : null, needs(1) ? de() : null]
  },
  undefined,
  'wide',
)

function powConstantGrad(dy: Tensor, x: Tensor, e: number): Tensor | null {
  if (e === 0) return null
  if (e === 1) return dy
  if (e === 2) return mul(dy, mul(x, like(x, 2)))
  return mul(dy, mul(apply(powRow, [x, like(x, e - 1)], null, ''), like(x, e)))
}

/** x to the power e. A JS number as exponent is part of the plan's structure. */
export function pow(x: Arg, e: Arg): Tensor {
  const [base, exponent] = promoted('pow', x, e)
  checkDomain('pow', 'number', base.dtype)
  return apply(powRow, [base, isScalar(e) ? constant(Number(e), exponent.dtype) : exponent], null, '')
}

/** -x. */
export const neg = unary('neg', 'number', ({ dy }) => [neg(dy)])
/** |x|; gradient 0 at 0. */
export const abs = unary('abs', 'number', ({ dy, inputs: [x] }) => [mul(dy, sign(x!))])
/** -1, 0 or 1, 0 for NaN; gradient 0. */
export const sign = unary('sign', 'number', ZERO)
/** x * x. */
export const square = unary('square', 'number', ({ dy, inputs: [x] }) => [mul(dy, mul(x!, like(x!, 2)))])

// Rounding: gradient 0; integers stay as they are
export const floor = rounding('floor')
export const ceil = rounding('ceil')
const nearest = rounding('round')

export interface RoundOptions {
  /** Digits after the point that stay; negative ones round tens, hundreds, ... Default: 0. */
  decimals?: number
}

/** To the nearest integer, or to `decimals` digits; halves to even. */
export function round(x: TensorLike, options: RoundOptions = {}): Tensor {
  checkOptions('round', options, ['decimals'])
  const { decimals = 0 } = options
  checkInteger('round', 'decimals', decimals, -300, 300)
  if (decimals === 0) return nearest(x)
  const t = asTensor('round', x)
  if (!isFloat(t.dtype)) fail('DTYPE', 'round', `takes decimals of floats only, got ${t.dtype}.`)
  const unit = 10 ** Math.abs(decimals)
  return decimals > 0 ? div(nearest(mul(t, unit)), unit) : mul(nearest(div(t, unit)), unit)
}

/** Towards 0. */
export const trunc = rounding('trunc')

// Exponentials and roots
export const exp = wideUnary('exp', ({ dy, outputs: [y] }) => [mul(dy, y!)])
export const exp2 = wideUnary('exp2', ({ dy, outputs: [y] }) => [mul(dy, mul(y!, like(y!, Math.LN2)))])
/** exp(x) - 1, accurate near 0. */
export const expm1 = wideUnary('expm1', ({ dy, outputs: [y] }) => [mul(dy, add(y!, like(y!, 1)))])
export const log = wideUnary('log', ({ dy, inputs: [x] }) => [div(dy, x!)])
export const log2 = wideUnary('log2', ({ dy, inputs: [x] }) => [div(dy, mul(x!, like(x!, Math.LN2)))])
export const log10 = wideUnary('log10', ({ dy, inputs: [x] }) => [div(dy, mul(x!, like(x!, Math.LN10)))])
/** log(1 + x), accurate near 0. */
export const log1p = wideUnary('log1p', ({ dy, inputs: [x] }) => [div(dy, add(x!, like(x!, 1)))])
export const sqrt = unary('sqrt', 'float', ({ dy, outputs: [y] }) => [div(dy, mul(y!, like(y!, 2)))])
/** 1 / sqrt(x). */
export const rsqrt = wideUnary('rsqrt', ({ dy, outputs: [y] }) => [mul(dy, mul(mul(y!, mul(y!, y!)), like(y!, -0.5)))])
/** 1 / x. */
export const reciprocal = wideUnary('reciprocal', ({ dy, outputs: [y] }) => [neg(mul(dy, mul(y!, y!)))])

// Trigonometric and hyperbolic functions, in radians
export const sin = unary('sin', 'float', ({ dy, inputs: [x] }) => [mul(dy, cos(x!))])
export const cos = unary('cos', 'float', ({ dy, inputs: [x] }) => [neg(mul(dy, sin(x!)))])
export const tan = wideUnary('tan', ({ dy, outputs: [y] }) => [mul(dy, add(mul(y!, y!), like(y!, 1)))])
export const asin = wideUnary('asin', ({ dy, inputs: [x] }) => [mul(dy, rsqrt(sub(like(x!, 1), square(x!))))])
export const acos = wideUnary('acos', ({ dy, inputs: [x] }) => [neg(mul(dy, rsqrt(sub(like(x!, 1), square(x!)))))])
export const atan = unary('atan', 'float', ({ dy, inputs: [x] }) => [div(dy, add(square(x!), like(x!, 1)))])
export const sinh = wideUnary('sinh', ({ dy, inputs: [x] }) => [mul(dy, cosh(x!))])
export const cosh = wideUnary('cosh', ({ dy, inputs: [x] }) => [mul(dy, sinh(x!))])
export const tanh = unary('tanh', 'float', ({ dy, outputs: [y] }) => [mul(dy, sub(like(y!, 1), square(y!)))])
export const asinh = unary('asinh', 'float', ({ dy, inputs: [x] }) => [mul(dy, rsqrt(add(square(x!), like(x!, 1))))])
export const acosh = unary('acosh', 'float', ({ dy, inputs: [x] }) => [mul(dy, rsqrt(sub(square(x!), like(x!, 1))))])
export const atanh = unary('atanh', 'float', ({ dy, inputs: [x] }) => [div(dy, sub(like(x!, 1), square(x!)))])

// Special functions
const gauss = (x: Tensor, factor: number) => mul(exp(neg(square(x))), like(x, factor))
/** The error function. */
export const erf = unary('erf', 'float', ({ dy, inputs: [x] }) => [mul(dy, gauss(x!, 2 / Math.sqrt(Math.PI)))])
/** 1 - erf(x), accurate for large x. */
export const erfc = unary('erfc', 'float', ({ dy, inputs: [x] }) => [mul(dy, gauss(x!, -2 / Math.sqrt(Math.PI)))])

// Activations
/** max(x, 0); gradient 0 at 0. */
export const relu = unary('relu', 'number', ({ dy, outputs: [y] }) => [where(gt(y!, like(y!, 0)), dy, like(dy, 0))])
/** 1 / (1 + exp(-x)). */
export const sigmoid = unary('sigmoid', 'float', ({ dy, outputs: [y] }) => [mul(dy, mul(y!, sub(like(y!, 1), y!)))])
/** x sigmoid(x), also called swish (Ramachandran et al. 2017). */
export const silu = unary('silu', 'float', ({ dy, inputs: [x] }) => {
  const s = sigmoid(x!)
  return [mul(dy, mul(s, add(mul(x!, sub(like(x!, 1), s)), like(x!, 1))))]
})
const softplusOf = wideUnary('softplus', ({ dy, inputs: [x] }) => [mul(dy, sigmoid(x!))])

export interface SoftplusOptions {
  /** Steepness. Default: 1. */
  beta?: number
  /** Where beta x is larger the result is x. Default: Infinity, for nothing overflows here; PyTorch's is 20. */
  threshold?: number
}

/** log(1 + exp(beta x)) / beta. */
export function softplus(x: TensorLike, options: SoftplusOptions = {}): Tensor {
  checkOptions('softplus', options, ['beta', 'threshold'])
  const { beta = 1, threshold = Infinity } = options
  if (beta === 1 && threshold === Infinity) return softplusOf(x)
  const scaled = mul(asTensor('softplus', x), beta)
  const y = div(softplusOf(scaled), beta)
  return threshold === Infinity ? y : where(gt(scaled, threshold), x, y)
}

/** log(sigmoid(x)). */
export const logSigmoid = unary('logSigmoid', 'float', ({ dy, inputs: [x] }) => [mul(dy, sigmoid(neg(x!)))])

const geluErf = unary('gelu', 'float', ({ dy, inputs: [x] }) => {
  const cdf = mul(erfc(mul(x!, like(x!, -Math.SQRT1_2))), like(x!, 0.5))
  const pdf = mul(exp(mul(square(x!), like(x!, -0.5))), like(x!, 1 / Math.sqrt(2 * Math.PI)))
  return [mul(dy, add(cdf, mul(x!, pdf)))]
})
const geluTanh = unary('geluTanh', 'float', ({ dy, inputs: [x] }) => {
  const c = Math.sqrt(2 / Math.PI)
  const x2 = square(x!)
  const t = tanh(mul(mul(x!, add(mul(x2, like(x!, 0.044715)), like(x!, 1))), like(x!, c)))
  const slope = mul(sub(like(x!, 1), square(t)), mul(add(mul(x2, like(x!, 3 * 0.044715)), like(x!, 1)), like(x!, c)))
  return [mul(dy, mul(add(add(t, like(x!, 1)), mul(x!, slope)), like(x!, 0.5)))]
})

export interface GeluOptions {
  /** Default: 'none'. */
  approximate?: 'none' | 'tanh'
}

/** x P(X <= x) for a standard normal X (Hendrycks & Gimpel 2016); `approximate: 'tanh'` is their approximation. */
export function gelu(x: TensorLike, options: GeluOptions = {}): Tensor {
  checkOptions('gelu', options, ['approximate'])
  const { approximate = 'none' } = options
  if (approximate !== 'none' && approximate !== 'tanh')
    fail('VALUE', 'gelu', `approximate is 'none' or 'tanh', got ${String(approximate)}.`)
  return approximate === 'tanh' ? geluTanh(x) : geluErf(x)
}

// Comparison: bool results
export const eq = binary('eq', 'any', NOT_FLOAT, 'bool')
export const ne = binary('ne', 'any', NOT_FLOAT, 'bool')
export const lt = binary('lt', 'any', NOT_FLOAT, 'bool')
export const le = binary('le', 'any', NOT_FLOAT, 'bool')
export const gt = binary('gt', 'any', NOT_FLOAT, 'bool')
export const ge = binary('ge', 'any', NOT_FLOAT, 'bool')
export const isNan = unary('isNan', 'float', NOT_FLOAT, 'bool')
export const isInf = unary('isInf', 'float', NOT_FLOAT, 'bool')
export const isFinite = unary('isFinite', 'float', NOT_FLOAT, 'bool')

// Logic: anything but 0 is true
const notRow = unary('logicalNot', 'bool', NOT_FLOAT)
const andRow = binary('logicalAnd', 'bool', NOT_FLOAT)
const orRow = binary('logicalOr', 'bool', NOT_FLOAT)
const xorRow = binary('logicalXor', 'bool', NOT_FLOAT)
const truth = (op: string, x: TensorLike) => cast(asTensor(op, x), 'bool')
export const logicalNot = (x: TensorLike): Tensor => notRow(truth('logicalNot', x))
export const logicalAnd = (a: TensorLike, b: TensorLike): Tensor =>
  andRow(truth('logicalAnd', a), truth('logicalAnd', b))
export const logicalOr = (a: TensorLike, b: TensorLike): Tensor => orRow(truth('logicalOr', a), truth('logicalOr', b))
export const logicalXor = (a: TensorLike, b: TensorLike): Tensor =>
  xorRow(truth('logicalXor', a), truth('logicalXor', b))

// Bits of integers and bools
export const bitwiseAnd = binary('bitwiseAnd', 'bits', NOT_FLOAT)
export const bitwiseOr = binary('bitwiseOr', 'bits', NOT_FLOAT)
export const bitwiseXor = binary('bitwiseXor', 'bits', NOT_FLOAT)
export const bitwiseNot = unary('bitwiseNot', 'bits', NOT_FLOAT)
/** x * 2^n; 0 when n is not in [0, bits). */
export const shiftLeft = binary('shiftLeft', 'integer', NOT_FLOAT)
/** x / 2^n, rounded down. */
export const shiftRight = binary('shiftRight', 'integer', NOT_FLOAT)

const whereRow = defineRow<null>({
  name: 'where',
  kind: 'elementwise',
  infer: ([c, a, b]) => ({
    shape: broadcast('where', broadcast('where', c!.shape, a!.shape), b!.shape),
    dtype: a!.dtype,
  }),
  vjp: summed(({ dy, inputs: [c], needs }) => [
    null,
    needs(1) ? where(c!, dy, like(dy, 0)) : null,
    needs(2) ? where(c!, like(dy, 0), dy) : null,
  ]),
  moves: true,
})

/** `a` where the condition holds, else `b`; all three broadcast. */
export function where(condition: TensorLike, a: Arg, b: Arg): Tensor {
  const c = asTensor('where', condition)
  if (c.dtype !== 'bool') fail('DTYPE', 'where', `the condition must be bool, got ${c.dtype}. Compare first: x.ne(0).`)
  const [x, y] = isScalar(a)
    ? promoted('where', isScalar(b) ? operand(Number(a), 'f32') : a, b)
    : promoted('where', a, b)
  return apply(whereRow, [c, x, y], null, '')
}

/** min(max(x, low), high); either may be null. The gradient goes to x inside and at the limits, outside to the limit (if that is a tensor). */
export function clamp(x: TensorLike, low: Arg | null = null, high: Arg | null = null): Tensor {
  let y = asTensor('clamp', x)
  if (low === null && high === null) return fail('VALUE', 'clamp', 'needs a low or a high limit.')
  if (low !== null) {
    const [t, limit] = promoted('clamp', y, low)
    y = where(beyond(lt, t, limit, low), limit, t)
  }
  if (high !== null) {
    const [t, limit] = promoted('clamp', y, high)
    y = where(beyond(gt, t, limit, high), limit, t)
  }
  return y
}

/** Where a limit takes the place of t: also where it is NaN, which only tensors are. */
function beyond(compare: typeof lt, t: Tensor, limit: Tensor, given: Arg): Tensor {
  const is = compare(t, limit)
  return isScalar(given) || !isFloat(limit.dtype) ? is : logicalOr(is, isNan(limit))
}
