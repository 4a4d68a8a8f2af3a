/** @file Cases of the products: every combination of ranks, broadcast batches, transposed operands, integers; linear layers. */
import * as ops from '../../../lib/index.ts'
import { integers, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { elementwise, matmul, reshaped, transposed } from '../../support/reference.ts'

const fill = range(-1, 1)

const product = (title: string, a: number[], b: number[], shapes: number[][][] = []): OpCase => ({
  title: `matmul: ${title}`,
  fn: (x, y) => ops.matmul(x, y),
  inputs: [input(a, fill), input(b, fill)],
  reference: matmul,
  kind: 'sums',
  shapes,
  isSingle: true,
})

const ranks: OpCase[] = [
  product(
    'matrices',
    [3, 4],
    [4, 2],
    [
      [
        [1, 1],
        [1, 1],
      ],
      [
        [1, 300],
        [300, 1],
      ],
      [
        [33, 17],
        [17, 65],
      ],
      [
        [2, 0],
        [0, 3],
      ],
      [
        [0, 2],
        [2, 3],
      ],
    ],
  ),
  product(
    'vectors',
    [5],
    [5],
    [
      [[1], [1]],
      [[700], [700]],
    ],
  ),
  product('vector and matrix', [3], [3, 4]),
  product('matrix and vector', [4, 3], [3], [[[65, 130], [130]]]),
  product(
    'batch and matrix',
    [2, 3, 4],
    [4, 2],
    [
      [
        [0, 3, 4],
        [4, 2],
      ],
      [
        [2, 3, 0],
        [0, 2],
      ],
    ],
  ),
  product('batch and vector', [2, 3, 4], [4]),
  product('vector and batch', [3], [2, 3, 4]),
  product('matrix and batch', [3, 4], [2, 4, 2]),
  product(
    'batches',
    [2, 3, 4],
    [2, 4, 2],
    [
      [
        [0, 3, 4],
        [0, 4, 2],
      ],
    ],
  ),
  product(
    'broadcast batches',
    [2, 1, 2, 3],
    [3, 3, 2],
    [
      [
        [1, 1, 2, 3],
        [4, 3, 3, 1],
      ],
    ],
  ),
]

const turned: OpCase[] = [
  {
    ...product('transposed operands', [4, 3], [2, 4]),
    fn: (a, b) => ops.matmul(ops.transpose(a), ops.transpose(b)),
    reference: (a, b) => matmul(transposed(a, [1, 0]), transposed(b, [1, 0])),
  },
  {
    ...product('transposed batches', [2, 4, 3], [2, 2, 4]),
    fn: (a, b) => ops.matmul(ops.transpose(a), ops.transpose(b)),
    reference: (a, b) => matmul(transposed(a, [0, 2, 1]), transposed(b, [0, 2, 1])),
  },
  {
    ...product('heads of attention', [2, 3, 2, 4], [2, 3, 2, 4]),
    fn: (a, b) => ops.matmul(ops.permute(a, [0, 2, 1, 3]), ops.permute(b, [0, 2, 3, 1])),
    reference: (a, b) => matmul(transposed(a, [0, 2, 1, 3]), transposed(b, [0, 2, 3, 1])),
  },
  {
    ...product('a tensor with itself', [3, 3], []),
    fn: (a) => ops.matmul(a, a),
    inputs: [input([3, 3], fill)],
    reference: (a) => matmul(a, a),
  },
  {
    ...product('a column slice', [3, 8], [4, 2]),
    fn: (a, b) => ops.matmul(ops.slice(a, [null, [2, 6]]), b),
    reference: (a, b) =>
      matmul(
        { shape: [3, 4], data: Float64Array.from([0, 1, 2].flatMap((i) => [...a.data.slice(8 * i + 2, 8 * i + 6)])) },
        b,
      ),
  },
]

const whole = integers(-9, 9)
const numbers: OpCase[] = (['i32', 'i64'] as const).map((dtype) => ({
  ...product(
    dtype,
    [3, 4],
    [4, 2],
    [
      [
        [0, 4],
        [4, 2],
      ],
      [
        [3, 0],
        [0, 2],
      ],
      [
        [70, 33],
        [33, 9],
      ],
    ],
  ),
  inputs: [input([3, 4], whole, dtype), input([4, 2], whole, dtype)],
  kind: 'moves',
}))

const layers: OpCase[] = [
  {
    title: 'linear',
    fn: (x, w, b) => ops.linear(x, w, b),
    inputs: [input([2, 3], fill), input([4, 3], fill), input([4], fill)],
    reference: (x, w, b) => elementwise((y, c) => y + c)(matmul(x, transposed(w, [1, 0])), b),
    kind: 'sums',
    shapes: [
      [[2, 5, 3], [4, 3], [4]],
      [[3], [4, 3], [4]],
      [[70, 130], [65, 130], [65]],
    ],
  },
  {
    title: 'linear: then relu',
    fn: (x, w, b) => ops.linear(x, w, b).relu(),
    inputs: [input([2, 3], range(0.1, 1)), input([4, 3], range(0.1, 1)), input([4], fill)],
    reference: (x, w, b) => elementwise((y, c) => Math.max(0, y + c))(matmul(x, transposed(w, [1, 0])), b),
    kind: 'sums',
  },
  {
    title: 'linear: no bias',
    fn: (x, w) => ops.linear(x, w),
    inputs: [input([2, 3], fill), input([4, 3], fill)],
    reference: (x, w) => matmul(x, transposed(w, [1, 0])),
    kind: 'sums',
  },
  {
    title: 'dot',
    fn: (a, b) => ops.dot(a, b),
    inputs: [input([6], fill), input([6], fill)],
    reference: (a, b) => reshaped([])(matmul(a, b)),
    kind: 'sums',
    shapes: [[[0], [0]]],
  },
]

export const contractionCases: readonly OpCase[] = [...ranks, ...turned, ...numbers, ...layers]
