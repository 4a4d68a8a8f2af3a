/** @file Metrics of classification, regression and language modelling. Metric and what makes one are in metric.ts. */
import { isFloat } from '../dtype.ts'
import type { TypedArray } from '../dtype.ts'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { abs, div, eq, gt, le, logicalAnd, logicalNot, mul, ne, square, sub } from '../ops/elementwise.ts'
import { gather } from '../ops/indexing.ts'
import { reshape, unsqueeze } from '../ops/layout.ts'
import { crossEntropy } from '../ops/loss.ts'
import { softmax } from '../ops/normalize.ts'
import { argMax, sum } from '../ops/reduction.ts'
import { cast, operand } from '../ops/table.ts'
import { sameShape, showShape } from '../shape.ts'
import { GraphMetric } from './metric.ts'
import type { Metric } from './metric.ts'

export interface LabelOptions {
  /** Labels that are left out. Default: -100. */
  ignoreIndex?: number
}

/** Predicted and true classes, [N] each, i32; how many classes there are. */
interface Labels {
  readonly predicted: Tensor
  readonly truth: Tensor
  readonly numClasses: number
}

/**
 * output: logits [B, C, ...], or one logit for two classes (as large as target; above 0 is class 1). target: labels [B, ...],
 * or the shape of the logits (one-hot, probabilities: the largest counts).
 */
function labelsOf(op: string, output: Tensor, target: Tensor): Labels {
  const flat = (t: Tensor) => reshape(cast(t, 'i32'), [-1])
  const isSame = sameShape(output.shape, target.shape)
  const numClasses = output.rank > 1 ? output.shape[1]! : 1
  if (output.rank > 1 && numClasses > 1) {
    if (isSame && isFloat(target.dtype))
      return { predicted: flat(argMax(output, 1)), truth: flat(argMax(target, 1)), numClasses }
    const expected = output.shape.filter((_, i) => i !== 1)
    check(
      sameShape(target.shape, expected),
      'SHAPE',
      op,
      () =>
        `labels must be ${showShape(expected)} for logits ${showShape(output.shape)}, got ${showShape(target.shape)}.`,
    )
    return { predicted: flat(argMax(output, 1)), truth: flat(target), numClasses }
  }
  checkAsMany(op, output, target)
  return { predicted: flat(gt(output, 0)), truth: flat(target), numClasses: 2 }
}

function checkAsMany(op: string, output: Tensor, target: Tensor): void {
  check(
    output.size === target.size,
    'SHAPE',
    op,
    () =>
      `output and target must have as many elements, got ${showShape(output.shape)} and ${showShape(target.shape)}.`,
  )
}

/** Right ones and all, of those that are not left out. */
function countRight(op: string, output: Tensor, target: Tensor, ignoreIndex: number): readonly [Tensor, Tensor] {
  const { predicted, truth } = labelsOf(op, output, target)
  const counted = ne(truth, operand(ignoreIndex, 'i32'))
  return [sum(cast(logicalAnd(eq(predicted, truth), counted), 'f64')), sum(cast(counted, 'f64'))]
}

/** A metric that is a quotient of two sums, or a function of it. */
class RatioMetric extends GraphMetric {
  readonly name: string
  readonly #measure: (output: Tensor, target: Tensor) => readonly [Tensor, Tensor]
  readonly #finish: (ratio: number) => number

  constructor(
    name: string,
    measure: (output: Tensor, target: Tensor) => readonly [Tensor, Tensor],
    finish: (ratio: number) => number = (ratio) => ratio,
  ) {
    super()
    this.name = name
    this.#measure = measure
    this.#finish = finish
  }

  override measure(output: Tensor, target: Tensor): readonly Tensor[] {
    return this.#measure(output, target)
  }

  override add([above, below]: readonly TypedArray[]): void {
    this.sum([Number(above![0]), Number(below![0])])
  }

  override compute(): number {
    return this.#finish((this.totals[0] ?? 0) / (this.totals[1] ?? 0))
  }
}

/**
 * Share of samples whose most probable class is the true one. As a function of a batch, `accuracy(logits, labels)`, a scalar; without
 * tensors a Metric. Logits [B, C, ...] with labels [B, ...], or one logit a sample.
 */
export function accuracy(output: Tensor, target: Tensor): Tensor
export function accuracy(options?: LabelOptions): Metric
export function accuracy(first?: Tensor | LabelOptions, target?: Tensor): Tensor | Metric {
  if (first instanceof Tensor) {
    if (!(target instanceof Tensor)) return fail('VALUE', 'accuracy', 'needs the labels as well.')
    const [right, all] = countRight('accuracy', first, target, -100)
    return cast(div(right, all), 'f32')
  }
  checkOptions('accuracy', first, ['ignoreIndex'])
  const { ignoreIndex = -100 } = first ?? {}
  return new RatioMetric('accuracy', (output, labels) => countRight('accuracy', output, labels, ignoreIndex))
}

/** Share of samples whose true class is among the k most probable. Logits [B, C, ...], labels [B, ...]. */
export function topK(k: number, options: LabelOptions = {}): Metric {
  checkInteger('topK', 'k', k, 1)
  checkOptions('topK', options, ['ignoreIndex'])
  const { ignoreIndex = -100 } = options
  return new RatioMetric(`top${k}`, (output, target) => {
    check(
      output.rank > 1 && target.rank === output.rank - 1,
      'SHAPE',
      'topK',
      () =>
        `needs logits [B, C, ...] and labels [B, ...], got ${showShape(output.shape)} and ${showShape(target.shape)}.`,
    )
    const labels = cast(target, 'i64')
    const counted = ne(labels, operand(ignoreIndex, 'i64'))
    const own = gather(output, 1, unsqueeze(mul(labels, cast(counted, 'i64')), 1))
    // What is not below or equal stands before it; NaN does, too.
    const rank = sum(cast(logicalNot(le(output, own)), 'f64'), 1)
    const isHit = logicalAnd(rank.lt(k), counted)
    return [sum(cast(isHit, 'f64')), sum(cast(counted, 'f64'))]
  })
}

export interface ConfusionMatrix extends Metric {
  /** Samples by true class (row) and predicted class (column). */
  counts(): number[][]
}

/** Counts of true against predicted classes; compute() gives the share on the diagonal, which is the accuracy. */
export function confusionMatrix(options: LabelOptions = {}): ConfusionMatrix {
  return new Confusion('confusionMatrix', options, [], ({ right, all }) => right / all)
}

export interface AverageOptions extends LabelOptions {
  /**
   * 'binary': of one class, `positive`; 'macro': mean over classes; 'weighted': mean by how often a class is true; 'micro': of all
   * decisions together. Default: 'binary' for two classes, else 'macro'.
   */
  average?: 'binary' | 'macro' | 'weighted' | 'micro'
  /** The class that counts for 'binary'. Default: 1. */
  positive?: number
}

/** Share of true ones among those that were predicted as a class; 0 where none was. */
export function precision(options: AverageOptions = {}): Metric {
  return averaged('precision', options, (hits, predicted) => ratio(hits, predicted))
}

/** Share of a class that was found; 0 where there is none of it. */
export function recall(options: AverageOptions = {}): Metric {
  return averaged('recall', options, (hits, _, truly) => ratio(hits, truly))
}

/** Harmonic mean of precision and recall of a class. */
export function f1(options: AverageOptions = {}): Metric {
  return averaged('f1', options, (hits, predicted, truly) => ratio(2 * hits, predicted + truly))
}

const ratio = (above: number, below: number) => (below === 0 ? 0 : above / below)

interface Tallies {
  readonly right: number
  readonly all: number
  /** By class: right ones, predicted ones, true ones. */
  readonly classes: readonly (readonly [hits: number, predicted: number, truly: number])[]
}

class Confusion extends GraphMetric implements ConfusionMatrix {
  readonly name: string
  readonly #ignoreIndex: number
  readonly #finish: (tallies: Tallies) => number
  #numClasses = 0

  constructor(name: string, options: LabelOptions, more: readonly string[], finish: (tallies: Tallies) => number) {
    super()
    checkOptions(name, options, ['ignoreIndex', ...more])
    this.name = name
    this.#ignoreIndex = options.ignoreIndex ?? -100
    this.#finish = finish
  }

  override measure(output: Tensor, target: Tensor): readonly Tensor[] {
    const { predicted, truth, numClasses } = labelsOf(this.name, output, target)
    this.#numClasses = numClasses
    return [predicted, truth]
  }

  override add([predicted, truth]: readonly TypedArray[]): void {
    const n = this.#numClasses
    if (this.totals.length === 0) this.totals = new Array<number>(n * n).fill(0)
    for (let i = 0; i < truth!.length; i++) {
      const label = Number(truth![i])
      if (label === this.#ignoreIndex) continue
      if (label < 0 || label >= n) fail('INDEX', this.name, `a label must lie in [0, ${n}), got ${label}.`)
      this.totals[label * n + Number(predicted![i])]!++
    }
  }

  override load(state: unknown): void {
    super.load(state)
    this.#numClasses = Math.sqrt(this.totals.length)
  }

  counts(): number[][] {
    const n = Math.sqrt(this.totals.length)
    return Array.from({ length: n }, (_, row) => this.totals.slice(row * n, (row + 1) * n))
  }

  override compute(): number {
    const counts = this.counts()
    const total = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
    const hits = counts.map((row, i) => row[i]!)
    const classes = hits.map((h, i) => [h, total(counts.map((row) => row[i]!)), total(counts[i]!)] as const)
    return this.#finish({ right: total(hits), all: total(this.totals), classes })
  }
}

type Score = (hits: number, predicted: number, truly: number) => number

function averaged(name: string, options: AverageOptions, score: Score): Metric {
  const { average, positive = 1 } = options
  const known = average === undefined || ['binary', 'macro', 'weighted', 'micro'].includes(average)
  check(known, 'VALUE', name, () => `average is 'binary', 'macro', 'weighted' or 'micro', got ${String(average)}.`)
  return new Confusion(name, options, ['average', 'positive'], ({ right, all, classes }) => {
    if (classes.length === 0) return NaN
    const scores = classes.map((counts) => score(...counts))
    switch (average ?? (classes.length === 2 ? 'binary' : 'macro')) {
      case 'binary':
        return scores[positive] ?? fail('VALUE', name, `there is no class ${positive} among ${classes.length}.`)
      case 'macro':
        return scores.reduce((a, b) => a + b, 0) / scores.length
      case 'weighted':
        return scores.reduce((a, b, i) => a + b * classes[i]![2], 0) / all
      case 'micro':
        return score(right, all, all)
    }
  })
}

/**
 * Area under the ROC curve: how often a sample of the class has a higher score than one that is not of it, ties counting half (Mann &
 * Whitney 1947). One logit a sample, or logits [B, C]; for more than two classes the mean of each against the rest, by softmax. Keeps
 * the scores of all samples.
 */
export function auc(options: LabelOptions = {}): Metric {
  return new Auc(options)
}

class Auc extends GraphMetric {
  readonly name = 'auc'
  readonly #ignoreIndex: number

  constructor(options: LabelOptions) {
    super()
    checkOptions('auc', options, ['ignoreIndex'])
    this.#ignoreIndex = options.ignoreIndex ?? -100
  }

  override measure(output: Tensor, target: Tensor): readonly Tensor[] {
    const { truth, numClasses } = labelsOf('auc', output, target)
    check(output.rank <= 2, 'SHAPE', 'auc', () => `needs logits [B] or [B, C], got ${showShape(output.shape)}.`)
    if (numClasses > 2) return [truth, cast(softmax(output, 1), 'f64')]
    const isPair = output.rank === 2 && output.shape[1] === 2
    const score = isPair ? sub(output.narrow(1, 1, 1), output.narrow(1, 0, 1)) : output
    return [truth, cast(score, 'f64')]
  }

  /** Totals: scores a sample, then the label and the scores of each sample. */
  override add([truth, scores]: readonly TypedArray[]): void {
    const width = scores!.length / truth!.length
    if (this.totals.length === 0) this.totals.push(width)
    for (let i = 0; i < truth!.length; i++) {
      const label = Number(truth![i])
      if (label === this.#ignoreIndex) continue
      this.totals.push(label)
      for (let j = 0; j < width; j++) this.totals.push(Number(scores![i * width + j]))
    }
  }

  override compute(): number {
    const [width = 1, ...rows] = this.totals
    const n = rows.length / (width + 1)
    const labels = Array.from({ length: n }, (_, i) => rows[i * (width + 1)]!)
    const column = (j: number) => labels.map((_, i) => rows[i * (width + 1) + 1 + j]!)
    if (width === 1)
      return areaUnder(
        column(0),
        labels.map((label) => label === 1),
      )
    const areas = Array.from({ length: width }, (_, j) =>
      areaUnder(
        column(j),
        labels.map((label) => label === j),
      ),
    )
    const present = areas.filter((area) => !Number.isNaN(area))
    return present.reduce((a, b) => a + b, 0) / present.length
  }
}

/** NaN where there are only positives or only negatives. */
function areaUnder(scores: readonly number[], isPositive: readonly boolean[]): number {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!)
  const positives = isPositive.filter(Boolean).length
  let rankSum = 0
  for (let i = 0; i < order.length;) {
    let end = i + 1
    while (end < order.length && scores[order[end]!] === scores[order[i]!]) end++
    const meanRank = (i + 1 + end) / 2
    for (; i < end; i++) if (isPositive[order[i]!]) rankSum += meanRank
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (scores.length - positives))
}

/** Mean absolute error over all elements. */
export function mae(): Metric {
  return new RatioMetric('mae', (output, target) => elementwise('mae', output, target, abs))
}

/** Mean squared error over all elements. */
export function mse(): Metric {
  return new RatioMetric('mse', (output, target) => elementwise('mse', output, target, square))
}

/** Root of the mean squared error over all elements of all batches. */
export function rmse(): Metric {
  return new RatioMetric('rmse', (output, target) => elementwise('rmse', output, target, square), Math.sqrt)
}

function elementwise(op: string, output: Tensor, target: Tensor, of: (x: Tensor) => Tensor): readonly [Tensor, Tensor] {
  checkAsMany(op, output, target)
  const difference = sub(cast(output, 'f64'), reshape(cast(target, 'f64'), output.shape))
  return [sum(of(difference)), operand(output.size, 'f64')]
}

/** exp of the mean cross-entropy over all labels. Logits [B, C, ...], labels [B, ...]. */
export function perplexity(options: LabelOptions = {}): Metric {
  checkOptions('perplexity', options, ['ignoreIndex'])
  const { ignoreIndex = -100 } = options
  const measure = (output: Tensor, target: Tensor) => {
    const counted = ne(cast(target, 'i64'), operand(ignoreIndex, 'i64'))
    const total = crossEntropy(output, target, { ignoreIndex, reduction: 'sum' })
    return [cast(total, 'f64'), sum(cast(counted, 'f64'))] as const
  }
  return new RatioMetric('perplexity', measure, Math.exp)
}
