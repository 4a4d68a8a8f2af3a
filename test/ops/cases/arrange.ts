/** @file Cases of what takes tensors apart and puts them together otherwise: stacks, rolls, windows, diagonals, grids. */
import * as ops from '../../../lib/index.ts'
import { away, distinct } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build, moved, reshaped, transposed } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = distinct(-2, 2)

/** An op of tensors that only moves elements. */
const move = (
  title: string,
  fn: OpCase['fn'],
  shapes: readonly (readonly number[])[],
  reference: OpCase['reference'],
  more: Partial<OpCase> = {},
): OpCase => ({
  title,
  fn,
  inputs: shapes.map((shape) => input(shape, fill)),
  reference,
  kind: 'moves',
  isSingle: true,
  ...more,
})

/** Positions [from, to) of an axis. */
const cut = (x: Nd, axis: number, from: number, to: number): Nd =>
  moved(
    x.shape.map((size, i) => (i === axis ? to - from : size)),
    (p) => p.map((k, i) => (i === axis ? k + from : k)),
  )(x)

const joined = (axis: number, parts: readonly Nd[]): Nd => {
  const shape = parts[0].shape.map((size, i) => (i === axis ? parts.reduce((n, p) => n + p.shape[axis], 0) : size))
  return build(shape, (position) => {
    let rest = position[axis]
    const part = parts.find((one) => rest < one.shape[axis] || ((rest -= one.shape[axis]), false))!
    return at(
      part,
      position.map((k, i) => (i === axis ? rest : k)),
    )
  })
}

const axes: OpCase[] = [
  move('unflatten', (x) => ops.unflatten(x, 1, [2, -1]), [[2, 6]], reshaped([2, 2, 3])),
  move(
    'movedim',
    (x) => ops.movedim(x, 0, -1),
    [[2, 3, 4]],
    (x) => transposed(x, [1, 2, 0]),
  ),
  move(
    'movedim: several',
    (x) => ops.movedim(x, [0, 1], [2, 0]),
    [[2, 3, 4]],
    (x) => transposed(x, [1, 2, 0]),
  ),
  move(
    't',
    (x) => ops.t(x),
    [[2, 3]],
    (x) => transposed(x, [1, 0]),
  ),
  move(
    't: vector',
    (x) => ops.mul(ops.t(x), 1),
    [[3]],
    (x) => x,
  ),
]

const joins: OpCase[] = [
  move(
    'hstack',
    (...x) => ops.hstack(x),
    [
      [2, 3],
      [2, 1],
    ],
    (...x) => joined(1, x),
  ),
  move(
    'hstack: vectors',
    (...x) => ops.hstack(x),
    [[2], [3]],
    (...x) => joined(0, x),
  ),
  move(
    'vstack',
    (...x) => ops.vstack(x),
    [[3], [2, 3]],
    (a, b) => joined(0, [reshaped([1, 3])(a), b]),
  ),
  move(
    'dstack',
    (...x) => ops.dstack(x),
    [
      [2, 3],
      [2, 3],
    ],
    (...x) => joined(2, x.map(reshaped([2, 3, 1]))),
  ),
  move(
    'chunk',
    (x) => ops.chunk(x, 3, 1),
    [[2, 5]],
    (x) => [cut(x, 1, 0, 2), cut(x, 1, 2, 4), cut(x, 1, 4, 5)],
  ),
  move(
    'unbind',
    (x) => ops.unbind(x, 1),
    [[3, 2]],
    (x) => [0, 1].map((i) => reshaped([3])(cut(x, 1, i, i + 1))),
  ),
  move(
    'tensorSplit: even',
    (x) => ops.tensorSplit(x, 3),
    [[5, 2]],
    (x) => [cut(x, 0, 0, 2), cut(x, 0, 2, 4), cut(x, 0, 4, 5)],
  ),
  move(
    'tensorSplit: at positions',
    (x) => ops.tensorSplit(x, [1, 1, -1], 1),
    [[2, 4]],
    (x) => [cut(x, 1, 0, 1), cut(x, 1, 1, 1), cut(x, 1, 1, 3), cut(x, 1, 3, 4)],
  ),
]

const turns: OpCase[] = [
  move(
    'roll',
    (x) => ops.roll(x, [1, -2], [0, 1]),
    [[3, 4]],
    moved([3, 4], ([i, j]) => [(i + 2) % 3, (j + 2) % 4]),
  ),
  move(
    'roll: flattened',
    (x) => ops.roll(x, 7),
    [[2, 3]],
    (x) => ({
      shape: [2, 3],
      data: x.data.map((_, i) => x.data[(i + 5) % 6]),
    }),
  ),
  move(
    'rot90',
    (x) => ops.rot90(x),
    [[2, 3]],
    moved([3, 2], ([i, j]) => [j, 2 - i]),
  ),
  move(
    'rot90: three times, other axes',
    (x) => ops.rot90(x, -1, [1, 2]),
    [[2, 2, 3]],
    moved([2, 3, 2], ([k, i, j]) => [k, 1 - j, i]),
  ),
  move(
    'rot90: twice',
    (x) => ops.rot90(x, 2),
    [[2, 3]],
    moved([2, 3], ([i, j]) => [1 - i, 2 - j]),
  ),
  move(
    'repeatInterleave',
    (x) => ops.repeatInterleave(x, 3, 1),
    [[2, 3]],
    moved([2, 9], ([i, j]) => [i, Math.floor(j / 3)]),
  ),
  move(
    'repeatInterleave: each its own',
    (x) => ops.repeatInterleave(x, [0, 2, 1]),
    [[3]],
    moved([3], ([i]) => [[1, 1, 2][i]]),
  ),
]

const windows: OpCase[] = [
  move(
    'asStrided: overlapping',
    (x) => ops.asStrided(x, [3, 2], [2, 1], 1),
    [[2, 4]],
    (x) => build([3, 2], ([i, j]) => x.data[1 + 2 * i + j]),
  ),
  move(
    'asStrided: repeated',
    (x) => ops.asStrided(x, [2, 3], [0, 2]),
    [[6]],
    (x) => build([2, 3], ([, j]) => x.data[2 * j]),
  ),
  move(
    'unfoldAxis',
    (x) => ops.unfoldAxis(x, 1, 3, 2),
    [[2, 6, 2]],
    moved([2, 2, 2, 3], ([i, j, k, w]) => [i, 2 * j + w, k]),
  ),
]

const diagonals: OpCase[] = [
  move(
    'diagonal',
    (x) => ops.diagonal(x, { offset: 1 }),
    [[3, 4]],
    moved([3], ([i]) => [i, i + 1]),
  ),
  move(
    'diagonal: other axes, below',
    (x) => ops.diagonal(x, { offset: -1, axes: [2, 0] }),
    [[3, 2, 3]],
    moved([2, 2], ([k, i]) => [i, k, i + 1]),
  ),
  move(
    'diagonal: outside',
    (x) => ops.diagonal(x, { offset: 4 }),
    [[3, 4]],
    () => build([0], () => 0),
  ),
  move(
    'diagEmbed',
    (x) => ops.diagEmbed(x, { offset: -1 }),
    [[2, 2]],
    (x) => build([2, 3, 3], ([k, i, j]) => (i === j + 1 ? at(x, [k, j]) : 0)),
  ),
  move(
    'diagEmbed: other axes',
    (x) => ops.diagEmbed(x, { axes: [0, 2] }),
    [[2, 3]],
    (x) => build([3, 2, 3], ([i, k, j]) => (i === j ? at(x, [k, j]) : 0)),
  ),
  move(
    'diag: of a vector',
    (x) => ops.diag(x, 1),
    [[2]],
    (x) => build([3, 3], ([i, j]) => (j === i + 1 ? x.data[i] : 0)),
  ),
  move(
    'diag: of a matrix',
    (x) => ops.diag(x, -1),
    [[3, 2]],
    moved([2], ([i]) => [i + 1, i]),
  ),
  move(
    'trace',
    (x) => ops.trace(x),
    [[2, 3]],
    (x) => build([], () => at(x, [0, 0]) + at(x, [1, 1])),
    { kind: 'sums' },
  ),
  move(
    'blockDiag',
    (...x) => ops.blockDiag(x),
    [[2, 2], [3], []],
    (a, b, c) =>
      build([4, 6], ([i, j]) =>
        i < 2 ? (j < 2 ? at(a, [i, j]) : 0) : i === 2 ? (b.data[j - 2] ?? 0) : j === 5 ? c.data[0] : 0,
      ),
  ),
]

const nothing = { inputs: [], noGradient: 'it has no inputs' }
const triangle = (rows: number, columns: number, isIn: (row: number, column: number) => boolean): Nd => {
  const all = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns])
  const found = all.filter(([row, column]) => isIn(row, column))
  return { shape: [2, found.length], data: Float64Array.from([...found.map(([i]) => i), ...found.map(([, j]) => j)]) }
}

const grids: OpCase[] = [
  move(
    'trilIndices',
    () => ops.trilIndices(3, 4, -1),
    [],
    () => triangle(3, 4, (i, j) => j <= i - 1),
    nothing,
  ),
  move(
    'triuIndices',
    () => ops.triuIndices(3, 3, 1),
    [],
    () => triangle(3, 3, (i, j) => j >= i + 1),
    nothing,
  ),
  move(
    'meshgrid',
    (...x) => ops.meshgrid(x),
    [[2], [3]],
    (a, b) => [build([2, 3], ([i]) => a.data[i]), build([2, 3], ([, j]) => b.data[j])],
  ),
  move(
    'meshgrid: xy',
    (...x) => ops.meshgrid(x, { indexing: 'xy' }),
    [[2], [3]],
    (a, b) => [build([3, 2], ([, j]) => a.data[j]), build([3, 2], ([i]) => b.data[i])],
  ),
  move(
    'cartesianProd',
    (...x) => ops.cartesianProd(x),
    [[2], [3]],
    (a, b) => build([6, 2], ([i, j]) => (j === 0 ? a.data[Math.floor(i / 3)] : b.data[i % 3])),
  ),
  move(
    'combinations',
    (x) => ops.combinations(x),
    [[3]],
    (x) =>
      build(
        [3, 2],
        ([i, j]) =>
          x.data[
            [
              [0, 1],
              [0, 2],
              [1, 2],
            ][i][j]
          ],
      ),
  ),
  move(
    'combinations: with replacement',
    (x) => ops.combinations(x, { r: 3, withReplacement: true }),
    [[2]],
    (x) => build([4, 3], ([i, j]) => x.data[Number(j >= 3 - i)]),
  ),
  move(
    'logspace',
    () => ops.logspace(-1, 2, 4, { base: 2, dtype: 'f64' }),
    [],
    () => build([4], ([i]) => 2 ** (i - 1)),
    {
      ...nothing,
      kind: 'elementwise',
    },
  ),
  {
    title: 'vander',
    fn: (x) => [ops.vander(x, { n: 4 }), ops.vander(x, { increasing: true })],
    inputs: [input([3], away(-2, 2, [0]))],
    reference: (x) => [build([3, 4], ([i, j]) => x.data[i] ** (3 - j)), build([3, 3], ([i, j]) => x.data[i] ** j)],
    kind: 'sums',
  },
]

export const arrangeCases: readonly OpCase[] = [...axes, ...joins, ...turns, ...windows, ...diagonals, ...grids]
