/** @file Cases of what moves elements: views, borders, joins; and of what makes tensors of nothing. */
import * as ops from '../../../lib/index.ts'
import { distinct, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, atBroadcast, build, moved, reshaped, transposed } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = distinct(-2, 2)

/** An op of one tensor that only moves elements. */
function move(
  title: string,
  fn: OpCase['fn'],
  shape: readonly number[],
  reference: OpCase['reference'],
  more: Partial<OpCase> = {},
): OpCase {
  return { title, fn, inputs: [input(shape, fill)], reference, kind: 'moves', isSingle: true, ...more }
}

const shapes: OpCase[] = [
  move('reshape', (x) => ops.reshape(x, [4, -1]), [2, 3, 4], reshaped([4, 6])),
  move(
    'reshape: of a permuted one',
    (x) => ops.reshape(ops.permute(x, [1, 0]), [6]),
    [2, 3],
    (x) => reshaped([6])(transposed(x, [1, 0])),
  ),
  move(
    'reshape: axes of a permuted one split, joined and added',
    (x) => ops.reshape(ops.permute(x, [2, 0, 1]), [2, 1, 2, 3, 2]),
    [2, 3, 4],
    (x) => reshaped([2, 1, 2, 3, 2])(build([24], ([i]) => at(x, [Math.floor(i / 3) % 2, i % 3, Math.floor(i / 6)]))),
  ),
  move(
    'reshape: of a part of each row',
    (x) => ops.reshape(ops.narrow(x, 1, 1, 4), [2, 2, 2]),
    [2, 6],
    (x) => reshaped([2, 2, 2])(build([2, 4], ([i, j]) => at(x, [i, j + 1]))),
  ),
  move('reshape: to a scalar', (x) => ops.reshape(x, []), [1, 1], reshaped([])),
  move('reshape: empty', (x) => ops.reshape(x, [0, 5]), [2, 0], reshaped([0, 5])),
  move('flatten', (x) => ops.flatten(x, 1), [2, 3, 4], reshaped([2, 12])),
  move('flatten: scalar', (x) => ops.flatten(x), [], reshaped([1])),
  move('unsqueeze', (x) => ops.unsqueeze(x, -1), [2, 3], reshaped([2, 3, 1])),
  move('squeeze: all', (x) => ops.squeeze(x), [1, 3, 1], reshaped([3])),
  move('squeeze: one', (x) => ops.squeeze(x, 0), [1, 3, 1], reshaped([3, 1])),
  move(
    'permute',
    (x) => ops.permute(x, [2, 0, 1]),
    [2, 3, 4],
    (x) => transposed(x, [2, 0, 1]),
  ),
  move(
    'permute: twice',
    (x) => ops.permute(ops.permute(x, [2, 0, 1]), [-1, 0, 1]),
    [2, 3, 4],
    (x) => transposed(transposed(x, [2, 0, 1]), [2, 0, 1]),
  ),
  move(
    'transpose',
    (x) => ops.transpose(x),
    [2, 3, 4],
    (x) => transposed(x, [0, 2, 1]),
  ),
  move(
    'transpose: axes',
    (x) => ops.transpose(x, 0, -1),
    [2, 3, 4],
    (x) => transposed(x, [2, 1, 0]),
  ),
  move(
    'expand',
    (x) => ops.expand(x, [2, -1, 4]),
    [3, 1],
    (x) => build([2, 3, 4], (p) => atBroadcast(x, p)),
  ),
  move(
    'expand: to nothing',
    (x) => ops.expand(x, [0, 3]),
    [1, 3],
    () => build([0, 3], () => 0),
  ),
  move(
    'tile',
    (x) => ops.tile(x, [2, 1, 3]),
    [2, 2],
    moved([2, 2, 6], ([, i, j]) => [i, j % 2]),
  ),
  move(
    'tile: fewer counts',
    (x) => ops.tile(x, [2]),
    [2, 3],
    moved([2, 6], ([i, j]) => [i, j % 3]),
  ),
  move(
    'tile: 0 times',
    (x) => ops.tile(x, [0]),
    [3],
    () => build([0], () => 0),
  ),
]

const windows: OpCase[] = [
  move(
    'slice',
    (x) => ops.slice(x, [[1, 3], null, [null, -1]]),
    [4, 2, 3],
    moved([2, 2, 2], ([i, j, k]) => [i + 1, j, k]),
  ),
  move(
    'slice: position',
    (x) => ops.slice(x, [-1, 0]),
    [4, 2, 3],
    moved([3], ([k]) => [3, 0, k]),
  ),
  move(
    'slice: steps',
    (x) =>
      ops.slice(x, [
        [0, null, 2],
        [5, 1, -2],
      ]),
    [5, 7],
    moved([3, 2], ([i, j]) => [2 * i, 5 - 2 * j]),
  ),
  move(
    'slice: backwards',
    (x) => ops.slice(x, [[null, null, -1]]),
    [5],
    moved([5], ([i]) => [4 - i]),
  ),
  move(
    'slice: beyond the ends',
    (x) =>
      ops.slice(x, [
        [-99, 99],
        [99, -99, -3],
      ]),
    [2, 5],
    moved([2, 2], ([i, j]) => [i, 4 - 3 * j]),
  ),
  move(
    'slice: nothing',
    (x) => ops.slice(x, [[4, 2]]),
    [5, 2],
    () => build([0, 2], () => 0),
  ),
  move(
    'slice: of a slice',
    (x) => ops.slice(ops.slice(x, [[8, null, -2]]), [[1, 4, 2]]),
    [9],
    moved([2], ([i]) => [6 - 4 * i]),
  ),
  move(
    'narrow',
    (x) => ops.narrow(x, 1, -3, 2),
    [2, 5],
    moved([2, 2], ([i, j]) => [i, j + 2]),
  ),
  move(
    'flip',
    (x) => ops.flip(x, [0, -1]),
    [2, 3, 4],
    moved([2, 3, 4], ([i, j, k]) => [1 - i, j, 3 - k]),
  ),
]

const bordered = (before: number[], after: number[], value: number) => (x: Nd) =>
  build(
    x.shape.map((size, axis) => size + before[axis] + after[axis]),
    (p) => {
      const from = p.map((i, axis) => i - before[axis])
      return from.every((i, axis) => i >= 0 && i < x.shape[axis]) ? at(x, from) : value
    },
  )

const borders: OpCase[] = [
  move(
    'pad',
    (x) =>
      ops.pad(x, [
        [1, 2],
        [0, 1],
      ]),
    [2, 3],
    bordered([1, 0], [2, 1], 0),
  ),
  move('pad: last axis, value', (x) => ops.pad(x, [[2, 1]], { value: -1.5 }), [2, 3], bordered([0, 2], [0, 1], -1.5)),
  move(
    'pad: cuts',
    (x) =>
      ops.pad(x, [
        [-1, 1],
        [2, -2],
      ]),
    [3, 4],
    bordered([-1, 2], [1, -2], 0),
  ),
  move('pad: of nothing', (x) => ops.pad(x, [[1, 1]], { value: 3 }), [2, 0], bordered([0, 1], [0, 1], 3)),
  move('pad: nothing', (x) => ops.pad(x, [[0, 0]]), [3], reshaped([3])),
]

const joined =
  (axis: number) =>
  (...list: Nd[]): Nd => {
    const shape = [...list[0].shape]
    shape[axis] = list.reduce((n, x) => n + x.shape[axis], 0)
    return build(shape, (p) => {
      let i = p[axis]
      for (const x of list) {
        if (i < x.shape[axis])
          return at(
            x,
            p.map((k, a) => (a === axis ? i : k)),
          )
        i -= x.shape[axis]
      }
      return NaN
    })
  }

const joins: OpCase[] = [
  {
    ...move('concat', (a, b, c) => ops.concat([a, b, c], 1), [], joined(1)),
    inputs: [input([2, 1, 2], fill), input([2, 0, 2], fill), input([2, 3, 2], fill)],
  },
  {
    ...move('concat: last axis', (a, b) => ops.concat([a, b], -1), [], joined(1)),
    inputs: [input([3, 2], fill), input([3, 1], fill)],
  },
  {
    ...move(
      'concat: one, twice',
      (a) => ops.concat([a, a]),
      [],
      (a) => joined(0)(a, a),
    ),
    inputs: [input([2, 2], fill)],
  },
  {
    ...move(
      'stack',
      (a, b) => ops.stack([a, b], 1),
      [],
      (a, b) => build([2, 2, 3], ([i, j, k]) => at([a, b][j], [i, k])),
    ),
    inputs: [input([2, 3], fill), input([2, 3], fill)],
  },
  {
    ...move(
      'stack: scalars',
      (a, b) => ops.stack([a, b]),
      [],
      (a, b) => build([2], ([i]) => [a, b][i].data[0]),
    ),
    inputs: [input([], fill), input([], fill)],
  },
  move(
    'split: length',
    (x) => ops.split(x, 2, 1),
    [2, 5],
    (x) => [0, 2, 4].map((from) => moved([2, Math.min(2, 5 - from)], ([i, j]) => [i, j + from])(x)),
  ),
  move(
    'split: lengths',
    (x) => ops.split(x, [1, 0, 4], -1),
    [2, 5],
    (x) =>
      [
        [0, 1],
        [1, 0],
        [1, 4],
      ].map(([from, n]) => moved([2, n], ([i, j]) => [i, j + from])(x)),
  ),
]

const triangle = (holds: (row: number, column: number) => boolean) => (x: Nd) =>
  build(x.shape, (p) => (holds(p[p.length - 2], p[p.length - 1]) ? at(x, p) : 0))

const triangles: OpCase[] = [
  move(
    'tril',
    (x) => ops.tril(x),
    [2, 3, 4],
    triangle((r, c) => c <= r),
  ),
  move(
    'tril: above',
    (x) => ops.tril(x, 1),
    [3, 3],
    triangle((r, c) => c <= r + 1),
  ),
  move(
    'triu',
    (x) => ops.triu(x),
    [4, 3],
    triangle((r, c) => c >= r),
  ),
  move(
    'triu: below',
    (x) => ops.triu(x, -1),
    [4, 3],
    triangle((r, c) => c >= r - 1),
  ),
  move(
    'onesLike',
    (x) => ops.onesLike(x),
    [2, 3],
    (x) => build(x.shape, () => 1),
  ),
  move(
    'zerosLike',
    (x) => ops.zerosLike(x),
    [2, 3],
    (x) => build(x.shape, () => 0),
  ),
  {
    ...move(
      'sum: of an expanded one',
      (x) => ops.expand(x, [3, 4]).sum(1),
      [3, 1],
      (x) => build([3], ([i]) => 4 * at(x, [i, 0])),
    ),
    isSingle: false,
    kind: 'sums',
  },
]

/** Tensors of nothing: the inputs are none. */
const made = (
  title: string,
  fn: () => ops.Tensor,
  shape: readonly number[],
  value: (position: readonly number[]) => number,
): OpCase => ({
  title,
  fn,
  inputs: [],
  reference: () => build(shape, value),
  kind: 'elementwise',
  noGradient: 'it has no inputs',
})

const makers: OpCase[] = [
  made(
    'zeros',
    () => ops.zeros([2, 3]),
    [2, 3],
    () => 0,
  ),
  made(
    'ones',
    () => ops.ones([2], { dtype: 'f64' }),
    [2],
    () => 1,
  ),
  made(
    'full',
    () => ops.full([2, 2], 2.5),
    [2, 2],
    () => 2.5,
  ),
  made(
    'full: empty',
    () => ops.full([0, 2], 2.5),
    [0, 2],
    () => 2.5,
  ),
  made(
    'eye',
    () => ops.eye(3),
    [3, 3],
    ([i, j]) => Number(i === j),
  ),
  made(
    'eye: wide, f64',
    () => ops.eye(2, 3, { dtype: 'f64' }),
    [2, 3],
    ([i, j]) => Number(i === j),
  ),
  made(
    'arange',
    () => ops.arange(5),
    [5],
    ([i]) => i,
  ),
  made(
    'arange: bounds',
    () => ops.arange(2, 11, 3),
    [3],
    ([i]) => 2 + 3 * i,
  ),
  made(
    'arange: down',
    () => ops.arange(3, -2, -2),
    [3],
    ([i]) => 3 - 2 * i,
  ),
  made(
    'arange: fractions',
    () => ops.arange(0, 1, 0.1, { dtype: 'f64' }),
    [10],
    ([i]) => i * 0.1,
  ),
  made(
    'arange: nothing',
    () => ops.arange(3, 3),
    [0],
    () => 0,
  ),
  made(
    'arange: bf16',
    () => ops.arange(0, 4, 1, { dtype: 'bf16' }),
    [4],
    ([i]) => i,
  ),
  made(
    'arange: u8',
    () => ops.arange(0, 4, 1, { dtype: 'u8' }),
    [4],
    ([i]) => i,
  ),
  made(
    'arange: f32',
    () => ops.arange(0, 1000, 1, { dtype: 'f32' }),
    [1000],
    ([i]) => i,
  ),
  made(
    'linspace',
    () => ops.linspace(-1, 1, 5, { dtype: 'f64' }),
    [5],
    ([i]) => -1 + i / 2,
  ),
  made(
    'linspace: one',
    () => ops.linspace(-1, 1, 1),
    [1],
    () => -1,
  ),
  made(
    'linspace: none',
    () => ops.linspace(-1, 1, 0),
    [0],
    () => -1,
  ),
]

/** A long chain of views and arithmetic, as models have. */
const mixed: OpCase[] = [
  {
    title: 'permute: between sums and products',
    fn: (x) =>
      ops
        .permute(x, [1, 2, 0])
        .mul(ops.slice(x, [[0, 1]]).reshape([3, 4, 1]))
        .sum(1),
    inputs: [input([2, 3, 4], range(-1, 1))],
    reference: (x) =>
      build([3, 2], ([j, i]) => [0, 1, 2, 3].reduce((s, k) => s + at(x, [i, j, k]) * at(x, [0, j, k]), 0)),
    kind: 'sums',
  },
]

export const layoutCases: readonly OpCase[] = [
  ...shapes,
  ...windows,
  ...borders,
  ...joins,
  ...triangles,
  ...makers,
  ...mixed,
]
