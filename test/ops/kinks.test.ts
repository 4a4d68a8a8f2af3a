/** @file Gradients where finite differences do not decide: at kinks, ties, zeros; and what has none. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('kinks')

const numbers = (t: Tensor) => Array.from(t.dataSync() as Float32Array)

/** Gradients of the sum of fn by each input. */
const slopes = (fn: (...xs: Tensor[]) => Tensor, ...xs: (number[] | number[][])[]) =>
  ops
    .grad((...ts) => ops.sum(fn(...ts)))(...xs.map((x) => ops.tensor(x)))
    .map(numbers)

// As PyTorch has them.
const rows: [string, (...xs: Tensor[]) => Tensor, number[][], number[][]][] = [
  ['relu: 0 at 0', ops.relu, [[0, -0, 1]], [[0, 0, 1]]],
  ['abs: 0 at 0', ops.abs, [[0, -2]], [[0, -1]]],
  ['sign: 0', ops.sign, [[0, -2]], [[0, 0]]],
  ['floor: 0', ops.floor, [[1, 1.5]], [[0, 0]]],
  ['clamp: 1 at the limits', (x) => ops.clamp(x, 0, 1), [[-1, 0, 0.5, 1, 2]], [[0, 1, 1, 1, 0]]],
  [
    'maximum: equal ones share',
    ops.maximum,
    [
      [1, 2, 3],
      [3, 2, 1],
    ],
    [
      [0, 0.5, 1],
      [1, 0.5, 0],
    ],
  ],
  [
    'minimum: equal ones share',
    ops.minimum,
    [
      [1, 2, 3],
      [3, 2, 1],
    ],
    [
      [1, 0.5, 0],
      [0, 0.5, 1],
    ],
  ],
  ['max: equal ones share', (x) => ops.max(x), [[3, 1, 3, 2]], [[0.5, 0, 0.5, 0]]],
  [
    'min: equal ones share',
    (x) => ops.min(x),
    [[1, 1, 1, 2]],
    [[Math.fround(1 / 3), Math.fround(1 / 3), Math.fround(1 / 3), 0]],
  ],
  ['cumprod: zeros', (x) => ops.cumprod(x, 0), [[2, 0, 3, 0, 5]], [[1, 8, 0, 0, 0]]],
  ['cummax: the latest of equal ones', (x) => ops.cummax(x, 0).values, [[1, 1, 0, 2]], [[1, 2, 0, 1]]],
  ['nansum: 0 for NaN', (x) => ops.nansum(x), [[1, NaN, 2]], [[1, 0, 1]]],
  ['nanmean: 0 for NaN', (x) => ops.nanmean(x), [[1, NaN, 2]], [[0.5, 0, 0.5]]],
  ['median: equal ones share', (x) => ops.median(x), [[3, 1, 2, 2, 0]], [[0, 0, 0.5, 0.5, 0]]],
  ['maxWithIndices: the first of equal ones', (x) => ops.maxWithIndices(x, 0).values, [[1, 3, 3]], [[0, 1, 0]]],
  ['sort: by where they stood', (x) => ops.mul(ops.sort(x).values, ops.arange(3)), [[5, 1, 1]], [[2, 0, 1]]],
  ['vectorNorm: 0 at 0', (x) => ops.vectorNorm(x), [[0, 0]], [[0, 0]]],
  ['vectorNorm: a half with a 0', (x) => ops.vectorNorm(x, 0.5), [[0, 4]], [[0, 1]]],
  [
    'scatterReduce: products with zeros',
    (x, s) => ops.scatterReduce(x, 0, ops.tensor([0n, 0n, 1n, 1n, 1n]), s, 'prod'),
    [
      [2, 3],
      [0, 5, 0, 0, 7],
    ],
    [
      [0, 0],
      [10, 0, 0, 0, 0],
    ],
  ],
  [
    'scatterReduce: equal extremes share',
    (x, s) => ops.scatterReduce(x, 0, ops.tensor([0n, 0n, 1n]), s, 'amax'),
    [
      [4, 9],
      [4, 1, 3],
    ],
    [
      [0.5, 1],
      [0.5, 0, 0],
    ],
  ],
  ['pow: square at 0', (x) => ops.pow(x, 2), [[0, -3]], [[0, -6]]],
  ['pow: exponent 0', (x) => ops.pow(x, 0), [[0, 2]], [[0, 0]]],
  [
    'pow: 0 to a tensor',
    ops.pow,
    [
      [0, 0, 2],
      [2, 0, 0],
    ],
    [
      [0, 0, 0],
      [0, 0, Math.fround(Math.LN2)],
    ],
  ],
  ['where: only the chosen side', (x) => ops.where(ops.gt(x, 0), x, ops.mul(x, 3)), [[-1, 0, 2]], [[3, 3, 1]]],
  ['elu: the left side at 0', (x) => ops.elu(x, { alpha: 0.5 }), [[0, 2, 800]], [[0.5, 1, 1]]],
  ['leakyRelu: the left side at 0', (x) => ops.leakyRelu(x, { negativeSlope: 0.5 }), [[0, 1]], [[0.5, 1]]],
  ['hardtanh: 0 at the limits', (x) => ops.hardtanh(x), [[-1, 0, 1]], [[0, 1, 0]]],
  ['relu6: 0 at the limits', ops.relu6, [[0, 1, 6]], [[0, 1, 0]]],
  ['hardsigmoid: 0 at the limits', ops.hardsigmoid, [[-3, 3]], [[0, 0]]],
  ['hardswish: as in PyTorch', ops.hardswish, [[-Infinity, -3, 3, Infinity]], [[0, -0.5, 1, 1]]],
  ['hardshrink: 0 at the limits', (x) => ops.hardshrink(x), [[-0.5, 0.5, 1]], [[0, 0, 1]]],
  ['softshrink: 0 at the limits', (x) => ops.softshrink(x), [[-0.5, 0.5, 1]], [[0, 0, 1]]],
  ['threshold: 0 at it', (x) => ops.threshold(x, 1, 5), [[1, 2]], [[0, 1]]],
  ['logit: 0 outside of eps', (x) => ops.logit(x, { eps: 0.25 }), [[0.1, 0.5]], [[0, 4]]],
  ['nanToNum: 0 where it acted', (x) => ops.nanToNum(x), [[NaN, Infinity, 2]], [[0, 0, 1]]],
  [
    'fmax: x where equal, none for NaN',
    ops.fmax,
    [
      [1, NaN, 2],
      [1, 1, NaN],
    ],
    [
      [1, 0, 1],
      [0, 1, 0],
    ],
  ],
  [
    'clamp: the gradient goes to the limit that acts',
    (x, low) => ops.clamp(x, low),
    [
      [0, 1, 2],
      [1, 1, 1],
    ],
    [
      [0, 1, 1],
      [1, 0, 0],
    ],
  ],
  [
    'copysign: 0 at 0',
    ops.copysign,
    [
      [0, 2, -2],
      [-1, -1, -1],
    ],
    [
      [0, -1, 1],
      [0, 0, 0],
    ],
  ],
  [
    'xlogy: 0 and not -Infinity where both are 0',
    ops.xlogy,
    [
      [0, 0],
      [0, 1],
    ],
    [
      [0, 0],
      [NaN, 0],
    ],
  ],
  [
    'logaddexp: equal ones share',
    ops.logaddexp,
    [
      [1, 500],
      [1, -500],
    ],
    [
      [0.5, 1],
      [0.5, 0],
    ],
  ],
  ['norm: 0 at 0', (x) => ops.norm(x), [[0, 0]], [[0, 0]]],
  ['norm: a sign for p 1', (x) => ops.norm(x, 1), [[0, -2]], [[0, -1]]],
  ['std: 0 where all are equal', (x) => ops.std(x), [[2, 2]], [[0, 0]]],
  ['prod: one zero', (x) => ops.prod(x), [[2, 0, 3]], [[0, 6, 0]]],
  ['prod: two zeros', (x) => ops.prod(x), [[0, 0, 3]], [[0, 0, 0]]],
]

for (const [title, fn, inputs, want] of rows) test(title, () => assert.equal(slopes(fn, ...inputs), want))

test('max: equal ones share along axes', () => {
  assert.equal(
    slopes(
      (x) => ops.max(x, 1),
      [
        [1, 1],
        [2, 3],
      ],
    ),
    [[0.5, 0.5, 0, 1]],
  )
})

test('maxPool2d: the first of equal ones takes the gradient', () => {
  const x = ops.tensor([
    [
      [
        [1, 1],
        [1, 1],
      ],
    ],
  ])
  assert.equal(numbers(ops.grad((t) => ops.sum(ops.maxPool2d(t, 2)))(x)[0]), [1, 0, 0, 0])
})

test('sqrt: infinite at 0', () => assert.equal(slopes(ops.sqrt, [0, 4]), [[Infinity, 0.25]]))

test('logSumExp: infinities', () => {
  assert.equal(
    slopes((x) => ops.logSumExp(x, 0), [-Infinity, 0, 0]),
    [[0, 0.5, 0.5]],
  )
})

test('detach: nothing flows', () =>
  assert.equal(
    slopes((x) => ops.mul(x, x.detach()), [2, 3]),
    [[2, 3]],
  ))

test('cast: nothing flows through integers', () => {
  assert.equal(
    slopes((x) => ops.add(ops.cast(ops.cast(x, 'i32'), 'f32'), x), [2.5]),
    [[1]],
  )
})

test('gradients: several uses of one tensor add up', () =>
  assert.equal(
    slopes((x) => ops.add(ops.mul(x, x), x), [3]),
    [[7]],
  ))

test('gradients: an input that is not used has zeros', () => assert.equal(slopes((x) => x, [1], [1, 2])[1], [0, 0]))

test('gradients: integers give none', () => {
  assert.throws(
    () => ops.grad((x) => ops.argMax(x))(ops.tensor([1, 2])),
    (e: ops.TenonError) => e.code === 'SHAPE' && /scalar float/.test(e.message),
  )
})

test('gradients: an update has none, and says so', () => {
  const v = new ops.Variable(ops.tensor([1]))
  const x = ops.requireGrad(ops.tensor([2]))
  assert.not(ops.assign(v, x).requiresGrad)
})

test('gradients: third order', () => {
  const cube = (x: Tensor) => ops.sum(ops.pow(x, 3))
  const third = ops.grad((x) => ops.sum(ops.grad((y) => ops.sum(ops.grad(cube)(y)[0]))(x)[0]))
  assert.equal(numbers(third(ops.tensor([1, 2]))[0]), [6, 6])
})
