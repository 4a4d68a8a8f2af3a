/** @file ONNX operators on shapes and layouts. */
import type { Tensor } from '../../../graph/tensor.ts'
import { tensor, tril, triu } from '../../../ops/create.ts'
import { concat, expand, pad, permute, reshape, slice, split, squeeze, tile } from '../../../ops/layout.ts'
import type { SliceRange } from '../../../ops/layout.ts'
import { take } from '../../../ops/indexing.ts'
import { broadcast, normalizeAxes, normalizeAxis, sizeOf } from '../../../shape.ts'
import type { Node, OpFunction, OpResult, Ops } from '../node.ts'

/** Integers as a tensor that is known. */
export const integers = (list: readonly number[]): Tensor =>
  tensor(BigInt64Array.from(list, BigInt), { transfer: true })

/** Settings that an older version has as an attribute and a newer one as an input. */
export function setting(node: Node, name: string, i: number): number[] | undefined {
  return node.has(i) ? node.integers(i) : node.ints(name)
}

/** Operators that only move elements of their first input; inputs from the second on are settings. */
const moving = (run: OpFunction): Ops[string] => ({ run, frozen: [1, 2, 3, 4], keepsType: true })

function reshaped(node: Node): Tensor {
  const x = node.input(0)
  const given = setting(node, 'shape', 1) ?? node.refuse('has no shape.')
  const keepsZeros = node.flag('allowzero')
  return reshape(
    x,
    given.map((size, i) =>
      size === 0 && !keepsZeros ? (x.shape[i] ?? node.refuse(`keeps axis ${i}, which is none.`)) : size,
    ),
  )
}

function shapeOf(node: Node): Tensor {
  const { shape } = node.input(0)
  const clamped = (at: number) => Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length)
  return integers(shape.slice(clamped(node.int('start', 0)), clamped(node.int('end', shape.length))))
}

function flattened(node: Node): Tensor {
  const x = node.input(0)
  const axis = node.int('axis', 1)
  const at = axis === x.rank ? axis : normalizeAxis('Flatten', axis, x.rank)
  return reshape(x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))])
}

function squeezed(node: Node): Tensor {
  const x = node.input(0)
  const given = setting(node, 'axes', 1)
  const axes = normalizeAxes('Squeeze', given ?? x.shape.flatMap((size, i) => (size === 1 ? [i] : [])), x.rank)
  if (axes.some((axis) => x.shape[axis] !== 1)) return node.refuse(`drops axes ${axes.join()} of [${x.shape.join()}].`)
  return squeeze(x, axes)
}

function unsqueezed(node: Node): Tensor {
  const x = node.input(0)
  const given = setting(node, 'axes', 1) ?? node.refuse('has no axes.')
  const axes = normalizeAxes('Unsqueeze', given, x.rank + given.length)
  const rest = [...x.shape]
  return reshape(
    x,
    Array.from({ length: x.rank + axes.length }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!)),
  )
}

function transposed(node: Node): Tensor {
  const x = node.input(0)
  return permute(x, node.ints('perm') ?? x.shape.map((_, i) => x.rank - 1 - i))
}

function joined(node: Node): Tensor {
  const list = node.inputs()
  return concat(list, node.int('axis', node.version < 4 ? 1 : undefined))
}

function parts(node: Node): OpResult {
  const x = node.input(0)
  const axis = normalizeAxis('Split', node.int('axis', 0), x.rank)
  const size = x.shape[axis]!
  const n = node.int('num_outputs', node.numOutputs)
  if (!(n >= 1 && n <= 2 ** 20)) return node.refuse(`has num_outputs = ${n}.`)
  const part = Math.ceil(size / n)
  const even = Array.from({ length: n }, (_, i) => Math.min(part, Math.max(0, size - i * part)))
  const lengths = setting(node, 'split', 1) ?? even
  if (lengths.some((length) => length < 0)) return node.refuse(`splits into ${lengths.join()}.`)
  return split(x, lengths, axis)
}

function sliced(node: Node): Tensor {
  const x = node.input(0)
  const isOld = node.version < 10
  const starts = (isOld ? node.ints('starts') : node.numbers(1)) ?? node.refuse('has no starts.')
  const ends = (isOld ? node.ints('ends') : node.numbers(2)) ?? node.refuse('has no ends.')
  const axes = (isOld ? node.ints('axes') : node.has(3) ? node.integers(3) : undefined) ?? starts.map((_, i) => i)
  const steps = !isOld && node.has(4) ? node.numbers(4) : starts.map(() => 1)
  if ([ends, axes, steps].some(({ length }) => length !== starts.length)) return node.refuse('has uneven settings.')
  const ranges: SliceRange[] = x.shape.map(() => null)
  axes.forEach((given, i) => {
    const axis = normalizeAxis('Slice', given, x.rank)
    ranges[axis] = rangeOf(x.shape[axis]!, starts[i]!, ends[i]!, steps[i]!)
  })
  return slice(x, ranges)
}

/** Numbers far beyond the axis stand for its ends. */
function rangeOf(size: number, start: number, end: number, step: number): SliceRange {
  const near = (at: number) => Math.min(Math.max(at, -size - 1), size)
  return [near(start), near(end), Math.abs(step) > size ? Math.sign(step) * (size + 1) : step]
}

/** Both shapes broadcast. */
function expanded(node: Node): Tensor {
  const x = node.input(0)
  return expand(x, broadcast('Expand', x.shape, node.integers(1)))
}

function tiled(node: Node): Tensor {
  const x = node.input(0)
  if (node.version >= 6) return tile(x, node.integers(1))
  const [times, axis] = [node.number(1), normalizeAxis('Tile', node.number(2), x.rank)]
  return tile(
    x,
    x.shape.map((_, i) => (i === axis ? times : 1)),
  )
}

/** Where position i of an axis reads that was widened. */
const BORDERS: Readonly<Record<string, (i: number, n: number) => number>> = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: (i, n) => ((i % n) + n) % n,
  reflect: (i, n) => {
    if (n === 1) return 0
    const period = 2 * (n - 1)
    const at = ((i % period) + period) % period
    return at < n ? at : period - at
  },
}

function padded(node: Node): Tensor {
  const x = node.input(0)
  const given = setting(node, node.hasAttribute('paddings') ? 'paddings' : 'pads', 1) ?? node.refuse('has no pads.')
  const axes = node.has(3)
    ? node.integers(3).map((axis) => normalizeAxis('Pad', axis, x.rank))
    : x.shape.map((_, i) => i)
  if (given.length !== 2 * axes.length) return node.refuse(`has ${given.length} pads for ${axes.length} axes.`)
  const border = x.shape.map((_, i): [number, number] => {
    const at = axes.indexOf(i)
    return at < 0 ? [0, 0] : [given[at]!, given[axes.length + at]!]
  })
  const mode = node.text('mode', 'constant')
  if (mode === 'constant') {
    const value = node.version >= 11 ? (node.has(2) ? node.number(2) : 0) : node.float('value', 0)
    return pad(x, border, { value })
  }
  const source = Object.hasOwn(BORDERS, mode) ? BORDERS[mode]! : node.refuse(`has the mode ${mode}.`)
  return border.reduce((y, [before, after], axis) => {
    const n = y.shape[axis]!
    const length = n + before + after
    if (before === 0 && after === 0) return y
    if (n === 0 || length < 0 || length > 2 ** 31)
      return node.refuse(`pads axis ${axis} of ${n} by ${before}, ${after}.`)
    return take(y, integers(Array.from({ length }, (_, i) => source(i - before, n))), axis)
  }, x)
}

/** Cuts from, or adds zeros to, both sides of axes, to given sizes. */
function centred(node: Node): Tensor {
  const x = node.input(0)
  const sizes = node.integers(1)
  const axes = (node.ints('axes') ?? x.shape.map((_, i) => i)).map((axis) => normalizeAxis(node.op, axis, x.rank))
  const border = x.shape.map((size, i): [number, number] => {
    const wanted = sizes[axes.indexOf(i)] ?? size
    const first = wanted > size ? Math.floor((wanted - size) / 2) : -Math.floor((size - wanted) / 2)
    return [first, wanted - size - first]
  })
  return pad(x, border)
}

function triangle(node: Node): Tensor {
  const x = node.input(0)
  const k = node.has(1) ? Math.min(Math.max(node.number(1), -(2 ** 31)), 2 ** 31) : 0
  return node.flag('upper', 1) ? triu(x, k) : tril(x, k)
}

/** Channels become blocks of pixels. */
function depthToSpace(node: Node): Tensor {
  const x = node.input(0)
  const n = node.int('blocksize')
  const [b, c, h, w] = x.shape as [number, number, number, number]
  if (x.rank !== 4 || n < 1 || c % (n * n) !== 0) return node.refuse(`has blocks of ${n} of [${x.shape.join()}].`)
  const rest = c / (n * n)
  const isRowFirst = node.text('mode', 'DCR') === 'DCR'
  const blocks = isRowFirst
    ? permute(reshape(x, [b, n, n, rest, h, w]), [0, 3, 4, 1, 5, 2])
    : permute(reshape(x, [b, rest, n, n, h, w]), [0, 1, 4, 2, 5, 3])
  return reshape(blocks, [b, rest, h * n, w * n])
}

function spaceToDepth(node: Node): Tensor {
  const x = node.input(0)
  const n = node.int('blocksize')
  const [b, c, h, w] = x.shape as [number, number, number, number]
  if (x.rank !== 4 || n < 1 || h % n !== 0 || w % n !== 0)
    return node.refuse(`has blocks of ${n} of [${x.shape.join()}].`)
  return reshape(permute(reshape(x, [b, c, h / n, n, w / n, n]), [0, 3, 5, 1, 2, 4]), [b, c * n * n, h / n, w / n])
}

/** Number of elements. */
const sizeOfInput: OpFunction = (node) => tensor(BigInt(node.input(0).size))

export const shape: Ops = {
  CenterCropPad: moving(centred),
  Concat: { run: joined, keepsType: true },
  DepthToSpace: moving(depthToSpace),
  Expand: moving(expanded),
  Flatten: moving(flattened),
  Identity: { run: (node) => node.held(0) },
  Pad: moving(padded),
  Reshape: moving(reshaped),
  Shape: shapeOf,
  Size: sizeOfInput,
  Slice: moving(sliced),
  SpaceToDepth: moving(spaceToDepth),
  Split: moving(parts),
  Squeeze: moving(squeezed),
  Tile: moving(tiled),
  Transpose: moving(transposed),
  Trilu: moving(triangle),
  Unsqueeze: moving(unsqueezed),
}
