/** @file Arithmetic on shapes: sizes, strides, axes, broadcasting. */
import { checkInteger, fail } from './errors.ts'

export type Shape = readonly number[]

export const MAX_RANK = 8

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let n = 1
  for (let i = 0; i < shape.length; i++) n *= shape[i]!
  return n
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  for (let i = shape.length - 1, n = 1; i >= 0; i--) {
    strides[i] = n
    n *= shape[i]!
  }
  return strides
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** As the engine counts them: an empty axis as 1. */
const MOST_ELEMENTS = 2 ** 52

/** Whether there can be a tensor of these sizes, which may come from anywhere. Empty ones have to be possible, too. */
export function isPossibleShape(sizes: readonly unknown[]): sizes is Shape {
  let extent = 1
  for (const size of sizes) {
    if (!Number.isSafeInteger(size) || (size as number) < 0) return false
    extent *= Math.max(size as number, 1)
  }
  return sizes.length <= MAX_RANK && extent <= MOST_ELEMENTS
}

/** Checks a shape that a user gave. */
export function checkShape(op: string, shape: Shape): Shape {
  if (!Array.isArray(shape)) fail('SHAPE', op, `a shape is an array of sizes, got ${String(shape)}.`)
  if (shape.length > MAX_RANK) fail('SHAPE', op, `at most ${MAX_RANK} dimensions, got ${showShape(shape)}.`)
  for (const size of shape) checkInteger(op, 'a size', size, 0)
  if (!isPossibleShape(shape)) fail('SHAPE', op, `the shape ${showShape(shape)} has too many elements.`)
  return shape
}

/** Turns an axis in [-rank, rank) into one in [0, rank). */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis
  if (rank === 0) return fail('AXIS', op, `a scalar has no axis, got axis ${axis}.`)
  return fail('AXIS', op, `axis must lie in [${-rank}, ${rank - 1}], got ${axis}.`)
}

/** One axis, several, or (undefined) all: sorted, unique, in [0, rank). */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i)
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(op, axis, rank))
  if (new Set(list).size !== list.length) fail('AXIS', op, `an axis was given twice, got ${showShape(list)}.`)
  return list.sort((a, b) => a - b)
}

/** The shape that two shapes broadcast to (NumPy's rule), or SHAPE. */
export function broadcast(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a
  if (a.length === 0) return b
  if (b.length === 0) return a
  const rank = Math.max(a.length, b.length)
  const shape = new Array<number>(rank)
  for (let i = 0; i < rank; i++) {
    const m = a[a.length - rank + i] ?? 1
    const n = b[b.length - rank + i] ?? 1
    if (m !== n && m !== 1 && n !== 1) {
      fail(
        'SHAPE',
        op,
        `shapes must broadcast, got ${showShape(a)} and ${showShape(b)}. Sizes of one axis are equal or 1.`,
      )
    }
    shape[i] = m === 1 ? n : m
  }
  return shape
}

/** The shape after axes are reduced. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((size, i) => (axes.includes(i) ? 1 : size))
  return shape.filter((_, i) => !axes.includes(i))
}
