/** @file Elementwise functions of two and three tensors. */
import * as tenon from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

/** Functions of input and other alone, by PyTorch's names. */
const plain: Readonly<Record<string, (input: Tensor, other: Tensor) => Tensor>> = {
  'torch.maximum': tenon.maximum,
  'torch.minimum': tenon.minimum,
  'torch.fmax': tenon.fmax,
  'torch.fmin': tenon.fmin,
  'torch.atan2': tenon.atan2,
  'torch.hypot': tenon.hypot,
  'torch.logaddexp': tenon.logaddexp,
  'torch.logaddexp2': tenon.logaddexp2,
  'torch.copysign': tenon.copysign,
  'torch.xlogy': tenon.xlogy,
  'torch.remainder': tenon.remainder,
  'torch.fmod': tenon.fmod,
  'torch.eq': tenon.eq,
  'torch.ne': tenon.ne,
  'torch.lt': tenon.lt,
  'torch.le': tenon.le,
  'torch.gt': tenon.gt,
  'torch.ge': tenon.ge,
  'torch.gcd': tenon.gcd,
  'torch.lcm': tenon.lcm,
  'torch.nextafter': tenon.nextafter,
  'torch.ldexp': tenon.ldexp,
  'torch.floor_divide': tenon.floorDivide,
  'torch.logical_and': tenon.logicalAnd,
  'torch.logical_or': tenon.logicalOr,
  'torch.logical_xor': tenon.logicalXor,
  'torch.bitwise_and': tenon.bitwiseAnd,
  'torch.bitwise_or': tenon.bitwiseOr,
  'torch.bitwise_xor': tenon.bitwiseXor,
  'torch.bitwise_left_shift': tenon.shiftLeft,
  'torch.bitwise_right_shift': tenon.shiftRight,
  'torch.special.xlog1py': tenon.xlog1py,
}

export const calls: Calls = {
  ...Object.fromEntries(
    Object.entries(plain).map(([name, fn]): [string, Calls[string]] => [name, ({ input, other }) => fn(input, other)]),
  ),
  'torch.add': ({ input, other, alpha }) => tenon.add(input, other, { alpha }),
  'torch.sub': ({ input, other, alpha }) => tenon.sub(input, other, { alpha }),
  'torch.rsub': ({ input, other, alpha }) => tenon.rsub(input, other, { alpha }),
  'torch.mul': ({ input, other }) => tenon.mul(input, other),
  'torch.div': ({ input, other, rounding_mode }) => tenon.div(input, other, { roundingMode: rounding_mode }),
  'torch.pow': ({ input, exponent }) => tenon.pow(input, exponent),
  'torch.float_power': ({ input, exponent }) => tenon.floatPower(input, exponent),
  'torch.heaviside': ({ input, values }) => tenon.heaviside(input, values),
  'torch.lerp': ({ input, end, weight }) => tenon.lerp(input, end, weight),
  'torch.addcmul': ({ input, tensor1, tensor2, value }) => tenon.addcmul(input, tensor1, tensor2, { value }),
  'torch.addcdiv': ({ input, tensor1, tensor2, value }) => tenon.addcdiv(input, tensor1, tensor2, { value }),
  'torch.where': ({ condition, input, other }) => tenon.where(condition, input, other),
  'torch.clamp': ({ input, min, max }) => tenon.clamp(input, min, max),
  'torch.isclose': ({ input, other, rtol, atol, equal_nan }) =>
    tenon.isClose(input, other, { rtol, atol, equalNan: equal_nan }),
}
