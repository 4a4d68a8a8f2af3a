/** @file AdaptiveLogSoftmaxWithLoss: a softmax over many classes, rare ones in clusters with smaller projections. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { add, ge, logicalAnd, lt, neg, sub, where } from '../ops/elementwise.ts'
import { gather } from '../ops/indexing.ts'
import { concat, narrow, reshape, unsqueeze } from '../ops/layout.ts'
import { logSoftmax } from '../ops/normalize.ts'
import { argMax, mean } from '../ops/reduction.ts'
import { cast, constant } from '../ops/table.ts'
import { sameShape, showShape } from '../shape.ts'
import { Linear } from './linear.ts'
import { Module } from './module.ts'
import { Sequential } from './sequential.ts'

export interface AdaptiveLogSoftmaxOptions {
  /** Cluster i has floor(inFeatures / divValue^(i + 1)) features. Default: 4. */
  divValue?: number
  /** Give the head a bias. Default: false. */
  headBias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/**
 * An efficient softmax (Grave et al. 2017): classes are ordered from frequent to rare; those below cutoffs[0] stand in the head, beside one
 * entry for each cluster of rarer ones [cutoffs[i], cutoffs[i + 1]). Shapes are static here: every cluster is computed for every sample.
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly inFeatures: number
  readonly numClasses: number
  /** With numClasses at the end. */
  readonly cutoffs: readonly number[]
  head: Linear
  tail: readonly Sequential[]

  constructor(
    inFeatures: number,
    numClasses: number,
    cutoffs: readonly number[],
    options: AdaptiveLogSoftmaxOptions = {},
  ) {
    super()
    const name = 'AdaptiveLogSoftmaxWithLoss'
    checkOptions(name, options, ['divValue', 'headBias', 'dtype'])
    const { divValue = 4, headBias = false, dtype = 'f32' } = options
    this.inFeatures = checkInteger(name, 'inFeatures', inFeatures, 1)
    this.numClasses = checkInteger(name, 'numClasses', numClasses, 2)
    cutoffs.forEach((cutoff, i) => checkInteger(name, 'a cutoff', cutoff, (cutoffs[i - 1] ?? 0) + 1, numClasses - 1))
    if (cutoffs.length === 0) fail('VALUE', name, 'needs at least one cutoff.')
    if (!(divValue > 0)) fail('VALUE', name, `divValue is a number > 0, got ${divValue}.`)
    this.cutoffs = [...cutoffs, numClasses]
    this.head = new Linear(inFeatures, cutoffs[0]! + cutoffs.length, { bias: headBias, dtype })
    this.tail = cutoffs.map((low, i) => {
      const features = Math.floor(inFeatures / divValue ** (i + 1))
      const size = this.cutoffs[i + 1]! - low
      return new Sequential(
        new Linear(inFeatures, features, { bias: false, dtype }),
        new Linear(features, size, { bias: false, dtype }),
      )
    })
  }

  /** The log-probability of each target, [N], and minus their mean: x [N, inFeatures], target [N] (or [inFeatures] and a scalar). */
  override forward(x: Tensor, target: Tensor): { output: Tensor; loss: Tensor } {
    const lead = x.shape.slice(0, -1)
    if (x.rank < 1 || x.rank > 2 || x.shape[x.rank - 1] !== this.inFeatures || !sameShape(target.shape, lead)) {
      const rule = `needs [N, ${this.inFeatures}] and targets [N]`
      fail('SHAPE', 'AdaptiveLogSoftmaxWithLoss', `${rule}, got ${showShape(x.shape)} and ${showShape(target.shape)}.`)
    }
    const rows = x.rank === 1 ? unsqueeze(x, 0) : x
    const label = reshape(cast(target, 'i64'), [rows.shape[0]!, 1])
    const at = (k: number) => constant(k, 'i64')
    const inside = this.tail.map((_, i) =>
      logicalAnd(ge(label, at(this.cutoffs[i]!)), lt(label, at(this.cutoffs[i + 1]!))),
    )
    // A label that is in no cluster stays as it is, or lies beyond the head and fails there.
    const first = this.cutoffs[0]!
    let place = where(lt(label, at(first)), label, at(first + this.tail.length))
    inside.forEach((mask, i) => (place = where(mask, at(first + i), place)))
    let output = gather(logSoftmax(this.head.forward(rows), 1), 1, place)
    this.tail.forEach((cluster, i) => {
      const own = where(inside[i]!, sub(label, at(this.cutoffs[i]!)), at(0))
      const part = gather(logSoftmax(cluster.forward(rows), 1), 1, own)
      output = add(output, where(inside[i]!, part, constant(0, part.dtype)))
    })
    const each = reshape(output, lead)
    return { output: each, loss: neg(mean(each)) }
  }

  /** The log-probabilities of all classes, [N, numClasses]. */
  logProb(x: Tensor): Tensor {
    const head = logSoftmax(this.head.forward(x), -1)
    const first = this.cutoffs[0]!
    const clusters = this.tail.map((cluster, i) =>
      add(logSoftmax(cluster.forward(x), -1), narrow(head, -1, first + i, 1)),
    )
    return concat([narrow(head, -1, 0, first), ...clusters], -1)
  }

  /** The most probable class of each sample, [N]. */
  predict(x: Tensor): Tensor {
    return argMax(this.logProb(x), -1)
  }

  override extraRepr(): string {
    return `${this.inFeatures}, ${this.numClasses}, cutoffs: [${this.cutoffs.slice(0, -1).join(', ')}]`
  }
}
