/** @file Cases of ctcLoss: the sum over all alignments, written out. */
import * as ops from '../../../lib/index.ts'
import type { CtcLossOptions } from '../../../lib/index.ts'
import { given, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { alongAxis, at, build, logSoftmaxLine, positionsOf, total } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'
import { reduced } from '../../support/reference-losses.ts'

/** What is left of a path when repeats, then blanks, are dropped. */
const collapsed = (path: readonly number[], blank: number) =>
  path.filter((c, t) => c !== blank && (t === 0 || path[t - 1] !== c))

function lossOf(logp: Nd, n: number, steps: number, labels: readonly number[], blank: number): number {
  const paths = positionsOf(new Array<number>(steps).fill(logp.shape[2]))
  const fitting = paths.filter((path) => collapsed(path, blank).join() === labels.join())
  return -Math.log(total(fitting.map((path) => Math.exp(total(path.map((c, t) => at(logp, [t, n, c])))))))
}

const inputLengths = [4, 3, 4]
const labels = [[1, 2], [1], [2, 2]]

const losses = (x: Nd, { blank = 0, reduction = 'mean', zeroInfinity = false }: CtcLossOptions, used = labels): Nd => {
  const each = used.map((own, n) => {
    const loss = lossOf(x, n, inputLengths[n], own, blank)
    const kept = zeroInfinity && loss === Infinity ? 0 : loss
    return reduction === 'mean' ? kept / Math.max(own.length, 1) : kept
  })
  return reduced({ shape: [used.length], data: Float64Array.from(each) }, reduction)
}

const one = (title: string, options: CtcLossOptions, layout: 'padded' | 'joined' = 'padded', used = labels): OpCase => {
  const padded = used.map((own) => [...own, 1, 1].slice(0, 2))
  const counts = used.map(({ length }) => length)
  const targets = layout === 'padded' ? padded : used
  return {
    title: `ctcLoss: ${title}`,
    fn: (x, t) => ops.ctcLoss(x, t, inputLengths.slice(0, used.length), ops.tensor(counts, { dtype: 'i64' }), options),
    inputs: [
      input([4, used.length, 3], range(-3, -0.2)),
      input(layout === 'padded' ? [used.length, 2] : [targets.flat().length], given(...targets.flat()), 'i64'),
    ],
    reference: (x) => losses(x, options, used),
    kind: 'sums',
  }
}

const logits = (x: ops.Tensor) => ops.logSoftmax(x, -1)

export const ctcCases: readonly OpCase[] = [
  one('mean', {}),
  one('sum', { reduction: 'sum' }),
  one('none', { reduction: 'none' }),
  one('targets one after the other', { reduction: 'none' }, 'joined'),
  one('the last class is blank', { blank: 2 }, 'padded', [[1, 0], [0], [1, 1]]),
  one('no labels', { reduction: 'none' }, 'padded', [[], [1], []]),
  {
    ...one('labels that do not fit', { zeroInfinity: true }, 'padded', [
      [1, 2],
      [1, 1],
      [2, 1],
    ]),
  },
  {
    ...one('of logits', {}),
    fn: (x, t) =>
      ops.ctcLoss(
        logits(x),
        t,
        inputLengths,
        labels.map(({ length }) => length),
      ),
    reference: (x) => losses(alongAxis(2, logSoftmaxLine)(x), {}),
  },
  {
    ...one('one sample', { reduction: 'none' }),
    fn: (x, t) => ops.ctcLoss(x, t, 4, 2, { reduction: 'none' }),
    inputs: [input([4, 3], range(-3, -0.2)), input([2], given(1, 2), 'i64')],
    reference: (x) => build([], () => lossOf({ shape: [4, 1, 3], data: x.data }, 0, 4, [1, 2], 0)),
  },
]
