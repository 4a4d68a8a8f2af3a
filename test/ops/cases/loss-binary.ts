/** @file Cases of losses of independent probabilities and of distributions. */
import * as ops from '../../../lib/index.ts'
import { given, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { Input, OpCase } from '../../support/op-cases.ts'
import { reduction, total } from '../../support/reference.ts'
import { pointwise, reduced, reductions } from '../../support/reference-losses.ts'
import type { Reduction } from '../../support/reference-losses.ts'

const logits = range(-3, 3)
const bits = given(0, 1, 1, 0, 1)
const signs = given(1, -1, -1, 1)
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const entropy = (p: number, t: number) => -(t * Math.log(p) + (1 - t) * Math.log(1 - p))

const loss = (
  title: string,
  fn: OpCase['fn'],
  inputs: readonly Input[],
  formula: (...numbers: number[]) => number,
  how: Reduction = 'mean',
): OpCase => ({ title, fn, inputs, reference: pointwise(formula, how), kind: 'sums' })

const pair = (x: Input['fill'], t: Input['fill']): Input[] => [input([3, 4], x), input([3, 4], t)]
const unit = range(0.1, 0.9)

export const binaryLossCases: readonly OpCase[] = [
  ...reductions.map((how) =>
    loss(
      `binaryCrossEntropy: ${how}`,
      (x, t) => ops.binaryCrossEntropy(x, t, { reduction: how }),
      pair(unit, unit),
      entropy,
      how,
    ),
  ),
  loss(
    'binaryCrossEntropy: weight',
    (x, t, weight) => ops.binaryCrossEntropy(x, t, { weight }),
    [...pair(unit, bits), input([4], range(0.5, 2))],
    (x, t, w) => w * entropy(x, t),
  ),
  {
    ...loss(
      'binaryCrossEntropy: certain and wrong is 100',
      (x, t) => ops.binaryCrossEntropy(x, t, { reduction: 'none' }),
      pair(bits, given(0, 0, 1)),
      (x, t) => (x === t ? 0 : 100),
      'none',
    ),
    noGradient: 'it stands beside pytorch in the test file',
  },
  ...reductions.map((how) =>
    loss(
      `binaryCrossEntropyWithLogits: ${how}`,
      (x, t) => ops.binaryCrossEntropyWithLogits(x, t, { reduction: how }),
      pair(logits, unit),
      (x, t) => entropy(sigmoid(x), t),
      how,
    ),
  ),
  loss(
    'binaryCrossEntropyWithLogits: weight, posWeight',
    (x, t, weight, posWeight) => ops.binaryCrossEntropyWithLogits(x, t, { weight, posWeight }),
    [...pair(logits, bits), input([3, 1], range(0.5, 2)), input([4], range(0.5, 2))],
    (x, t, w, q) => -w * (q * t * Math.log(sigmoid(x)) + (1 - t) * Math.log(sigmoid(-x))),
  ),
  loss(
    'binaryCrossEntropyWithLogits: far out',
    (x, t) => ops.binaryCrossEntropyWithLogits(x, t),
    pair(given(200, -200, 3), given(1, 0, 1, 0)),
    (x, t) => Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x))),
  ),
  ...reductions.map((how) =>
    loss(
      `softMarginLoss: ${how}`,
      (x, t) => ops.softMarginLoss(x, t, { reduction: how }),
      pair(logits, signs),
      (x, t) => Math.log(1 + Math.exp(-t * x)),
      how,
    ),
  ),
  ...reductions.map((how): OpCase => ({
    ...loss(
      `multilabelSoftMarginLoss: ${how}`,
      (x, t, weight) => ops.multilabelSoftMarginLoss(x, t, { weight, reduction: how }),
      [...pair(logits, bits), input([4], range(0.5, 2))],
      entropy,
    ),
    reference: (x, t, w) =>
      reduced(
        reduction((row) => total(row) / 4, [1])(pointwise((a, b, c) => c * entropy(sigmoid(a), b), 'none')(x, t, w)),
        how,
      ),
  })),
  ...reductions.map((how) =>
    loss(
      `klDiv: ${how}`,
      (x, t) => ops.klDiv(x, t, { reduction: how }),
      pair(range(-3, -0.1), unit),
      (x, t) => t * (Math.log(t) - x),
      how,
    ),
  ),
  loss(
    'klDiv: logTarget, batchmean',
    (x, t) => ops.klDiv(x, t, { reduction: 'batchmean', logTarget: true }),
    pair(range(-3, -0.1), range(-3, -0.1)),
    (x, t) => 4 * Math.exp(t) * (t - x),
  ),
  {
    ...loss(
      'klDiv: a target of 0',
      (x, t) => ops.klDiv(x, t),
      pair(range(-3, -0.1), given(0)),
      () => 0,
    ),
    noGradient: 'steep at 0',
  },
  ...reductions.map((how) =>
    loss(
      `focalLoss: ${how}`,
      (x, t) => ops.focalLoss(x, t, { reduction: how }),
      pair(logits, bits),
      (x, t) => (t ? 0.25 : 0.75) * (t ? 1 - sigmoid(x) : sigmoid(x)) ** 2 * entropy(sigmoid(x), t),
      how,
    ),
  ),
  loss(
    'focalLoss: no alpha, gamma',
    (x, t) => ops.focalLoss(x, t, { alpha: -1, gamma: 1.5 }),
    pair(logits, bits),
    (x, t) => (t ? 1 - sigmoid(x) : sigmoid(x)) ** 1.5 * entropy(sigmoid(x), t),
  ),
  {
    title: 'diceLoss',
    fn: (p, t) => ops.diceLoss(p, t, { smooth: 0.5, reduction: 'none' }),
    inputs: [input([2, 2, 3, 2], unit), input([2, 2, 3, 2], bits)],
    reference: (p, t) => {
      const over = reduction(total, [2, 3])
      return pointwise((both, a, b) => 1 - (2 * both + 0.5) / (a + b + 0.5), 'none')(
        over(pointwise((a, b) => a * b, 'none')(p, t)),
        over(p),
        over(t),
      )
    },
    kind: 'sums',
  },
]
