/** @file Elementwise rows as ONNX's operators, or as the formulas that they stand for where there is none. */
import { isFloat } from '../../../dtype.ts'
import type { DType } from '../../../dtype.ts'
import type { Value } from '../export-value.ts'
import { codeOf } from '../export-writer.ts'
import type { GraphWriter } from '../export-writer.ts'
import { inputsOf, same } from './to.ts'
import type { Mappings, To } from './to.ts'

/** Writes formulas of one dtype. */
class Formula {
  readonly writer: GraphWriter
  readonly dtype: DType
  readonly args: readonly string[]

  constructor(value: Value, writer: GraphWriter) {
    this.writer = writer
    this.dtype = value.inputs[0]!.dtype
    this.args = inputsOf(value, writer)
  }

  get x(): string {
    return this.args[0]!
  }
  get y(): string {
    return this.args[1]!
  }
  op = (opType: string, ...given: (string | number)[]): string =>
    this.writer.add(
      opType,
      given.map((x) => (typeof x === 'number' ? this.writer.number(x, this.dtype) : x)),
    )
  cast = (x: string, dtype: DType): string => this.writer.add('Cast', [x], { to: codeOf(dtype) })
}

const formula =
  (write: (f: Formula, value: Value) => string): To =>
  (value, writer) =>
    write(new Formula(value, writer), value)

/** One operator for bools, another for numbers. */
const either = (ofBools: string, ofNumbers: To): To => {
  const bools = same(ofBools)
  return (value, writer) => (value.inputs[0]!.dtype === 'bool' ? bools : ofNumbers)(value, writer)
}

/** Order is known of numbers only. */
const compared = (opType: string): To =>
  formula((f) => {
    const given = f.dtype === 'bool' ? f.args.map((x) => f.cast(x, 'i32')) : f.args
    return f.op(opType, ...given)
  })

/** Bits of integers came with opset 18. */
const bits = (ofBools: string, ofIntegers: string): To =>
  either(ofBools, (value, writer) => {
    if (writer.opset < 18) value.refuse('needs opset 18')
    return same(ofIntegers)(value, writer)
  })

const shifted =
  (direction: string): To =>
  (value, writer) => {
    if (!value.dtype.startsWith('u')) value.refuse('has an ONNX form for unsigned integers only')
    return writer.add('BitShift', inputsOf(value, writer), { direction })
  }

/** Rounded down; 0 where an integer is divided by 0. */
const floorDivide = formula((f) => {
  if (isFloat(f.dtype)) return f.op('Floor', f.op('Div', f.x, f.y))
  const isZero = f.op('Equal', f.y, 0)
  const by = f.op('Where', isZero, 1, f.y)
  const quotient = f.op('Div', f.op('Sub', f.x, f.op('Mod', f.x, by)), by)
  return f.op('Where', isZero, 0, quotient)
})

/** The sign of the divisor. */
const remainder = formula((f) => {
  if (!isFloat(f.dtype)) return f.op('Mod', f.x, f.y)
  return f.op('Sub', f.x, f.op('Mul', f.op('Floor', f.op('Div', f.x, f.y)), f.y))
})

/** By tanh near 0, where exp(x) - 1 would lose digits. */
const expm1 = formula((f) => {
  const t = f.op('Tanh', f.op('Mul', f.x, 0.5))
  const near = f.op('Div', f.op('Mul', t, 2), f.op('Sub', 1, t))
  return f.op('Where', f.op('Less', f.op('Abs', f.x), 1), near, f.op('Sub', f.op('Exp', f.x), 1))
})

/** log(u) x / (u - 1) with u = 1 + x rounded: what u lost near 0, the quotient gives back. */
const log1p = formula((f) => {
  const u = f.op('Add', f.x, 1)
  const isNone = f.op('Equal', u, 1)
  const lost = f.op('Where', isNone, 1, f.op('Sub', u, 1))
  const near = f.op('Where', isNone, f.x, f.op('Div', f.op('Mul', f.op('Log', u), f.x), lost))
  return f.op('Where', f.op('Less', f.op('Abs', f.x), 1), near, f.op('Log', u))
})

const atan2 = formula((f) => {
  const isFlat = f.op('Equal', f.y, 0)
  const sign = f.op('Where', f.op('Less', f.x, 0), -1, 1)
  const base = f.op('Atan', f.op('Div', f.x, f.op('Where', isFlat, 1, f.y)))
  const turned = f.op('Where', f.op('Less', f.y, 0), f.op('Add', base, f.op('Mul', sign, Math.PI)), base)
  return f.op('Where', isFlat, f.op('Mul', f.op('Sign', f.x), Math.PI / 2), turned)
})

const gelu = formula((f) => {
  if (f.writer.opset >= 20) return f.op('Gelu', f.x)
  // In the form that runtimes know as one.
  const twice = f.op('Add', f.op('Erf', f.op('Div', f.x, Math.SQRT2)), 1)
  return f.op('Mul', f.op('Mul', f.x, twice), 0.5)
})

const geluTanh = formula((f) => {
  if (f.writer.opset >= 20) return f.writer.add('Gelu', [f.x], { approximate: 'tanh' })
  const cubic = f.op('Add', f.op('Mul', f.op('Mul', f.x, f.x), 0.044715), 1)
  const t = f.op('Tanh', f.op('Mul', f.op('Mul', f.x, cubic), Math.sqrt(2 / Math.PI)))
  return f.op('Mul', f.op('Mul', f.x, f.op('Add', t, 1)), 0.5)
})

/** Bools are chosen by logic, which more runtimes know. */
const where: To = (value, writer) => {
  if (value.dtype !== 'bool') return same('Where')(value, writer)
  const [c, a, b] = inputsOf(value, writer) as [string, string, string]
  return writer.add('Or', [writer.add('And', [c, a]), writer.add('And', [writer.add('Not', [c]), b])])
}

const cast: To = (value, writer) => writer.add('Cast', inputsOf(value, writer), { to: codeOf(value.dtype) })

/** log(exp(x) + exp(y)): the larger one, and what the other adds. */
const logaddexp = formula((f) => {
  const [top, low] = [f.op('Max', f.x, f.y), f.op('Min', f.x, f.y)]
  return f.op(
    'Where',
    f.op('Equal', f.x, f.y),
    f.op('Add', f.x, Math.LN2),
    f.op('Add', top, f.op('Softplus', f.op('Sub', low, top))),
  )
})

/** x g(y), 0 where x is. */
const timesLog = (g: (f: Formula) => string): To =>
  formula((f) => {
    const isZero = f.op('Equal', f.x, 0)
    return f.op('Where', isZero, 0, f.op('Mul', f.x, g(f)))
  })

export const elementwise: Mappings = {
  ...{ add: same('Add'), sub: same('Sub'), mul: same('Mul'), div: same('Div'), neg: same('Neg'), abs: same('Abs') },
  floorDivide,
  remainder,
  fmod: (value, writer) => writer.add('Mod', inputsOf(value, writer), { fmod: 1 }),
  maximum: either('Or', same('Max')),
  minimum: either('And', same('Min')),
  pow: same('Pow'),
  sign: same('Sign'),
  square: formula((f) => f.op('Mul', f.x, f.x)),
  ...{ floor: same('Floor'), ceil: same('Ceil'), round: same('Round') },
  trunc: formula((f) => f.op('Mul', f.op('Sign', f.x), f.op('Floor', f.op('Abs', f.x)))),
  ...{ exp: same('Exp'), log: same('Log'), sqrt: same('Sqrt'), reciprocal: same('Reciprocal') },
  exp2: formula((f) => f.op('Pow', 2, f.x)),
  expm1,
  log2: formula((f) => f.op('Mul', f.op('Log', f.x), Math.LOG2E)),
  log10: formula((f) => f.op('Mul', f.op('Log', f.x), Math.LOG10E)),
  log1p,
  rsqrt: formula((f) => f.op('Reciprocal', f.op('Sqrt', f.x))),
  ...{ sin: same('Sin'), cos: same('Cos'), tan: same('Tan'), asin: same('Asin'), acos: same('Acos') },
  ...{ atan: same('Atan'), sinh: same('Sinh'), cosh: same('Cosh'), tanh: same('Tanh') },
  ...{ asinh: same('Asinh'), acosh: same('Acosh'), atanh: same('Atanh') },
  atan2,
  erf: same('Erf'),
  erfc: formula((f) => f.op('Sub', 1, f.op('Erf', f.x))),
  ...{ relu: same('Relu'), sigmoid: same('Sigmoid'), softplus: same('Softplus') },
  silu: formula((f) => f.op('Mul', f.x, f.op('Sigmoid', f.x))),
  logSigmoid: formula((f) => f.op('Neg', f.op('Softplus', f.op('Neg', f.x)))),
  gelu,
  geluTanh,
  ...{ eq: same('Equal'), lt: compared('Less'), le: compared('LessOrEqual') },
  ...{ gt: compared('Greater'), ge: compared('GreaterOrEqual') },
  ne: formula((f) => f.op('Not', f.op('Equal', f.x, f.y))),
  isNan: same('IsNaN'),
  isInf: same('IsInf'),
  isFinite: formula((f) => f.op('Less', f.op('Abs', f.x), Infinity)),
  logicalNot: same('Not'),
  ...{ logicalAnd: same('And'), logicalOr: same('Or'), logicalXor: same('Xor') },
  bitwiseAnd: bits('And', 'BitwiseAnd'),
  bitwiseOr: bits('Or', 'BitwiseOr'),
  bitwiseXor: bits('Xor', 'BitwiseXor'),
  bitwiseNot: bits('Not', 'BitwiseNot'),
  shiftLeft: shifted('LEFT'),
  shiftRight: shifted('RIGHT'),
  where,
  cast,
  hypot: formula((f) => f.op('Sqrt', f.op('Add', f.op('Mul', f.x, f.x), f.op('Mul', f.y, f.y)))),
  logaddexp,
  xlogy: timesLog((f) => f.op('Log', f.y)),
  xlog1py: timesLog((f) => f.op('Log', f.op('Add', f.y, 1))),
}
