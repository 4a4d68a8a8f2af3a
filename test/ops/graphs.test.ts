/** @file Graphs of several ops: what fusion, sharing and in-place results may get wrong, by hand and at random. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { filled, fromTensors, randomNumbers, range, toTensor } from '../support/arrays.ts'
import { evaluatePlainly } from '../support/op-cases.ts'
import type { Nd } from '../support/reference.ts'
import { suite } from '../support/suite.ts'
import { checkNear } from '../support/tolerance.ts'

const test = suite('graphs')

const leaf = (shape: number[], seed = 1) => toTensor(filled(shape, range(-1, 1), randomNumbers(seed)), 'f32')

function checkSameBits(got: readonly Nd[], want: readonly Nd[], what: string): void {
  want.forEach((x, i) =>
    x.data.forEach(
      (v, j) =>
        Object.is(v, got[i].data[j]) ||
        assert.unreachable(`${what}: result ${i}, element ${j} is ${got[i].data[j]}, wanted ${v}`),
    ),
  )
}

/** Several results of one graph, built anew for each way to compute them. */
const graphs: Record<string, () => Tensor[]> = {
  'a product and what finishes it, both asked for': () => {
    const y = ops.matmul(leaf([5, 7]), leaf([7, 3], 2))
    return [y, y.relu(), y.add(1).exp()]
  },
  'a product and the one chain that reads it, both asked for': () => {
    const y = ops.matmul(leaf([5, 7]), leaf([7, 3], 2))
    return [y, y.relu().neg()]
  },
  'a product that two chains read': () => {
    const y = ops.matmul(leaf([5, 5]), leaf([5, 5], 2))
    return [y.relu().sum(), y.tanh().matmul(leaf([5, 2], 3))]
  },
  'two products in one chain': () => [
    ops
      .matmul(leaf([4, 3]), leaf([3, 6], 2))
      .add(ops.matmul(leaf([4, 5], 3), leaf([5, 6], 4)))
      .relu(),
  ],
  'a product that its own chain reads transposed': () => {
    const y = ops.matmul(leaf([6, 6]), leaf([6, 6], 2))
    return [y.add(y.transpose()).tanh()]
  },
  'a residual around a product': () => {
    const x = leaf([6, 6]).sin()
    return [
      ops
        .matmul(x, leaf([6, 6], 2))
        .add(x)
        .relu(),
    ]
  },
  'a tensor and its transpose': () => {
    const x = leaf([70, 70]).exp()
    return [x.matmul(leaf([70, 1], 2)), x.sub(x.transpose()).tanh(), x.mul(ops.flip(x, [0, 1]))].map((t) => t.sum(0))
  },
  'an intermediate that dies where it is read in another order': () => {
    const x = leaf([130, 130]).matmul(leaf([130, 130], 2))
    const once = x.sum(1, { keepDims: true })
    return [x.sub(once).add(ops.flip(x, 0)).mul(x.transpose())]
  },
  'an intermediate that dies where it is read repeated': () => {
    const x = leaf([64, 64]).softmax()
    return [x.add(ops.narrow(x, 0, 3, 1)).sub(ops.narrow(x, 1, 5, 1))]
  },
  'more inputs than one program takes': () => [
    Array.from({ length: 60 }, (_, i) => leaf([9, 11], i)).reduce((a, b) => a.add(b.mul(a).sin())),
  ],
  'more steps than one program takes': () => {
    let x = leaf([9, 11])
    for (let i = 0; i < 200; i++) x = x.mul(1.01).sin()
    return [x]
  },
  'one tensor in many chains': () => {
    const x = leaf([8, 8]).exp()
    return [
      x.log(),
      x.sum(0).mul(2),
      x.reshape([64]).add(1),
      x
        .slice([
          [2, 5],
          [null, null, -2],
        ])
        .neg(),
      x,
    ]
  },
  'equal subgraphs': () => {
    const half = (x: Tensor) => x.mul(0.5).exp().sum(1, { keepDims: true })
    const x = leaf([5, 4])
    return [half(x).add(half(x)), half(x).mul(x)]
  },
  'numbers only': () => {
    const x = ops.full([1], 3).mul(2).add(ops.full([], 0.25))
    return [x, leaf([4]).mul(x), ops.matmul(leaf([1, 1]), x.reshape([1, 1]))]
  },
  'counting inside a wider chain': () => [
    leaf([3, 5, 4])
      .mul(ops.arange(0, 4, 1, { dtype: 'f32' }))
      .add(ops.arange(0, 5, 1, { dtype: 'f32' }).reshape([5, 1])),
  ],
  'casts there and back': () => [
    leaf([9]).cast('f16').cast('f32'),
    leaf([9]).cast('f64').cast('f32'),
    leaf([9]).mul(9).cast('i8').cast('f32'),
  ],
  'narrow floats': () => {
    const x = leaf([6, 6]).cast('bf16')
    return [x.matmul(x).relu().mul(3).softmax(), x.sum(0).add(x)]
  },
}

const passes = [['fuse'], ['epilogue'], ['place'], ['share'], ['simplify'], undefined]

for (const [title, build] of Object.entries(graphs)) {
  test(`${title}: every pass switched off gives the same bits`, () => {
    const usual = fromTensors(build())
    for (const off of passes) checkSameBits(evaluatePlainly(build(), off), usual, `without ${off ?? 'any'}`)
  })

  test(`${title}: asked for one by one, the same bits`, () => {
    const usual = fromTensors(build())
    usual.forEach((_, i) => checkSameBits(fromTensors([build()[i]]), [usual[i]], `result ${i} alone`))
  })
}

type Choice = (random: () => number, x: Tensor, y: Tensor, z: Tensor) => Tensor

/** All keep [n, n] and stay within small numbers. */
const choices: Choice[] = [
  (_, x, y) => x.add(y).tanh(),
  (_, x, y) => x.mul(y),
  (_, x, y, z) => ops.where(ops.gt(x, y), z, x),
  (_, x, y) => ops.maximum(x, y.neg()),
  (random, x) => x.mul(random() - 0.5),
  (_, x) => x.sin().mul(x),
  (_, x) => x.transpose(),
  (_, x) => ops.flip(x, 1),
  (_, x, y) => x.sub(y.mean(0, { keepDims: true })),
  (_, x, y) => x.add(y.max(1, { keepDims: true })).tanh(),
  (_, x) => x.softmax(0),
  (_, x, y) => x.matmul(y).tanh(),
  (_, x, y) => x.transpose().matmul(y).add(x).relu().sub(0.3).tanh(),
  (_, x, y) => ops.concat([x.slice([[0, 3]]), y.slice([[3, null]])]),
  (_, x) =>
    ops.pad(
      x.slice([
        [1, null],
        [null, -1],
      ]),
      [
        [0, 1],
        [1, 0],
      ],
    ),
  (_, x) => x.reshape([-1]).reshape([x.shape[1], x.shape[0]]),
  (_, x, y) => x.slice([null, [2, 3]]).add(y),
  (_, x) => x.cast('f64').add(1e-9).cast('f32'),
]

/** A random graph; `now` computes each op as soon as it is built. */
function grow(seed: number, now: boolean): { all: Tensor[]; asked: Tensor[] } {
  const random = randomNumbers(seed)
  const n = random() < 0.2 ? 67 : 5
  const all: Tensor[] = [leaf([n, n], seed), leaf([n, n], seed + 1)]
  for (let i = 0; i < 25; i++) {
    const pick = () => all[Math.floor(random() * all.length)]
    const recent = all[Math.max(0, all.length - 1 - Math.floor(random() * 3))]
    const made = choices[Math.floor(random() * choices.length)](random, recent, pick(), pick())
    all.push(now ? toTensor(fromTensors([made])[0], 'f32') : made)
  }
  const asked = all.filter((_, i) => i > 1 && (i === all.length - 1 || random() < 0.15))
  return { all, asked }
}

test('random graphs: passes change no bit, and each op by itself gives the same numbers', () => {
  for (let seed = 100; seed < 220; seed++) {
    const usual = fromTensors(grow(seed, false).asked)
    checkSameBits(evaluatePlainly(grow(seed, false).asked), usual, `graph ${seed} without passes`)
    checkSameBits(evaluatePlainly(grow(seed, false).asked, ['place']), usual, `graph ${seed} without place`)
    const stepwise = fromTensors(grow(seed, true).asked)
    // A product may read a transposed operand in place, which adds in another order.
    usual.forEach((x, i) => checkNear(`graph ${seed}, result ${i}`, x, stepwise[i], { relative: 1e-4, scale: 1e-5 }))
  }
})

test('random graphs: gradients are the same without passes', () => {
  for (let seed = 300; seed < 340; seed++) {
    const slopes = () => {
      const random = randomNumbers(seed)
      return ops.grad((x, y) => {
        const all = [x, y]
        for (let i = 0; i < 12; i++) {
          const pick = () => all[Math.floor(random() * all.length)]
          all.push(choices[Math.floor(random() * choices.length)](random, all[all.length - 1], pick(), pick()))
        }
        return ops.sum(all[all.length - 1])
      })(leaf([6, 6], seed), leaf([6, 6], seed + 1))
    }
    checkSameBits(evaluatePlainly(slopes()), fromTensors(slopes()), `graph ${seed}`)
  }
})
