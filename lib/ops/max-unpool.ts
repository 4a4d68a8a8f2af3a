/** @file What max pooling took, back where it was. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape, sizeOf } from '../shape.ts'
import { scatter } from './indexing.ts'
import { filled, reshape } from './layout.ts'
import { images, perAxis } from './spatial.ts'
import type { Pair, PerAxis, Single, Triple } from './spatial.ts'
import { asTensor } from './table.ts'
import type { TensorLike } from './table.ts'

export interface MaxUnpoolOptions<T extends PerAxis = Pair> {
  /** Default: the kernel's size. */
  stride?: T
  /** Default: 0. */
  padding?: T
  /** Spatial sizes of the result. Default: (size - 1) stride - 2 padding + kernel. */
  outputSize?: T
}

/** x [B, C, L] (or [C, L]) at the positions of maxPool1dWithIndices, 0 elsewhere. INDEX when one is out of range. */
export function maxUnpool1d(
  x: TensorLike,
  indices: TensorLike,
  kernelSize: Single,
  options: MaxUnpoolOptions<Single> = {},
): Tensor {
  return maxUnpool('maxUnpool1d', 1, x, indices, kernelSize, options)
}

/** The same of images, at the positions of maxPool2dWithIndices. */
export function maxUnpool2d(
  x: TensorLike,
  indices: TensorLike,
  kernelSize: Pair,
  options: MaxUnpoolOptions = {},
): Tensor {
  return maxUnpool('maxUnpool2d', 2, x, indices, kernelSize, options)
}

/** The same of volumes, at the positions of maxPool3dWithIndices. */
export function maxUnpool3d(
  x: TensorLike,
  indices: TensorLike,
  kernelSize: Triple,
  options: MaxUnpoolOptions<Triple> = {},
): Tensor {
  return maxUnpool('maxUnpool3d', 3, x, indices, kernelSize, options)
}

function maxUnpool(
  op: string,
  n: number,
  x: TensorLike,
  indices: TensorLike,
  kernelSize: PerAxis,
  options: MaxUnpoolOptions<PerAxis>,
): Tensor {
  checkOptions(op, options, ['stride', 'padding', 'outputSize'])
  if (!sameShape(x.shape, indices.shape))
    fail('SHAPE', op, `x and indices must have one shape, got ${showShape(x.shape)} and ${showShape(indices.shape)}.`)
  const { t, image, restore } = images(op, x, n)
  const kernel = perAxis(op, 'kernelSize', kernelSize, n, 1)
  const stride = perAxis(op, 'stride', options.stride ?? kernel, n, 1)
  const padding = perAxis(op, 'padding', options.padding ?? 0, n, 0)
  const usual = image.map((size, i) => (size - 1) * stride[i]! - 2 * padding[i]! + kernel[i]!)
  const size = perAxis(op, 'outputSize', options.outputSize ?? usual, n, 1)
  const planes = t.shape[0]! * t.shape[1]!
  const at = reshape(asTensor(op, indices), [planes, sizeOf(image)])
  const y = scatter(filled([planes, sizeOf(size)], 0, t), 1, at, reshape(t, [planes, sizeOf(image)]))
  return restore(reshape(y, [...t.shape.slice(0, 2), ...size]))
}
