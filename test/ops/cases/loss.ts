/** @file Cases of the losses. */
import * as ops from '../../../lib/index.ts'
import type { CrossEntropyOptions, Tensor } from '../../../lib/index.ts'
import { given, integers, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import {
  alongAxis,
  at,
  average,
  build,
  logSoftmaxLine,
  positionsOf,
  reduction,
  total,
} from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-3, 3)

interface Options {
  weight?: readonly number[]
  ignoreIndex?: number
  labelSmoothing?: number
  reduction?: 'mean' | 'sum' | 'none'
}

/** Of labels, as PyTorch defines it: mean divides by the weights of the labels. logp [B, C, ...] or [C]. */
function labelled(
  logp: Nd,
  labels: Nd,
  { weight, ignoreIndex = -100, labelSmoothing = 0, reduction: how = 'mean' }: Options,
): Nd {
  const axis = logp.shape.length === 1 ? 0 : 1
  const classes = logp.shape[axis]
  const weights = weight ?? new Array<number>(classes).fill(1)
  const positions = positionsOf(labels.shape)
  const entry = (p: readonly number[], c: number) => at(logp, [...p.slice(0, axis), c, ...p.slice(axis)])
  const each = positions.map((p) => {
    const label = at(labels, p)
    if (label === ignoreIndex) return 0
    const spread = total(weights.map((w, c) => -w * entry(p, c))) / classes
    return (1 - labelSmoothing) * -weights[label] * entry(p, label) + labelSmoothing * spread
  })
  const counted = total(positions.map((p) => (at(labels, p) === ignoreIndex ? 0 : weights[at(labels, p)])))
  if (how === 'none') return { shape: labels.shape, data: Float64Array.from(each) }
  return build([], () => total(each) / (how === 'mean' ? counted : 1))
}

/** Of probabilities: mean divides by the number of positions. */
function soft(logp: Nd, target: Nd, { weight, labelSmoothing = 0, reduction: how = 'mean' }: Options): Nd {
  const axis = logp.shape.length === 1 ? 0 : 1
  const classes = logp.shape[axis]
  const terms = build(logp.shape, (p) => {
    const q = at(target, p) * (1 - labelSmoothing) + labelSmoothing / classes
    return -q * (weight?.[p[axis]] ?? 1) * at(logp, p)
  })
  const each = reduction(total, [axis])(terms)
  if (how === 'none') return each
  return build([], () => (how === 'mean' ? average([...each.data]) : total([...each.data])))
}

const options = (o: Options, x: Tensor): CrossEntropyOptions => ({
  ...o,
  weight: o.weight ? ops.tensor([...o.weight]).cast(x.dtype) : null,
})
const logSoftmax = (x: Nd) => alongAxis(x.shape.length === 1 ? 0 : 1, logSoftmaxLine)(x)
const weight = [0.5, 2, 1.25]
const labels = (shape: number[]) => input(shape, integers(0, 3), 'i64')
const some = (shape: number[]) => input(shape, given(0, 2, -100, 1, 1, -100), 'i64')

const hard = (title: string, o: Options, shape = [4, 3], target = labels([4]), shapes: number[][][] = []): OpCase => ({
  title: `crossEntropy: ${title}`,
  fn: (x, t) => ops.crossEntropy(x, t, options(o, x)),
  inputs: [input(shape, fill), target],
  reference: (x, t) => labelled(logSoftmax(x), t, o),
  kind: 'sums',
  shapes,
})

const softTarget = (title: string, o: Options, shape = [4, 3]): OpCase => ({
  title: `crossEntropy: ${title}`,
  fn: (x, t) => ops.crossEntropy(x, t, options(o, x)),
  inputs: [input(shape, fill), input(shape, range(0, 1))],
  reference: (x, t) => soft(logSoftmax(x), t, o),
  kind: 'sums',
})

const entropies: OpCase[] = [
  hard('labels', {}, [4, 3], labels([4]), [
    [[1, 3], [1]],
    [[300, 3], [300]],
  ]),
  hard('sum', { reduction: 'sum' }),
  hard('none', { reduction: 'none' }, [4, 3], labels([4]), [[[0, 3], [0]]]),
  hard('pixels', {}, [2, 3, 2, 2], labels([2, 2, 2])),
  hard('one sample', {}, [3], labels([])),
  hard('i32 labels', {}, [4, 3], input([4], integers(0, 3), 'i32')),
  hard('weight', { weight }),
  hard('weight, none', { weight, reduction: 'none' }),
  hard('ignoreIndex', {}, [6, 3], some([6])),
  hard('ignoreIndex, sum', { ignoreIndex: 1, reduction: 'sum' }, [6, 3], input([6], integers(0, 3), 'i64')),
  hard('smoothing', { labelSmoothing: 0.2 }),
  hard('smoothing, sum', { labelSmoothing: 0.2, reduction: 'sum' }),
  hard('everything', { weight, labelSmoothing: 0.1 }, [6, 3], some([6])),
  hard('everything, none, pixels', { weight, labelSmoothing: 0.1, reduction: 'none' }, [2, 3, 3], some([2, 3])),
  softTarget('probabilities', {}),
  softTarget('probabilities, pixels', {}, [2, 3, 2]),
  softTarget('probabilities, weight, smoothing', { weight, labelSmoothing: 0.3 }),
  softTarget('probabilities, none', { reduction: 'none' }),
]

const likelihood = (title: string, o: Options, shape = [4, 3], target = labels([4])): OpCase => ({
  title: `nllLoss: ${title}`,
  fn: (x, t) => ops.nllLoss(x, t, options(o, x)),
  inputs: [input(shape, fill), target],
  reference: (x, t) => labelled(x, t, o),
  kind: 'sums',
})

const others: OpCase[] = [
  likelihood('labels', {}),
  likelihood('weight, ignoreIndex', { weight, ignoreIndex: 2 }, [6, 3], labels([6])),
  likelihood('none', { reduction: 'none' }),
  likelihood('one sample', { reduction: 'sum' }, [3], labels([])),
]

export const lossCases: readonly OpCase[] = [...entropies, ...others]
