import * as assert from 'uvu/assert'
import {
  assign,
  compile,
  cond,
  evaluate,
  grad,
  ones,
  scan,
  tensor,
  TenonError,
  Variable,
  whileLoop,
  zeros,
} from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('control flow')
const list = async (t: Tensor) => Array.from(await t.data(), Number)
const close = (a: readonly number[], b: readonly number[], tolerance = 1e-6) =>
  a.forEach((x, i) => assert.ok(Math.abs(x - b[i]!) <= tolerance * Math.max(1, Math.abs(b[i]!)), `${a} and ${b}`))
const f64 = (data: number[]) => tensor(data, { dtype: 'f64' })
const throwsWith = (fn: () => unknown, code: string, words: RegExp) =>
  assert.throws(fn, (error: TenonError) => error.code === code && words.test(error.message))

test('cond: gives the results of the function that the condition chose', async () => {
  const choose = compile((x, p) =>
    cond(
      p.gt(0).reshape([]),
      (t) => [t.mul(2)],
      (t) => [t.sub(1)],
      [x],
    ),
  )
  assert.equal(await list((await choose(tensor([3, 4]), tensor([1])))[0]!), [6, 8])
  assert.equal(await list((await choose(tensor([3, 4]), tensor([-1])))[0]!), [2, 3])
})

test('cond: reads what it closes over, variables too', async () => {
  const v = new Variable(tensor([5]))
  const outside = tensor([2]).mul(3)
  const [y] = cond(
    tensor(true),
    () => [outside.add(v)],
    () => [outside.sub(v)],
  )
  assert.equal(await list(y!), [11])
  assert.equal(
    await list(
      cond(
        tensor(false),
        () => [outside.add(v)],
        () => [outside.sub(v)],
      )[0]!,
    ),
    [1],
  )
})

test('cond: only the chosen branch runs', async () => {
  const table = ones([3])
  const far = tensor([7n])
  const [y] = cond(
    tensor(false),
    () => [table.take(far, 0)],
    () => [zeros([1])],
  )
  assert.equal(await list(y!), [0])
  const [z] = cond(
    tensor(true),
    () => [table.take(far, 0)],
    () => [zeros([1])],
  )
  const error = (await z!.data().then(
    () => null,
    (e: unknown) => e,
  )) as TenonError
  assert.is(error.code, 'INDEX')
})

test('cond: is differentiable, by operands and by what it closes over', async () => {
  const slopes = (flag: boolean) =>
    grad((x, w) =>
      cond(
        tensor(flag),
        (t) => [t.mul(w).square()],
        (t) => [t.add(w)],
        [x],
      )[0]!.sum(),
    )(f64([2, 3]), f64([4, 5]))
  close(await list(slopes(true)[0]!), [2 * 2 * 16, 2 * 3 * 25])
  close(await list(slopes(true)[1]!), [2 * 4 * 4, 2 * 5 * 9])
  close(await list(slopes(false)[0]!), [1, 1])
})

test('cond: branches must agree in shape and dtype', () => {
  throwsWith(
    () =>
      cond(
        tensor(true),
        () => [ones([2])],
        () => [ones([3])],
      ),
    'SHAPE',
    /same shapes/,
  )
  throwsWith(
    () =>
      cond(
        tensor([1]),
        () => [ones([2])],
        () => [ones([2])],
      ),
    'DTYPE',
    /one bool/,
  )
})

test('whileLoop: repeats until the test fails', async () => {
  // Newton's square root, until the step is small.
  const root = compile((a) =>
    whileLoop(
      (x, step) => step.abs().gt(1e-12),
      (x) => {
        const next = x.add(a.div(x)).div(2)
        return [next, next.sub(x)]
      },
      [a, ones([], { dtype: 'f64' })],
    ),
  )
  close(await list((await root(tensor(2, { dtype: 'f64' })))[0]!), [Math.SQRT2], 1e-12)
})

test('whileLoop: swaps parts of its state, keeps integers, stops at maxIterations', async () => {
  const [a, b] = whileLoop(
    (x) => x.lt(1000),
    (x, y) => [y, x.add(y)],
    [tensor(0n), tensor(1n)],
  )
  assert.equal([await a!.item(), await b!.item()], [1597, 2584])
  const [n] = whileLoop(
    () => tensor(true),
    (x) => [x.add(1)],
    [tensor(0n)],
    { maxIterations: 7 },
  )
  assert.is(await n!.item(), 7)
  const [none] = whileLoop(
    (x) => x.gt(0),
    (x) => [x.sub(1)],
    [tensor(0n)],
  )
  assert.is(await none!.item(), 0)
})

test('whileLoop: has no gradient and says what to use', () => {
  throwsWith(
    () =>
      grad(
        (x) =>
          whileLoop(
            (s) => s.lt(10),
            (s) => [s.mul(2)],
            [x],
          )[0]!,
      )(tensor(1)),
    'GRADIENT',
    /scan/,
  )
})

test('scan: a recurrence over the rows of a sequence', async () => {
  const xs = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  const { carry, ys } = scan(([s], [x]) => ({ carry: [s!.add(x!)], ys: [s!.mul(x!)] }), [zeros([2])], [xs])
  assert.equal(await list(carry[0]!), [9, 12])
  assert.equal(await list(ys[0]!), [0, 0, 3, 8, 20, 36])
})

test('scan: gradients equal those of the unrolled loop, by state, inputs and weights', async () => {
  const [h0, w] = [f64([0.1, -0.2]), f64([0.5, -0.3])]
  const xs = tensor([0.3, -0.1, 0.7, 0.2, -0.4, 0.6], { shape: [3, 2], dtype: 'f64' })
  const step = (h: Tensor, x: Tensor, weight: Tensor) => h.mul(weight).add(x).tanh()
  const scanned = (h: Tensor, x: Tensor, weight: Tensor) => {
    const { carry, ys } = scan(([s], [row]) => ({ carry: [step(s!, row!, weight)], ys: [s!.square()] }), [h], [x])
    return carry[0]!.sum().add(ys[0]!.sum())
  }
  const unrolled = (h: Tensor, x: Tensor, weight: Tensor) => {
    let [s, total] = [h, zeros([], { dtype: 'f64' })]
    for (let i = 0; i < 3; i++) {
      total = total.add(s.square().sum())
      s = step(s, x.slice([i]), weight)
    }
    return s.sum().add(total)
  }
  const [a, b] = [grad(scanned)(h0, xs, w), grad(unrolled)(h0, xs, w)]
  for (let i = 0; i < 3; i++) close(await list(a[i]!), await list(b[i]!), 1e-12)
})

test('scan: a long one is one small plan', async () => {
  const n = 5000
  const { carry } = scan(
    ([s], [x]) => ({ carry: [s!.mul(0.999).add(x!)] }),
    [zeros([], { dtype: 'f64' })],
    [ones([n], { dtype: 'f64' })],
  )
  let expected = 0
  for (let i = 0; i < n; i++) expected = expected * 0.999 + 1
  close([await carry[0]!.item()], [expected], 1e-12)
})

test('scan: nests, and contains cond', async () => {
  const xs = tensor([
    [1, -2],
    [-3, 4],
  ])
  const { carry } = scan(
    ([s], [row]) => ({
      carry: scan(
        ([t], [x]) => ({
          carry: cond(
            x!.gt(0),
            (u) => [u.add(x!)],
            (u) => [u.mul(2)],
            [t!],
          ),
        }),
        [s!],
        [row!],
      ).carry,
    }),
    [zeros([])],
    [xs],
  )
  assert.is(await carry[0]!.item(), (0 + 1) * 2 * 2 + 4)
})

test('scan: with no steps gives the state back', async () => {
  const { carry, ys } = scan(([s], [x]) => ({ carry: [s!.add(x!)], ys: [x!] }), [ones([2])], [zeros([0, 2])])
  await evaluate(carry[0]!, ys[0]!)
  assert.equal(await list(carry[0]!), [1, 1])
  assert.equal(ys[0]!.shape, [0, 2])
})

test('a variable cannot be written inside', () => {
  const v = new Variable(zeros([2]))
  throwsWith(() => scan(([s]) => ({ carry: [assign(v, s!)] }), [zeros([2])], [zeros([3])]), 'VALUE', /written inside/)
})
