/** @file Cases of the named products and of einsum. */
import * as ops from '../../../lib/index.ts'
import { integers, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build, elementwise, matmul, positionsOf, reduction, reshaped, total } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-1, 1)
const plus = (beta: number, alpha: number) => elementwise((x, y) => beta * x + alpha * y)

const one = (
  title: string,
  fn: OpCase['fn'],
  shapes: number[][],
  reference: OpCase['reference'],
  more: number[][][] = [],
): OpCase => ({
  title,
  fn,
  inputs: shapes.map((shape) => input(shape, fill)),
  reference,
  kind: 'sums',
  shapes: more,
})

/** Every product of elements at every value of all letters, as the equation says. An explicit result; no ellipsis. */
function sumOfProducts(equation: string, inputs: readonly Nd[]): Nd {
  const [left, right] = equation.split('->')
  const parts = left.split(',')
  const sizes = new Map<string, number>()
  parts.forEach((part, i) =>
    [...part].forEach((letter, axis) =>
      sizes.set(letter, inputs[i].shape[axis] === 1 ? (sizes.get(letter) ?? 1) : inputs[i].shape[axis]),
    ),
  )
  const rest = [...sizes.keys()].filter((letter) => !right.includes(letter))
  const inner = positionsOf(rest.map((letter) => sizes.get(letter)!))
  return build(
    [...right].map((letter) => sizes.get(letter)!),
    (outer) =>
      total(
        inner.map((position) => {
          const value = (letter: string) =>
            right.includes(letter) ? outer[right.indexOf(letter)] : position[rest.indexOf(letter)]
          const element = (x: Nd, part: string) =>
            at(
              x,
              [...part].map((letter, axis) => (x.shape[axis] === 1 ? 0 : value(letter))),
            )
          return parts.reduce((product, part, i) => product * element(inputs[i], part), 1)
        }),
      ),
  )
}

/** `plain`: the equation with everything written out. */
const sums = (equation: string, shapes: number[][], plain = equation): OpCase =>
  one(
    `einsum: ${equation} of ${shapes.map((shape) => `[${shape.join()}]`).join(' ')}`,
    (...tensors) => ops.einsum(equation, ...tensors),
    shapes,
    (...arrays) => sumOfProducts(plain, arrays),
  )

const named: OpCase[] = [
  one(
    'mm',
    ops.mm,
    [
      [2, 3],
      [3, 4],
    ],
    matmul,
    [
      [
        [0, 3],
        [3, 4],
      ],
    ],
  ),
  one(
    'bmm',
    ops.bmm,
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    matmul,
    [
      [
        [0, 2, 3],
        [0, 3, 2],
      ],
    ],
  ),
  one('mv', ops.mv, [[2, 3], [3]], matmul),
  one('outer', ops.outer, [[2], [3]], (a, b) => sumOfProducts('i,j->ij', [a, b]), [[[0], [3]]]),
  one(
    'addmm',
    (x, a, b) => ops.addmm(x, a, b),
    [[3], [2, 4], [4, 3]],
    (x, a, b) => plus(1, 1)(x, matmul(a, b)),
  ),
  one(
    'addmm: beta, alpha',
    (x, a, b) => ops.addmm(x, a, b, { beta: 0.5, alpha: -2 }),
    [
      [2, 1],
      [2, 4],
      [4, 3],
    ],
    (x, a, b) => plus(0.5, -2)(x, matmul(a, b)),
  ),
  {
    ...one(
      'addmm: beta 0 looks at nothing',
      () => ops.zeros([1]),
      [[3], [2, 4], [4, 3]],
      (_, a, b) => matmul(a, b),
    ),
    fn: (x, a, b) => ops.addmm(x.div(0), a, b, { beta: 0 }),
  },
  {
    ...one(
      'addmm: i64',
      (x, a, b) => ops.addmm(x, a, b, { beta: 2 }),
      [],
      (x, a, b) => plus(2, 1)(x, matmul(a, b)),
    ),
    inputs: [[3], [2, 4], [4, 3]].map((shape) => input(shape, integers(-9, 9), 'i64')),
    kind: 'moves',
  },
  one(
    'addmv',
    (x, a, b) => ops.addmv(x, a, b, { beta: 3 }),
    [[2], [2, 3], [3]],
    (x, a, b) => plus(3, 1)(x, matmul(a, b)),
  ),
  one(
    'addr',
    (x, a, b) => ops.addr(x, a, b, { alpha: 3 }),
    [[3], [2], [3]],
    (x, a, b) => plus(1, 3)(x, sumOfProducts('i,j->ij', [a, b])),
  ),
  one(
    'baddbmm',
    (x, a, b) => ops.baddbmm(x, a, b, { beta: 2, alpha: 0.5 }),
    [
      [2, 1, 2],
      [2, 2, 3],
      [2, 3, 2],
    ],
    (x, a, b) => plus(2, 0.5)(x, matmul(a, b)),
  ),
  one(
    'addbmm',
    (x, a, b) => ops.addbmm(x, a, b, { alpha: 0.5 }),
    [
      [2, 2],
      [3, 2, 2],
      [3, 2, 2],
    ],
    (x, a, b) => plus(1, 0.5)(x, reduction(total, [0])(matmul(a, b))),
  ),
  one(
    'kron',
    ops.kron,
    [
      [2, 3],
      [2, 2],
    ],
    (a, b) => reshaped([4, 6])(sumOfProducts('ij,kl->ikjl', [a, b])),
  ),
  one('kron: another rank', ops.kron, [[2], [2, 3]], (a, b) => reshaped([2, 6])(sumOfProducts('j,kl->kjl', [a, b]))),
  one(
    'tensordot: two axes',
    (a, b) => ops.tensordot(a, b),
    [
      [2, 3, 2],
      [3, 2, 4],
    ],
    (a, b) => sumOfProducts('ijk,jkl->il', [a, b]),
  ),
  one(
    'tensordot: axes in another order',
    (a, b) =>
      ops.tensordot(a, b, [
        [0, -1],
        [1, 0],
      ]),
    [
      [2, 3, 4],
      [4, 2, 3],
    ],
    (a, b) => sumOfProducts('ijk,kil->jl', [a, b]),
  ),
  one(
    'tensordot: none',
    (a, b) => ops.tensordot(a, b, 0),
    [[2], [3]],
    (a, b) => sumOfProducts('i,j->ij', [a, b]),
  ),
  one('bilinear', ops.bilinear, [[4, 2], [4, 3], [2, 2, 3], [2]], (x, y, w, c) =>
    plus(1, 1)(sumOfProducts('bi,oij,bj->bo', [x, w, y]), c),
  ),
  one(
    'bilinear: more axes, no bias',
    (x, y, w) => ops.bilinear(x, y, w),
    [
      [2, 2, 2],
      [2, 2, 3],
      [2, 2, 3],
    ],
    (x, y, w) => sumOfProducts('bci,oij,bcj->bco', [x, w, y]),
  ),
  one(
    'multiDot',
    (...list) => ops.multiDot(list),
    [
      [2, 3],
      [3, 1],
      [1, 4],
      [4, 2],
    ],
    (...list) => list.reduce(matmul),
  ),
  one(
    'multiDot: vectors at the ends',
    (...list) => ops.multiDot(list),
    [[3], [3, 2], [2]],
    (...list) => list.reduce(matmul),
  ),
]

const letters: OpCase[] = [
  sums('ij,jk->ik', [
    [2, 3],
    [3, 4],
  ]),
  sums(
    'ij,jk',
    [
      [2, 3],
      [3, 4],
    ],
    'ij,jk->ik',
  ),
  sums('bij,bjk->bik', [
    [2, 2, 3],
    [2, 3, 2],
  ]),
  sums('ij->ji', [[2, 3]]),
  sums('ij->', [[2, 3]]),
  sums('ba', [[2, 3]], 'ba->ab'),
  sums('ii->i', [[3, 3]]),
  sums('ii', [[3, 3]], 'ii->'),
  sums('iji->j', [[2, 3, 2]]),
  sums('iii->i', [[3, 3, 3]]),
  sums('ij,ij->ij', [
    [2, 3],
    [2, 3],
  ]),
  sums('ik,jk,k->ij', [[2, 3], [2, 3], [3]]),
  sums('bn,anm,bm->ba', [
    [2, 3],
    [2, 3, 4],
    [2, 4],
  ]),
  sums('ij,kl->', [
    [2, 3],
    [2, 2],
  ]),
  sums('ab,bc,cd,de->ae', [
    [2, 3],
    [3, 2],
    [2, 4],
    [4, 2],
  ]),
  sums(
    '...ij,...jk->...ik',
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    'xyij,yjk->xyik',
  ),
  sums('i...,i->...', [[3, 2, 2], [3]], 'ixy,i->xy'),
  sums(
    '...i,...i',
    [
      [2, 3],
      [2, 3],
    ],
    'xi,xi->x',
  ),
  sums('...->...', [[2, 3]], 'xy->xy'),
  sums(
    'b...,b...->b',
    [
      [2, 3],
      [2, 3],
    ],
    'bx,bx->b',
  ),
  sums('ij,jk->ik', [
    [2, 1],
    [3, 4],
  ]),
  sums('ijk->ik', [[1, 2, 1]]),
  sums(' i j , j -> i ', [[2, 3], [3]], 'ij,j->i'),
  {
    ...sums('ij,j->i', [[2, 3], [3]]),
    title: 'einsum: i64',
    inputs: [input([2, 3], integers(-9, 9), 'i64'), input([3], integers(-9, 9), 'i64')],
    kind: 'moves',
  },
  {
    ...sums('ij,jk->ik', [
      [0, 3],
      [3, 4],
    ]),
    title: 'einsum: empty',
    noGradient: 'there is nothing',
  },
]

export const productCases: readonly OpCase[] = [...named, ...letters]
