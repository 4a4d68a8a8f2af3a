/** @file ONNX's pools. */
import { isFloat } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { iota, ones, tensor } from '../../../ops/create.ts'
import { conv1d, conv2d, conv3d } from '../../../ops/conv.ts'
import { abs, add, div, floorDivide, mul, pow, remainder, sub } from '../../../ops/elementwise.ts'
import { scatter } from '../../../ops/indexing.ts'
import { expand, pad, reshape } from '../../../ops/layout.ts'
import { avgPool, maxPool } from '../../../ops/pool.ts'
import { max, mean, sum } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import { sizeOf } from '../../../shape.ts'
import type { Node, OpFunction, OpResult, Ops } from '../node.ts'
import { bordersOf, windowsOf } from './windows.ts'
import type { Windows } from './windows.ts'

/** Windows, and how many there are along each axis; `ceil_mode` keeps a last one that leaves the image. */
function poolOf(node: Node): { windows: Windows; counts: number[]; extra: number[]; image: readonly number[] } {
  const x = node.input(0)
  const image = x.shape.slice(2)
  if (x.rank < 3 || x.rank > 5) return node.refuse(`is supported for 1 to 3 spatial axes, got [${x.shape.join()}].`)
  const windows = windowsOf(node, image, node.ints('kernel_shape') ?? node.refuse('has no kernel_shape.'))
  const { kernel, strides, dilations, before, behind } = windows
  const isCeil = node.flag('ceil_mode')
  const counts = image.map((size, i) => {
    const span = size + before[i]! + behind[i]! - dilations[i]! * (kernel[i]! - 1) - 1
    if (span < 0) return node.refuse(`has a kernel of ${kernel.join()} for [${x.shape.join()}].`)
    const count = (isCeil ? Math.ceil(span / strides[i]!) : Math.floor(span / strides[i]!)) + 1
    // No window begins behind the image.
    return isCeil && (count - 1) * strides[i]! >= size + before[i]! ? count - 1 : count
  })
  const extra = counts.map((count, i) => {
    const reach = (count - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1
    return Math.max(0, reach - (image[i]! + before[i]!))
  })
  return { windows, counts, extra, image }
}

function largest(node: Node): OpResult {
  const given = node.input(0)
  // Integers of few bits are exact as floats.
  const x = isFloat(given.dtype) ? given : cast(given, 'f32')
  const { windows, extra, image } = poolOf(node)
  const { kernel, strides, dilations, before } = windows
  const wide = pad(x, bordersOf({ before, behind: extra }), { value: -Infinity })
  const n = image.length
  const { values, indices } = maxPool(`maxPool${n}d`, n, wide, kernel, { stride: strides, dilation: dilations })
  const y = cast(values, given.dtype)
  if (!node.hasOutput(1)) return [y]
  return [y, placesIn(indices, wide.shape.slice(2), image, before, node.flag('storage_order'))]
}

/** Places in the padded plane as places in the whole tensor. */
function placesIn(
  indices: Tensor,
  padded: readonly number[],
  image: readonly number[],
  before: readonly number[],
  isColumnMajor: boolean,
): Tensor {
  let rest = indices
  const at: Tensor[] = []
  for (let axis = image.length - 1; axis >= 0; axis--) {
    const size = constant(padded[axis]!, 'i64')
    at[axis] = sub(remainder(rest, size), constant(before[axis]!, 'i64'))
    rest = floorDivide(rest, size)
  }
  const order = image.map((_, i) => (isColumnMajor ? image.length - 1 - i : i))
  const flat = order.reduce<Tensor | null>(
    (sum_, axis) => (sum_ ? add(mul(sum_, constant(image[axis]!, 'i64')), at[axis]!) : at[axis]!),
    null,
  )!
  const [b, c] = indices.shape as [number, number]
  const planes = reshape(iota([b * c], 'i64'), [b, c, ...image.map(() => 1)])
  return add(flat, mul(planes, constant(sizeOf(image), 'i64')))
}

const CONVOLUTIONS = [conv1d, conv2d, conv3d] as readonly ((x: Tensor, w: Tensor, b: null, options: object) => Tensor)[]

/** The sum of each window of [B, C, ...], zeros beside it. */
function windowSums(x: Tensor, { kernel, strides, dilations, before }: Windows, extra: readonly number[]): Tensor {
  const [b, c, ...image] = x.shape as [number, number, ...number[]]
  const wide = pad(x, bordersOf({ before, behind: extra }))
  const n = image.length
  if (dilations.every((dilation) => dilation === 1))
    return avgPool(`avgPool${n}d`, n, wide, kernel, { stride: strides, divisorOverride: 1 })
  const planes = reshape(wide, [b * c, 1, ...wide.shape.slice(2)])
  const weight = ones([1, 1, ...kernel], { dtype: x.dtype })
  const y = CONVOLUTIONS[n - 1]!(planes, weight, null, { stride: strides, dilation: dilations })
  return reshape(y, [b, c, ...y.shape.slice(2)])
}

/** How many elements each window has, of the image or with its padding. */
function windowCounts(node: Node, windows: Windows, counts: readonly number[], image: readonly number[]): Tensor {
  const { kernel, strides, dilations, before, behind } = windows
  const withPads = node.flag('count_include_pad')
  const ofAxis = image.map((size, i) => {
    const [low, high] = withPads ? [-before[i]!, size + behind[i]!] : [0, size]
    return Float32Array.from({ length: counts[i]! }, (_, w) => {
      let n = 0
      for (let k = 0; k < kernel[i]!; k++) {
        const at = w * strides[i]! - before[i]! + k * dilations[i]!
        if (at >= low && at < high) n++
      }
      return n
    })
  })
  return ofAxis
    .map((list, i) => reshape(tensor(list), [list.length, ...image.slice(i + 1).map(() => 1)]))
    .reduce((a, b) => mul(a, b))
}

function average(node: Node): Tensor {
  const x = node.input(0)
  const { windows, counts, extra, image } = poolOf(node)
  return div(windowSums(x, windows, extra), cast(windowCounts(node, windows, counts, image), x.dtype))
}

function lpPool(node: Node): Tensor {
  const x = node.input(0)
  const p = node.version < 2 ? node.float('p', 2) : node.int('p', 2)
  const { windows, extra } = poolOf(node)
  return pow(windowSums(pow(abs(x), p), windows, extra), 1 / p)
}

/** Over all spatial axes. */
const global =
  (f: (x: Tensor, axes: readonly number[], node: Node) => Tensor): OpFunction =>
  (node) => {
    const x = node.input(0)
    const axes = x.shape.map((_, i) => i).slice(2)
    return axes.length > 0 ? f(x, axes, node) : x
  }

function globalLp(x: Tensor, axes: readonly number[], node: Node): Tensor {
  const p = node.version < 2 ? node.float('p', 2) : node.int('p', 2)
  return pow(sum(pow(abs(x), p), axes, { keepDims: true }), 1 / p)
}

/** What a max pool kept, at the places that it had it from. */
function unpool(node: Node): Tensor {
  const [x, indices] = [node.input(0), cast(node.input(1), 'i64')]
  const image = x.shape.slice(2)
  const { kernel, strides, before, behind } = windowsOf(
    node,
    image,
    node.ints('kernel_shape') ?? node.refuse('has no kernel_shape.'),
  )
  const sizes = image.map((size, i) => (size - 1) * strides[i]! - before[i]! - behind[i]! + kernel[i]!)
  if (sizes.some((size) => size < 1)) return node.refuse(`pads more than there is of [${x.shape.join()}].`)
  const shape = node.has(2) ? node.integers(2) : [...x.shape.slice(0, 2), ...sizes]
  // Places are of the tensor that was pooled, which is the smallest that fits.
  const own = [...x.shape.slice(0, 2), ...sizes]
  const places = node.has(2) ? moved(indices, own, shape) : indices
  const flat = scatter(
    expand(constant(0, x.dtype), [sizeOf(shape)]),
    0,
    reshape(places, [x.size]),
    reshape(x, [x.size]),
  )
  return reshape(flat, shape)
}

/** Flat places of one shape as those of a larger one. */
function moved(places: Tensor, from: readonly number[], to: readonly number[]): Tensor {
  let rest = places
  let result: Tensor = constant(0, 'i64')
  let stride = 1
  for (let axis = from.length - 1; axis >= 0; axis--) {
    result = add(result, mul(remainder(rest, constant(from[axis]!, 'i64')), constant(stride, 'i64')))
    rest = floorDivide(rest, constant(from[axis]!, 'i64'))
    stride *= to[axis]!
  }
  return result
}

export const pool: Ops = {
  AveragePool: average,
  GlobalAveragePool: global((x, axes) => mean(x, axes, { keepDims: true })),
  GlobalLpPool: global(globalLp),
  GlobalMaxPool: global((x, axes) => max(x, axes, { keepDims: true })),
  LpPool: lpPool,
  MaxPool: largest,
  MaxUnpool: unpool,
}
