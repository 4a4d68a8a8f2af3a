/** @file Transposed convolutions: the maps by which gradients go back through convolutions, as ops of their own. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { checkShape, showShape, sizeOf } from '../shape.ts'
import { biasOf, convByInput, convOperands, convWindow, lastTwo } from './conv.ts'
import type { ConvGeometry } from './conv.ts'
import { add } from './elementwise.ts'
import { permute, reshape } from './layout.ts'
import { perAxis } from './spatial.ts'
import type { Pair, PerAxis, Single, Triple } from './spatial.ts'
import type { TensorLike } from './table.ts'
import { foldWindows } from './unfold.ts'

/** Options of a transposed convolution; T: one number for all spatial axes, or one for each. */
export interface ConvTransposeOptions<T extends PerAxis> {
  /** Default: 1. */
  stride?: T
  /** So much is cut off on both sides. Default: 0. */
  padding?: T
  /** So much is added behind, less than the stride or the dilation. Default: 0. */
  outputPadding?: T
  /** Default: 1. */
  groups?: number
  /** Default: 1. */
  dilation?: T
}

export type ConvTranspose1dOptions = ConvTransposeOptions<Single>
export type ConvTranspose2dOptions = ConvTransposeOptions<Pair>
export type ConvTranspose3dOptions = ConvTransposeOptions<Triple>

/** x [B, C, L] (or [C, L]), weight [C, O / groups, K], bias [O] -> [B, O, OL]; sizes as in convTranspose2d. */
export function convTranspose1d(
  x: TensorLike,
  weight: TensorLike,
  bias?: TensorLike | null,
  options: ConvTranspose1dOptions = {},
): Tensor {
  return convolveBack('convTranspose1d', 1, x, weight, bias, options)
}

/**
 * The gradient of conv2d by its input, as a layer (Zeiler et al. 2010): x [B, C, H, W] (or [C, H, W]), weight
 * [C, O / groups, KH, KW], bias [O] -> [B, O, OH, OW] with OH = (H - 1) stride - 2 padding + dilation (KH - 1) + outputPadding + 1.
 */
export function convTranspose2d(
  x: TensorLike,
  weight: TensorLike,
  bias?: TensorLike | null,
  options: ConvTranspose2dOptions = {},
): Tensor {
  return convolveBack('convTranspose2d', 2, x, weight, bias, options)
}

/** x [B, C, D, H, W] (or [C, D, H, W]), weight [C, O / groups, KD, KH, KW], bias [O] -> [B, O, OD, OH, OW]. */
export function convTranspose3d(
  x: TensorLike,
  weight: TensorLike,
  bias?: TensorLike | null,
  options: ConvTranspose3dOptions = {},
): Tensor {
  return convolveBack('convTranspose3d', 3, x, weight, bias, options)
}

function convolveBack(
  op: string,
  n: number,
  x: TensorLike,
  weight: TensorLike,
  bias: TensorLike | null | undefined,
  options: ConvTransposeOptions<PerAxis>,
): Tensor {
  checkOptions(op, options, ['stride', 'padding', 'outputPadding', 'groups', 'dilation'])
  const groups = checkInteger(op, 'groups', options.groups ?? 1, 1, 2 ** 31)
  const { t, w, image, restore } = convOperands(op, n, x, weight)
  if (t.shape[1] !== w.shape[0] || t.shape[1] % groups !== 0) {
    fail('SHAPE', op, `channels must fit: x ${showShape(t.shape)}, weight ${showShape(w.shape)}, groups ${groups}.`)
  }
  const geometry = backGeometry(op, image, w.shape.slice(2), options)
  const channels = w.shape[1]! * groups
  const y = (n === 3 ? back3 : back2)(t, w, geometry, groups)
  const b = bias ? biasOf(op, bias, channels, t.dtype) : null
  return restore(b ? add(y, reshape(b, [channels, ...image.map(() => 1)])) : y)
}

function backGeometry(
  op: string,
  image: readonly number[],
  kernel: readonly number[],
  options: ConvTransposeOptions<PerAxis>,
): ConvGeometry {
  const n = image.length
  const stride = perAxis(op, 'stride', options.stride ?? 1, n, 1)
  const before = perAxis(op, 'padding', options.padding ?? 0, n, 0)
  const behind = perAxis(op, 'outputPadding', options.outputPadding ?? 0, n, 0)
  const dilation = perAxis(op, 'dilation', options.dilation ?? 1, n, 1)
  if (behind.some((p, i) => p >= stride[i]! && p >= dilation[i]!)) {
    fail('VALUE', op, `outputPadding must be less than the stride or the dilation, got ${showShape(behind)}.`)
  }
  const size = image.map(
    (extent, i) => (extent - 1) * stride[i]! - 2 * before[i]! + dilation[i]! * (kernel[i]! - 1) + behind[i]! + 1,
  )
  if (kernel.includes(0) || size.some((extent) => extent <= 0)) {
    fail('SHAPE', op, `the padding leaves nothing of ${showShape(image)} under the kernel ${showShape(kernel)}.`)
  }
  return { stride, before, dilation, size: checkShape(op, size) }
}

/** One or two spatial axes. */
function back2(x: Tensor, w: Tensor, geometry: ConvGeometry, groups: number): Tensor {
  const flat = (t: Tensor) => reshape(t, [t.shape[0]!, t.shape[1]!, ...lastTwo(t.shape.slice(2), 1)])
  const lead = [x.shape[0]!, w.shape[1]! * groups]
  const y = convByInput(flat(x), flat(w), convWindow(geometry, groups), [...lead, ...lastTwo(geometry.size, 1)])
  return reshape(y, [...lead, ...geometry.size])
}

/** Three: each plane gives images for all depths of the kernel, which are then added up where they belong. */
function back3(x: Tensor, w: Tensor, geometry: ConvGeometry, groups: number): Tensor {
  const [b, c, d, ...plane] = x.shape as [number, number, number, number, number]
  const [, og, kd, ...kernel] = w.shape as [number, number, number, number, number]
  const { stride, before, dilation, size } = geometry
  const [od, ...out] = size as [number, number, number]
  const o = og * groups
  const planes = reshape(permute(x, [0, 2, 1, 3, 4]), [b * d, c, ...plane])
  const images = convByInput(planes, reshape(w, [c, og * kd, ...kernel]), convWindow(geometry, groups), [
    b * d,
    o * kd,
    ...out,
  ])
  const slices = permute(reshape(images, [b, d, o * kd, sizeOf(out)]), [0, 2, 1, 3])
  const depth = [kd, 1, stride[0]!, 1, before[0]!, 0, dilation[0]!, 1]
  const y = foldWindows(reshape(slices, [b * o, kd, d, sizeOf(out)]), depth, [b * o, od, sizeOf(out)])
  return reshape(y, [b, o, ...size])
}
