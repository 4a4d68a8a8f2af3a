/** @file ONNX operators that read and write at positions. */
import type { Tensor } from '../../../graph/tensor.ts'
import { iota } from '../../../ops/create.ts'
import { add, eq, lt, mul, remainder, sub, where } from '../../../ops/elementwise.ts'
import { fromEnd, gather, scatter, take } from '../../../ops/indexing.ts'
import { expand, flatten, reshape, transpose } from '../../../ops/layout.ts'
import { scatterReduce } from '../../../ops/scatter.ts'
import type { ScatterReduction } from '../../../ops/scatter.ts'
import { topk } from '../../../ops/sort.ts'
import { cast, constant } from '../../../ops/table.ts'
import { checkShape, normalizeAxis, sizeOf, stridesOf } from '../../../shape.ts'
import { known } from '../known.ts'
import type { Node, OpResult, Ops } from '../node.ts'
import { integers } from './shape.ts'

/** Positions as i64 from 0 on; negative ones count from the end. */
function positions(node: Node, i: number, size: number): Tensor {
  const ids = cast(node.input(i), 'i64')
  const numbers = known(ids)
  return numbers && numbers.every((at: number | bigint) => at >= 0) ? ids : fromEnd(ids, size)
}

function gathered(node: Node): Tensor {
  const x = node.input(0)
  const axis = normalizeAxis(node.op, node.int('axis', 0), x.rank)
  return take(x, positions(node, 1, x.shape[axis]!), axis)
}

function gatherElements(node: Node): Tensor {
  const x = node.input(0)
  const axis = normalizeAxis(node.op, node.int('axis', 0), x.rank)
  return gather(x, axis, positions(node, 1, x.shape[axis]!))
}

/** Positions of several axes, their numbers along the last axis of `ids`, as positions in the flattened axes. */
function flatPositions(ids: Tensor, sizes: readonly number[]): Tensor {
  const strides = stridesOf(sizes)
  const lead = ids.shape.slice(0, -1)
  const columns = sizes.map((size, k) => {
    const column = take(ids, constant(k, 'i64'), ids.rank - 1)
    return mul(fromEnd(column, size), constant(strides[k]!, 'i64'))
  })
  return columns.length > 0 ? columns.reduce((a, b) => add(a, b)) : expand(constant(0, 'i64'), lead)
}

function gatherNd(node: Node): Tensor {
  const [x, ids] = [node.input(0), cast(node.input(1), 'i64')]
  const batch = node.int('batch_dims', 0)
  const k = ids.shape[ids.rank - 1] ?? node.refuse('needs positions along the last axis.')
  if (
    batch < 0 ||
    batch >= ids.rank ||
    batch + k > x.rank ||
    x.shape.slice(0, batch).some((n, i) => n !== ids.shape[i])
  )
    return node.refuse(`reads [${x.shape.join()}] at [${ids.shape.join()}] with ${batch} batch axes.`)
  const sizes = x.shape.slice(batch, batch + k)
  const [b, n] = [sizeOf(x.shape.slice(0, batch)), sizeOf(sizes)]
  const flat = flatPositions(ids, sizes)
  const within = reshape(flat, [b, sizeOf(flat.shape.slice(batch))])
  const places = add(within, mul(reshape(iota([b], 'i64'), [b, 1]), constant(n, 'i64')))
  const rest = x.shape.slice(batch + k)
  const y = take(reshape(x, [b * n, ...rest]), reshape(places, [places.size]), 0)
  return reshape(y, checkShape(node.op, [...flat.shape, ...rest]))
}

const REDUCTIONS: Readonly<Record<string, ScatterReduction>> = { add: 'sum', mul: 'prod', max: 'amax', min: 'amin' }

function written(node: Node, x: Tensor, axis: number, ids: Tensor, source: Tensor): Tensor {
  const reduction = node.text('reduction', 'none')
  if (reduction === 'none') return scatter(x, axis, ids, source)
  const kind = Object.hasOwn(REDUCTIONS, reduction)
    ? REDUCTIONS[reduction]!
    : node.refuse(`has reduction = ${reduction}.`)
  return scatterReduce(x, axis, ids, source, kind)
}

function scatterElements(node: Node): Tensor {
  const x = node.input(0)
  const axis = normalizeAxis(node.op, node.int('axis', 0), x.rank)
  return written(node, x, axis, positions(node, 1, x.shape[axis]!), node.input(2))
}

function scatterNd(node: Node): Tensor {
  const [x, ids, source] = [node.input(0), cast(node.input(1), 'i64'), node.input(2)]
  const k = ids.shape[ids.rank - 1] ?? node.refuse('needs positions along the last axis.')
  if (k > x.rank) return node.refuse(`writes to [${x.shape.join()}] at [${ids.shape.join()}].`)
  const sizes = x.shape.slice(0, k)
  const inner = sizeOf(x.shape.slice(k))
  const flat = flatPositions(ids, sizes)
  const m = flat.size
  const places = expand(reshape(flat, [m, 1]), [m, inner])
  const y = written(node, reshape(x, [sizeOf(sizes), inner]), 0, places, reshape(source, [m, inner]))
  return reshape(y, x.shape)
}

function oneHot(node: Node): Tensor {
  const ids = cast(node.input(0), 'i64')
  const depth = Math.trunc(node.number(1))
  const values = node.input(2)
  if (depth < 0 || values.size !== 2) return node.refuse(`has depth ${depth} and ${values.size} values.`)
  const axis = normalizeAxis(node.op, node.int('axis', -1), ids.rank + 1)
  const spread = reshape(ids, [...ids.shape.slice(0, axis), 1, ...ids.shape.slice(axis)])
  const classes = reshape(iota([depth], 'i64'), [depth, ...ids.shape.slice(axis).map(() => 1)])
  const [off, on] = [0, 1].map((i) => reshape(take(values, integers([i]), 0), []))
  return where(eq(fromEnd(spread, depth), classes), on!, off!)
}

/** The first `lengths[b]` steps of each sequence the other way round. */
function reverseSequence(node: Node): Tensor {
  const [x, lengths] = [node.input(0), cast(node.input(1), 'i64')]
  const [batch, time] = [node.int('batch_axis', 1), node.int('time_axis', 0)]
  if (batch + time !== 1 || batch * time !== 0) return node.refuse(`has batch_axis ${batch} and time_axis ${time}.`)
  const n = x.shape[time]!
  const steps = reshape(iota([n], 'i64'), [n, 1])
  const limits = reshape(lengths, [1, lengths.size])
  const turned = where(lt(steps, limits), sub(sub(limits, constant(1, 'i64')), steps), steps)
  const ids = time === 0 ? turned : transpose(turned, 0, 1)
  return gather(x, time, expand(reshape(ids, [...ids.shape, ...x.shape.slice(2).map(() => 1)]), x.shape))
}

function largest(node: Node): OpResult {
  const x = node.input(0)
  const axis = normalizeAxis(node.op, node.int('axis', -1), x.rank)
  const k = node.has(1) ? node.number(1) : node.int('k')
  const { values, indices } = topk(x, k, { axis, largest: node.flag('largest', 1) })
  return [values, indices]
}

/** The positions of what is not 0, a row an axis. Their number decides the shape. */
function nonzero(node: Node): Tensor {
  const x = node.input(0)
  const numbers = node.numbersOf(0)
  const found: number[] = []
  for (let i = 0; i < numbers.length; i++) if (Number(numbers[i]) !== 0) found.push(i)
  const strides = stridesOf(x.shape)
  const rows = x.shape.flatMap((size, axis) => found.map((at) => Math.floor(at / strides[axis]!) % size))
  return reshape(integers(rows), [x.rank, found.length])
}

function compress(node: Node): Tensor {
  const condition = node.numbersOf(1)
  const kept = Array.from(condition).flatMap((holds, i) => (Number(holds) !== 0 ? [i] : []))
  const x = node.hasAttribute('axis') ? node.input(0) : flatten(node.input(0))
  return take(x, integers(kept), normalizeAxis(node.op, node.int('axis', 0), x.rank))
}

/** Different elements, or slices along an axis: values, first positions, where each element went, counts. */
function unique(node: Node): OpResult {
  const x = node.hasAttribute('axis') ? node.input(0) : flatten(node.input(0))
  const axis = normalizeAxis(node.op, node.int('axis', 0), x.rank)
  const numbers = node.numbersOf(0)
  const n = x.shape[axis]!
  const strides = stridesOf(x.shape)
  const offsets = Array.from({ length: n === 0 ? 0 : x.size / n }, (_, i) => {
    const inner = strides[axis]!
    return Math.floor(i / inner) * inner * n + (i % inner)
  })
  const at = (slice: number, i: number) => numbers[slice * strides[axis]! + offsets[i]!]!
  const compare = (a: number, b: number): number => {
    for (let i = 0; i < offsets.length; i++) {
      const [p, q] = [at(a, i), at(b, i)]
      if (p < q) return -1
      if (p > q) return 1
    }
    return 0
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => compare(a, b) || a - b)
  const groups: number[][] = []
  for (const i of order) {
    const last = groups[groups.length - 1]
    if (last && compare(last[0]!, i) === 0) last.push(i)
    else groups.push([i])
  }
  if (!node.flag('sorted', 1)) groups.sort((a, b) => a[0]! - b[0]!)
  const inverse = new Array<number>(n).fill(0)
  groups.forEach((group, g) => group.forEach((i) => (inverse[i] = g)))
  const firsts = integers(groups.map((group) => group[0]!))
  return [take(x, firsts, axis), firsts, integers(inverse), integers(groups.map(({ length }) => length))]
}

/** A cache with the update written at each sequence's own position along an axis. */
function tensorScatter(node: Node): Tensor {
  const [past, update] = [node.input(0), node.input(1)]
  const axis = normalizeAxis(node.op, node.int('axis', -2), past.rank)
  const [size, length] = [past.shape[axis]!, update.shape[axis]!]
  const mode = node.text('mode', 'linear')
  if (axis === 0 || (mode !== 'linear' && mode !== 'circular')) return node.refuse(`has axis ${axis} and mode ${mode}.`)
  const b = past.shape[0]!
  const starts = node.has(2) ? cast(node.input(2), 'i64') : expand(constant(0, 'i64'), [b])
  const along = (t: Tensor, at: number) =>
    reshape(
      t,
      past.shape.map((_, i) => (i === at ? t.size : 1)),
    )
  const places = add(along(starts, 0), along(iota([length], 'i64'), axis))
  const wrapped = mode === 'circular' ? remainder(places, size) : places
  return scatter(past, axis, expand(wrapped, update.shape), update)
}

export const indexing: Ops = {
  Compress: compress,
  Gather: { run: gathered, keepsType: true },
  GatherElements: { run: gatherElements, keepsType: true },
  GatherND: { run: gatherNd, keepsType: true },
  NonZero: nonzero,
  OneHot: { run: oneHot, frozen: [1, 2] },
  ReverseSequence: { run: reverseSequence, keepsType: true },
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  TensorScatter: tensorScatter,
  TopK: largest,
  Unique: unique,
}
