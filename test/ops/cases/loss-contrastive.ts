/** @file Cases of contrastive losses and of losses of boxes. */
import * as ops from '../../../lib/index.ts'
import { given, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { build, total } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'
import { reduced, reductions, rowwise } from '../../support/reference-losses.ts'
import type { Reduction } from '../../support/reference-losses.ts'

const fill = range(-1, 1)
const dot = (a: number[], b: number[]) => total(a.map((v, i) => v * b[i]))
const unit = (a: number[]) => a.map((v) => v / Math.sqrt(dot(a, a)))
const rowsOf = (x: Nd) => {
  const d = x.shape[x.shape.length - 1]
  return Array.from({ length: x.data.length / d }, (_, i) => unit([...x.data.slice(i * d, (i + 1) * d)]))
}
/** -log softmax at one place. */
const share = (logits: number[], at: number) => Math.log(total(logits.map(Math.exp))) - logits[at]

const nce = (title: string, options: ops.InfoNceOptions, how: Reduction = 'mean', negatives?: number[]): OpCase => ({
  title: `infoNce: ${title}`,
  fn: (q, k, wrong) => ops.infoNce(q, k, { ...options, reduction: how, negatives: wrong }),
  inputs: [input([3, 4], fill), input([3, 4], fill), ...(negatives ? [input(negatives, fill)] : [])],
  reference: (q, k, wrong) => {
    const t = options.temperature ?? 0.1
    const [a, b, c] = [rowsOf(q), rowsOf(k), wrong ? rowsOf(wrong) : []]
    const each = (from: number[][], to: number[][], i: number) => {
      if (!wrong)
        return share(
          to.map((key) => dot(from[i], key) / t),
          i,
        )
      const own = wrong.shape.length === 3 ? c.slice(i * wrong.shape[1], (i + 1) * wrong.shape[1]) : c
      return share([dot(from[i], to[i]) / t, ...own.map((key) => dot(from[i], key) / t)], 0)
    }
    const one = build([3], ([i]) => (options.symmetric ? (each(a, b, i) + each(b, a, i)) / 2 : each(a, b, i)))
    return reduced(one, how)
  },
  kind: 'sums',
})

/** Pairs of boxes that meet, and that do not. */
const boxes: Fill = given(0.1, 0.2, 0.7, 0.9, 0.35, 0.15, 0.8, 0.6, 0, 0.05, 0.22, 0.33)
const others: Fill = given(0.3, 0.1, 0.85, 0.7, 0.2, 0.25, 0.9, 0.5, 0.4, 0.5, 0.75, 0.96)

type Numbers = number[]
const areaOf = ([a, b, c, d]: Numbers) => (c - a) * (d - b)
const iou = (p: Numbers, t: Numbers) => {
  const w = Math.max(0, Math.min(p[2], t[2]) - Math.max(p[0], t[0]))
  const h = Math.max(0, Math.min(p[3], t[3]) - Math.max(p[1], t[1]))
  const union = areaOf(p) + areaOf(t) - w * h
  return { iou: (w * h) / (union + 1e-7), union }
}
const around = (p: Numbers, t: Numbers) => p.map((v, i) => (i < 2 ? Math.min : Math.max)(v, t[i]))
const giou = (p: Numbers, t: Numbers) => {
  const [o, whole] = [iou(p, t), areaOf(around(p, t))]
  return 1 - o.iou + (whole - o.union) / (whole + 1e-7)
}
const diou = (p: Numbers, t: Numbers) => {
  const hull = around(p, t)
  const middle = (b: Numbers, i: number) => (b[i] + b[i + 2]) / 2
  const off = (middle(p, 0) - middle(t, 0)) ** 2 + (middle(p, 1) - middle(t, 1)) ** 2
  return 1 - iou(p, t).iou + off / ((hull[2] - hull[0]) ** 2 + (hull[3] - hull[1]) ** 2 + 1e-7)
}
const ciou = (p: Numbers, t: Numbers) => {
  const slope = (b: Numbers) => Math.atan((b[2] - b[0]) / (b[3] - b[1] + 1e-7))
  const v = (4 / Math.PI ** 2) * (slope(p) - slope(t)) ** 2
  return diou(p, t) + (v / (1 - iou(p, t).iou + v + 1e-7)) * v
}

const boxCase = (
  name: 'iouLoss' | 'giouLoss' | 'diouLoss' | 'ciouLoss',
  formula: (p: Numbers, t: Numbers) => number,
  how: Reduction,
): OpCase => ({
  title: `${name}: ${how}`,
  fn: (a, b) => ops[name](a, b, { reduction: how }),
  inputs: [input([3, 4], boxes), input([3, 4], others)],
  reference: rowwise(formula, how),
  kind: 'sums',
  ...(name === 'ciouLoss' ? { noGradient: 'alpha counts as a number' } : {}),
})

export const contrastiveLossCases: readonly OpCase[] = [
  ...reductions.map((how): OpCase => ({
    title: `contrastiveLoss: ${how}`,
    fn: (a, b, t) => ops.contrastiveLoss(a, b, t, { margin: 1.3, reduction: how }),
    inputs: [input([4, 3], fill), input([4, 3], fill), input([4], given(1, 0, 0, 1), 'i64')],
    reference: rowwise((a, b, [t]) => {
      const d = Math.hypot(...a.map((v, i) => v - b[i] + 1e-6))
      return (t ? d * d : Math.max(0, 1.3 - d) ** 2) / 2
    }, how),
    kind: 'sums',
  })),
  ...reductions.map((how) => nce(how, {}, how)),
  nce('symmetric, temperature', { symmetric: true, temperature: 0.5 }),
  nce('negatives', { temperature: 0.7 }, 'mean', [2, 4]),
  nce('negatives of each', { temperature: 0.7 }, 'none', [3, 2, 4]),
  ...(['mean', 'none'] as const).flatMap((how) => [
    boxCase('iouLoss', (p, t) => 1 - iou(p, t).iou, how),
    boxCase('giouLoss', giou, how),
    boxCase('diouLoss', diou, how),
    boxCase('ciouLoss', ciou, how),
  ]),
  {
    title: 'boxIou',
    fn: ops.boxIou,
    inputs: [input([2, 4], boxes), input([3, 4], others)],
    reference: (a, b) =>
      build([2, 3], ([i, j]) => iou([...a.data.slice(4 * i, 4 * i + 4)], [...b.data.slice(4 * j, 4 * j + 4)]).iou),
    kind: 'sums',
  },
]
