/** @file Element by element: arithmetic, comparisons, logic, activations, casts and quantisation. */
import * as t from '../../../../lib/index.ts'
import type { Args } from '../../torch/adapter.ts'
import type { Call, Calls } from '../adapter.ts'
import { first } from '../operator.ts'
import { dtypeOf } from '../tensors.ts'

/** The name of the only tensor was `x` in 2023. */
const only = ({ input, x, a }: Args): t.Tensor => input ?? x ?? a

const unary =
  (f: (x: t.Tensor) => t.Tensor): Call =>
  (args) =>
    f(only(args))
const binary =
  (f: (a: t.Tensor, b: t.Tensor) => t.Tensor): Call =>
  ({ a, b }) =>
    f(a, b)
/** Truth is 0 or 1 of uint8. */
const truth = (x: t.Tensor): t.Tensor => t.cast(x, 'u8')
const comparison = (f: (a: t.Tensor, b: t.Tensor) => t.Tensor): Call => binary((a, b) => truth(f(a, b)))
const constant = (value: number, like: t.Tensor): t.Tensor => t.full([], value, { dtype: like.dtype })
/** A limit, or null where it is none; integers beyond 2^53 as tensors. */
function boundOf(value: number | bigint | undefined, none: number, like: t.Tensor): t.Tensor | number | null {
  if (value === undefined || value === none) return null
  return typeof value === 'bigint' ? t.tensor(value, { dtype: like.dtype }) : value
}

export const calls: Calls = {
  abs: unary(t.abs),
  ceil: unary(t.ceil),
  cos: unary(t.cos),
  erf: unary(t.erf),
  exp: unary(t.exp),
  floor: unary(t.floor),
  identity: unary(t.positive),
  log: unary(t.log),
  neg: unary(t.neg),
  reciprocal: unary(t.reciprocal),
  roundEven: unary(t.round),
  sign: unary(t.sign),
  sin: unary(t.sin),
  sqrt: unary(t.sqrt),
  tan: unary(t.tan),
  isNaN: unary((x) => truth(t.isNan(x))),
  isInfinite: unary((x) => truth(t.isInf(x))),
  logicalNot: unary((x) => truth(t.logicalNot(x))),

  add: binary(t.add),
  sub: binary(t.sub),
  mul: binary(t.mul),
  div: ({ a, b }) => first('Div', [a, b]),
  max: binary(t.maximum),
  min: binary(t.minimum),
  pow: binary(t.pow),
  equal: comparison(t.eq),
  notEqual: comparison(t.ne),
  greater: comparison(t.gt),
  greaterOrEqual: comparison(t.ge),
  lesser: comparison(t.lt),
  lesserOrEqual: comparison(t.le),
  logicalAnd: comparison(t.logicalAnd),
  logicalOr: comparison(t.logicalOr),
  logicalXor: comparison(t.logicalXor),
  where: ({ condition, trueValues, falseValues }) => t.where(t.cast(condition, 'bool'), trueValues, falseValues),

  clamp: (args, { minValue, maxValue }) => {
    const x = only(args)
    const [low, high] = [boundOf(minValue, -Infinity, x), boundOf(maxValue, Infinity, x)]
    return low === null && high === null ? t.positive(x) : t.clamp(x, low, high)
  },
  elu: (args, { alpha }) => t.elu(only(args), { alpha }),
  gelu: unary((x) => t.gelu(x)),
  hardSigmoid: (args, { alpha, beta }) => first('HardSigmoid', [only(args)], { alpha, beta }),
  hardSwish: unary(t.hardswish),
  leakyRelu: (args, { alpha }) => t.leakyRelu(only(args), { negativeSlope: alpha }),
  linear: (args, { alpha = 1 as never, beta = 0 as never }) => {
    const x = only(args)
    return t.addcmul(constant(beta, x), x, constant(alpha, x))
  },
  prelu: ({ input, x, slope }) => first('PRelu', [input ?? x, slope]),
  relu: unary(t.relu),
  sigmoid: unary(t.sigmoid),
  softplus: (args, { steepness }) => t.softplus(only(args), { beta: steepness }),
  softsign: unary(t.softsign),
  softmax: ({ input, x, axis = 1 as never }) => t.softmax(input ?? x, axis),
  tanh: unary(t.tanh),

  cast: ({ input, type, dataType }) => t.cast(input, dtypeOf(type ?? dataType)),
  dequantizeLinear: ({ input, scale, zeroPoint }) => t.dequantizeLinear(input, scale, zeroPoint),
  quantizeLinear: ({ input, scale, zeroPoint, dataType }) =>
    t.quantizeLinear(input, scale, zeroPoint, {
      dtype: dataType === undefined ? undefined : (dtypeOf(dataType) as 'u8'),
    }),
}
