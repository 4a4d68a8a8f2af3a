/** @file Samplers: in which order the loader takes the samples of a dataset. Plain functions of (seed, epoch), so any epoch can be resumed. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { RandomNumbers } from './random-numbers.ts'

/** What an order may depend on, and on nothing else. */
export interface OrderContext {
  readonly seed: number
  readonly epoch: number
  readonly batchSize: number
}

export interface Sampler {
  /** Samples an epoch. */
  readonly length: number
  /** Indices of the dataset, `length` of them. The loader cuts them into batches. */
  order(context: OrderContext): ArrayLike<number>
}

const counting = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i)

/** 0, 1, 2, ... */
export function sequentialSampler(length: number): Sampler {
  checkInteger('sequentialSampler', 'length', length, 0)
  return { length, order: () => counting(length) }
}

/** Each sample once, in an order that is new in each epoch. */
export function randomSampler(length: number): Sampler {
  checkInteger('randomSampler', 'length', length, 0)
  return { length, order: ({ seed, epoch }) => new RandomNumbers(seed, epoch).shuffle(counting(length)) }
}

export interface WeightedSamplerOptions {
  /** Samples an epoch. Default: as many as there are weights. */
  length?: number
  /** Whether a sample may come several times in an epoch. Default: true. */
  replacement?: boolean
}

/** Samples drawn with chances in proportion to `weights` (they need not sum to 1): for classes of unequal size, say. */
export function weightedSampler(weights: ArrayLike<number>, options: WeightedSamplerOptions = {}): Sampler {
  checkOptions('weightedSampler', options, ['length', 'replacement'])
  const { length = weights.length, replacement = true } = options
  const own = Float64Array.from(weights)
  const possible = own.filter((w) => w > 0).length
  if (own.some((w) => !(w >= 0 && w < Infinity)) || possible === 0) {
    fail('VALUE', 'weightedSampler', 'weights are finite, not negative, and not all 0.')
  }
  checkInteger('weightedSampler', 'length', length, 0, replacement ? undefined : possible)
  const draw = replacement ? drawWith : drawWithout
  return { length, order: ({ seed, epoch }) => draw(own, length, new RandomNumbers(seed, epoch)) }
}

function drawWith(weights: Float64Array, length: number, random: RandomNumbers): Int32Array {
  const sums = new Float64Array(weights.length)
  let total = 0
  weights.forEach((w, i) => (sums[i] = total += w))
  return Int32Array.from({ length }, () => firstAbove(sums, random.uniform() * total))
}

/** The first index whose sum is greater than x. */
function firstAbove(sums: Float64Array, x: number): number {
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sums[middle]! > x) high = middle
    else low = middle + 1
  }
  return low
}

/** Efraimidis and Spirakis, 2006: the samples whose exponential clocks ring first. */
function drawWithout(weights: Float64Array, length: number, random: RandomNumbers): Int32Array {
  const times = weights.map((w) => -Math.log(1 - random.uniform()) / w)
  return counting(weights.length)
    .filter((i) => weights[i]! > 0)
    .sort((a, b) => times[a]! - times[b]! || a - b)
    .slice(0, length)
}

export interface LengthSamplerOptions {
  /** Batches that are sorted together: more means less padding, fewer a more random order. Default: 100. */
  window?: number
  /** Default: true. False takes the whole dataset from short to long. */
  shuffle?: boolean
}

/**
 * Batches of samples of about the same length (bucketing), so that `padded()` has little to fill up: the shuffled samples are sorted
 * within windows of some batches, then the batches are shuffled. `lengths` has one for each sample.
 */
export function lengthSampler(lengths: ArrayLike<number>, options: LengthSamplerOptions = {}): Sampler {
  checkOptions('lengthSampler', options, ['window', 'shuffle'])
  const { window = 100, shuffle = true } = options
  checkInteger('lengthSampler', 'window', window, 1)
  const own = Float64Array.from(lengths)
  if (own.some((n) => !(n >= 0))) fail('VALUE', 'lengthSampler', 'lengths are numbers >= 0.')
  const byLength = (a: number, b: number) => own[a]! - own[b]! || a - b
  const order = ({ seed, epoch, batchSize }: OrderContext) => {
    const indices = counting(own.length)
    if (!shuffle) return indices.sort(byLength)
    const random = new RandomNumbers(seed, epoch)
    random.shuffle(indices)
    const step = window * batchSize
    for (let i = 0; i < indices.length; i += step) indices.subarray(i, i + step).sort(byLength)
    return shuffleBatches(indices, batchSize, random)
  }
  return { length: own.length, order }
}

/** The last batch stays last when it is short. */
function shuffleBatches(indices: Int32Array, batchSize: number, random: RandomNumbers): Int32Array {
  const numWhole = Math.floor(indices.length / batchSize)
  const shuffled = indices.slice()
  random.shuffle(counting(numWhole)).forEach((from, to) => {
    shuffled.set(indices.subarray(from * batchSize, (from + 1) * batchSize), to * batchSize)
  })
  return shuffled
}
