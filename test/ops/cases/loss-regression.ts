/** @file Cases of losses of numbers. */
import * as ops from '../../../lib/index.ts'
import { away, integers, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { pointwise, reductions } from '../../support/reference-losses.ts'
import type { Reduction } from '../../support/reference-losses.ts'

type Loss = (x: ops.Tensor, t: ops.Tensor, o: never) => ops.Tensor
type Extra = Record<string, number | boolean>

/** Targets are about 0, inputs away from where a difference has a kink. */
const pair = (
  name: string,
  loss: Loss,
  formula: (x: number, t: number) => number,
  options: Extra = {},
  reduction: Reduction = 'mean',
  x = away(-2.3, 2.3, [-1, -0.5, 0, 0.5, 1], 0.12),
  t = range(-0.05, 0.05),
): OpCase => ({
  title: `${name}: ${reduction}${Object.keys(options).length > 0 ? ` ${JSON.stringify(options)}` : ''}`,
  fn: (a, b) => loss(a, b, { ...options, reduction } as never),
  inputs: [input([3, 4], x), input([3, 4], t)],
  reference: pointwise(formula, reduction),
  kind: 'sums',
})

const huber = (delta: number) => (x: number, t: number) => {
  const d = Math.abs(x - t)
  return d <= delta ? d ** 2 / 2 : delta * (d - delta / 2)
}
const smooth = (beta: number) => (x: number, t: number) => {
  const d = Math.abs(x - t)
  return d < beta ? d ** 2 / 2 / beta : d - beta / 2
}
const stirling = (t: number) => (t > 1 ? t * Math.log(t) - t + Math.log(2 * Math.PI * t) / 2 : 0)

const gaussian = (full: boolean, how: Reduction, shape: number[], eps = 1e-6): OpCase => ({
  title: `gaussianNllLoss: ${how}, var [${shape.join()}]${full ? ', full' : ''}`,
  fn: (x, t, v) => ops.gaussianNllLoss(x, t, v, { full, reduction: how, eps }),
  inputs: [input([3, 4], range(-1, 1)), input([3, 4], range(-1, 1)), input(shape, range(0.5, 2))],
  reference: (x, t, v) =>
    pointwise(
      (a, b, c) =>
        (Math.log(Math.max(c, eps)) + (a - b) ** 2 / Math.max(c, eps)) / 2 + (full ? Math.log(2 * Math.PI) / 2 : 0),
      how,
    )(x, t, shape.length === 1 ? { shape: [3, 1], data: v.data } : v),
  kind: 'sums',
})

export const regressionLossCases: readonly OpCase[] = [
  ...reductions.map((how) => pair('mseLoss', ops.mseLoss, (x, t) => (x - t) ** 2, {}, how)),
  ...reductions.map((how) => pair('l1Loss', ops.l1Loss, (x, t) => Math.abs(x - t), {}, how)),
  ...reductions.map((how) => pair('smoothL1Loss', ops.smoothL1Loss, smooth(1), {}, how)),
  pair('smoothL1Loss', ops.smoothL1Loss, smooth(0.5), { beta: 0.5 }),
  pair('smoothL1Loss', ops.smoothL1Loss, (x, t) => Math.abs(x - t), { beta: 0 }),
  ...reductions.map((how) => pair('huberLoss', ops.huberLoss, huber(1), {}, how)),
  pair('huberLoss', ops.huberLoss, huber(0.5), { delta: 0.5 }),
  ...reductions.map((how) =>
    pair('poissonNllLoss', ops.poissonNllLoss, (x, t) => Math.exp(x) - t * x, {}, how, range(-1, 1), range(0, 3)),
  ),
  pair(
    'poissonNllLoss',
    ops.poissonNllLoss,
    (x, t) => x - t * Math.log(x + 0.1),
    { logInput: false, eps: 0.1 },
    'sum',
    range(0.5, 2),
    range(0, 3),
  ),
  pair(
    'poissonNllLoss',
    ops.poissonNllLoss,
    (x, t) => Math.exp(x) - t * x + stirling(t),
    { full: true },
    'none',
    range(-1, 1),
    away(0, 4, [1]),
  ),
  {
    ...pair('poissonNllLoss', ops.poissonNllLoss, (x, t) => Math.exp(x) - t * x + stirling(t), { full: true }),
    title: 'poissonNllLoss: counts',
    inputs: [input([3, 4], range(-1, 1)), input([3, 4], integers(0, 5), 'i64')],
  },
  ...reductions.map((how) => gaussian(false, how, [3, 4])),
  gaussian(true, 'mean', [3, 1]),
  gaussian(true, 'none', [3]),
  { ...gaussian(false, 'sum', [3, 4], 1), title: 'gaussianNllLoss: eps', noGradient: 'the limit has no kink' },
]
