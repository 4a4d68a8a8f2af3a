/** @file Cases of the reductions: sums, products, extremes, moments, norms, over all kinds of axes. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { away, distinct, given, integers, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { average, product, reduction, spread, total } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'
import type { Kind } from '../../support/tolerance.ts'

type Options = { keepDims?: boolean }
type Reduce = (x: Tensor, axes?: number | readonly number[] | null, options?: Options) => Tensor

const wide = range(-2, 2)
const shape = [2, 3, 4]

function cases(
  name: string,
  op: Reduce,
  fn: (numbers: number[]) => number,
  fill: Fill,
  kind: Kind,
  more: Partial<OpCase> = {},
): OpCase[] {
  const row = (
    title: string,
    axes: readonly number[] | undefined,
    keepDims: boolean,
    shapes: number[][][],
  ): OpCase => ({
    title: `${name}: ${title}`,
    fn: (x) => op(x, axes, { keepDims }),
    inputs: [input(shape, fill)],
    reference: reduction(fn, axes, keepDims),
    kind,
    shapes,
    ...more,
  })
  return [
    row('all axes', undefined, false, [[[1]], [[]], [[7, 9]], [[2, 1, 1, 5]]]),
    row('all axes, kept', undefined, true, [[[2, 1]]]),
    row('first axis', [0], false, [[[1, 5]], [[33]], [[40, 3]]]),
    row('last axis', [-1], false, [[[5, 1]], [[2, 70]]]),
    row('middle axis, kept', [1], true, [[[1, 5, 1]]]),
    row('outer axes', [2, 0], false, [[[3, 1, 2]]]),
    row('no axis', [], false, [[[3, 1, 2]]]),
  ]
}

const single = { isSingle: true }
const smaller = (fn: (numbers: number[]) => number, pick: (...numbers: number[]) => number) => (numbers: number[]) =>
  numbers.length === 0 ? fn(numbers) : pick(...numbers)

const rows: OpCase[] = [
  ...cases('sum', ops.sum, total, wide, 'sums', single),
  ...cases('prod', ops.prod, product, away(-1.5, 1.5, [0], 0.3), 'sums', single),
  ...cases('max', ops.max, (x) => Math.max(...x), distinct(-2, 2), 'moves', single),
  ...cases(
    'min',
    ops.min,
    smaller(() => 0, Math.min),
    distinct(-2, 2),
    'moves',
    single,
  ),
  ...cases('mean', ops.mean, average, wide, 'sums'),
  ...cases('variance', ops.variance, (x) => (x.length === 1 ? NaN : spread(x)), wide, 'solves').filter(
    ({ title }) => !title.includes('no axis'),
  ),
  ...cases('std', ops.std, (x) => (x.length === 1 ? NaN : Math.sqrt(spread(x))), wide, 'solves').filter(
    ({ title }) => !title.includes('no axis'),
  ),
  ...cases('logSumExp', ops.logSumExp, (x) => Math.log(total(x.map(Math.exp))), wide, 'sums'),
  ...cases(
    'norm: 2',
    (x, axes, options) => ops.norm(x, 2, axes, options),
    (x) => Math.sqrt(total(x.map((a) => a * a))),
    away(-2, 2, [0], 0.3),
    'sums',
  ),
  ...cases(
    'norm: 1',
    (x, axes, options) => ops.norm(x, 1, axes, options),
    (x) => total(x.map(Math.abs)),
    away(-2, 2, [0], 0.3),
    'sums',
  ),
  ...cases(
    'norm: Infinity',
    (x, axes, options) => ops.norm(x, Infinity, axes, options),
    (x) => Math.max(...x.map(Math.abs)),
    distinct(-2, 2.1),
    'moves',
  ),
]

const isTrue = { noGradient: 'the result is bool' }
const truth = given(0, 0, 1, 0, -1, 0, 0, 0, NaN)
const logic: OpCase[] = [
  ...cases('any', ops.any, (x) => Number(x.some((a) => a !== 0)), truth, 'moves', isTrue),
  ...(['any', 'all'] as const).map((name): OpCase => ({
    title: `${name}: of nothing`,
    fn: (x) => ops[name](x, 1),
    inputs: [input([2, 0], truth)],
    reference: reduction(() => Number(name === 'all'), [1]),
    kind: 'moves',
    shapes: [[[0, 3]], [[3, 0]]],
    ...isTrue,
  })),
  ...cases('all', ops.all, (x) => Number(x.every((a) => a !== 0)), given(1, 2, 0, NaN, -1, 3), 'moves', isTrue),
]

const position = (better: (a: number, b: number) => boolean) => (x: number[]) =>
  x.reduce((best, a, i) => (better(a, x[best]) ? i : best), 0)
const first = { noGradient: 'the result is a position' }
const ties = integers(-2, 3)

function positions(name: 'argMax' | 'argMin', better: (a: number, b: number) => boolean): OpCase[] {
  const op = ops[name]
  const row = (title: string, fn: OpCase['fn'], reference: (x: Nd) => Nd, shapes: number[][][]): OpCase => ({
    title: `${name}: ${title}`,
    fn,
    inputs: [input(shape, ties)],
    reference,
    kind: 'moves',
    shapes,
    ...first,
  })
  const best = position(better)
  return [
    row('flattened', (x) => op(x), reduction(best), [[[]], [[1]], [[70, 3]]]),
    row('flattened, kept', (x) => op(x, undefined, { keepDims: true }), reduction(best, undefined, true), [[[1, 1]]]),
    row('last axis', (x) => op(x, -1), reduction(best, [-1]), [[[2, 1]], [[3, 100]], [[0, 4]]]),
    row('first axis, kept', (x) => op(x, 0, { keepDims: true }), reduction(best, [0], true), [[[9, 2, 2]]]),
  ]
}

const special: OpCase[] = [
  {
    title: 'sum: nothing is 0',
    fn: (x) => ops.sum(x, 1),
    inputs: [input([2, 0, 3], wide)],
    reference: reduction(total, [1]),
    kind: 'moves',
    shapes: [[[0, 4]], [[4, 0]]],
  },
  {
    title: 'prod: nothing is 1',
    fn: (x) => ops.prod(x, 1),
    inputs: [input([2, 0, 3], wide)],
    reference: reduction(product, [1]),
    kind: 'moves',
    shapes: [[[0, 4]], [[4, 0]]],
  },
  {
    title: 'prod: with zeros',
    fn: (x) => ops.prod(x, 1),
    inputs: [input([3, 3], given(0, 1.5, 2, 0, 0, 3, -1, 2, 0.5))],
    reference: reduction(product, [1]),
    kind: 'moves',
  },
  {
    title: 'variance: correction 0',
    fn: (x) => ops.variance(x, 1, { correction: 0 }),
    inputs: [input(shape, wide)],
    reference: reduction((x) => spread(x, 0), [1]),
    kind: 'solves',
    shapes: [[[3, 1]]],
  },
]

export const reductionCases: readonly OpCase[] = [
  ...rows,
  ...logic,
  ...positions('argMax', (a, b) => a > b),
  ...positions('argMin', (a, b) => a < b),
  ...special,
]
