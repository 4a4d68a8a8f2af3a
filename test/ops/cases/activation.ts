/** @file Cases of the activations that are made of other ops. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { away, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build, elementwise, sigmoid, softplus } from '../../support/reference.ts'

const far = away(-2, 2, [0], 0.2)
const clamped = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high)
const elu = (x: number, alpha = 1) => (x > 0 ? x : alpha * Math.expm1(x))

const of = (
  title: string,
  fn: (x: Tensor) => Tensor,
  reference: (x: number) => number,
  fill: Fill,
  more: Partial<OpCase> = {},
): OpCase => ({
  title,
  fn,
  inputs: [input([3, 4], fill)],
  reference: elementwise(reference),
  kind: 'elementwise',
  shapes: [[[]], [[0]], [[1, 5]]],
  ...more,
})

export const activationCases: readonly OpCase[] = [
  of('elu', ops.elu, (x) => elu(x), far),
  of(
    'elu: alpha',
    (x) => ops.elu(x, { alpha: 0.7 }),
    (x) => elu(x, 0.7),
    far,
  ),
  of('selu', ops.selu, (x) => 1.0507009873554805 * elu(x, 1.6732632423543772), far),
  of(
    'celu: alpha',
    (x) => ops.celu(x, { alpha: 1.5 }),
    (x) => elu(x / 1.5) * 1.5,
    far,
  ),
  of('mish', ops.mish, (x) => x * Math.tanh(softplus(x)), range(-3, 3)),
  of('hardtanh', ops.hardtanh, (x) => clamped(x, -1, 1), away(-2, 2, [-1, 1])),
  of(
    'hardtanh: limits',
    (x) => ops.hardtanh(x, { minVal: -0.5, maxVal: 1.5 }),
    (x) => clamped(x, -0.5, 1.5),
    away(-2, 2, [-0.5, 1.5]),
  ),
  of('relu6', ops.relu6, (x) => clamped(x, 0, 6), away(-2, 8, [0, 6])),
  of('hardswish', ops.hardswish, (x) => (x * clamped(x + 3, 0, 6)) / 6, away(-4, 4, [-3, 3])),
  of('hardsigmoid', ops.hardsigmoid, (x) => clamped(x + 3, 0, 6) / 6, away(-4, 4, [-3, 3])),
  of('hardshrink', ops.hardshrink, (x) => (Math.abs(x) > 0.5 ? x : 0), away(-2, 2, [-0.5, 0.5])),
  of(
    'softshrink: lambd',
    (x) => ops.softshrink(x, { lambd: 0.3 }),
    (x) => Math.sign(x) * Math.max(Math.abs(x) - 0.3, 0),
    away(-2, 2, [-0.3, 0.3]),
  ),
  of('tanhshrink', ops.tanhshrink, (x) => x - Math.tanh(x), away(-3, 3, [0], 0.8), {
    looser: { factor: 8, because: 'a difference of near numbers' },
  }),
  of('softsign', ops.softsign, (x) => x / (1 + Math.abs(x)), far),
  of('leakyRelu', ops.leakyRelu, (x) => (x > 0 ? x : 0.01 * x), far),
  of(
    'leakyRelu: slope',
    (x) => ops.leakyRelu(x, { negativeSlope: 0.3 }),
    (x) => (x > 0 ? x : 0.3 * x),
    far,
  ),
  of(
    'threshold',
    (x) => ops.threshold(x, 0.1, -2),
    (x) => (x > 0.1 ? x : -2),
    away(-1, 1, [0.1]),
  ),
  of(
    'softplus: beta and threshold',
    (x) => ops.softplus(x, { beta: 2, threshold: 3 }),
    (x) => (2 * x > 3 ? x : softplus(2 * x) / 2),
    away(-3, 3, [1.5]),
  ),
  {
    title: 'prelu: a slope a channel',
    fn: ops.prelu,
    inputs: [input([2, 3, 2], far), input([3], range(0.1, 1))],
    reference: (x, w) => build(x.shape, (p) => at(x, p) * (at(x, p) > 0 ? 1 : w.data[p[1]])),
    kind: 'elementwise',
  },
  {
    title: 'prelu: one slope',
    fn: ops.prelu,
    inputs: [input([4], far), input([1], range(0.1, 1))],
    reference: (x, w) => build(x.shape, (p) => at(x, p) * (at(x, p) > 0 ? 1 : w.data[0])),
    kind: 'elementwise',
  },
  {
    title: 'glu',
    fn: (x) => ops.glu(x, 1),
    inputs: [input([2, 4, 3], range(-2, 2))],
    reference: (x) => build([2, 2, 3], ([i, j, k]) => at(x, [i, j, k]) * sigmoid(at(x, [i, j + 2, k]))),
    kind: 'elementwise',
  },
  {
    title: 'softmin',
    fn: (x) => ops.softmin(x, 0),
    inputs: [input([3, 2], range(-2, 2))],
    reference: (x) =>
      build(x.shape, ([i, j]) => 1 / [0, 1, 2].reduce((sum, k) => sum + Math.exp(at(x, [i, j]) - at(x, [k, j])), 0)),
    kind: 'sums',
  },
  {
    title: 'normalize',
    fn: (x) => ops.normalize(x),
    inputs: [input([3, 4], far)],
    reference: (x) => build(x.shape, ([i, j]) => at(x, [i, j]) / Math.hypot(...x.data.slice(4 * i, 4 * i + 4))),
    kind: 'sums',
  },
  {
    title: 'normalize: p and dim',
    fn: (x) => ops.normalize(x, { p: 1, dim: 0 }),
    inputs: [input([2, 3], far)],
    reference: (x) => build(x.shape, ([i, j]) => at(x, [i, j]) / (Math.abs(x.data[j]) + Math.abs(x.data[3 + j]))),
    kind: 'sums',
  },
]
