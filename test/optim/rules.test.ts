/** @file Further optimisers, number by number: steps on a matrix against the papers' formulas in plain float64 loops; every one goes on bit for bit. */
import { evaluate, mul, optim, sum, tensor, TenonError, Variable } from 'tenon'
import type { Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('optimiser rules')

const STEPS = 12
const [ROWS, COLUMNS] = [3, 4]
const START = Array.from({ length: ROWS * COLUMNS }, (_, i) => Math.cos(3.1 * i) * (i % 3 === 0 ? 2 : 0.3))
/** Signs change from step to step, sizes from element to element; one element has no gradient at first. */
const gradientAt = (t: number) =>
  START.map((_, i) => (i === 5 && t < 4 ? 0 : Math.sin(1.7 * t + 2.3 * i) * 10 ** ((i % 3) - 1)))

type Memory = Record<string, number[]>
/** The next parameters, of present ones, gradients, and the step from 1 on. */
type Rule = (p: number[], g: number[], t: number, memory: Memory) => number[]
type AnyOptimizer = optim.Optimizer<{ lr: number }>
interface Case {
  readonly title: string
  readonly make: (p: Variable) => AnyOptimizer
  readonly rule: Rule
}

const zip = (a: number[], b: number[], fn: (x: number, y: number, i: number) => number) =>
  a.map((x, i) => fn(x, b[i]!, i))
const zeros = () => START.map(() => 0)
const average = (old: number[] | undefined, now: number[], share: number) =>
  zip(old ?? now.map(() => 0), now, (x, y) => share * x + (1 - share) * y)
const norm = (x: number[]) => Math.sqrt(x.reduce((s, v) => s + v * v, 0))
const rms = (x: number[]) => norm(x) / Math.sqrt(x.length)
const squares = (x: number[]) => x.map((v) => v * v)

const CASES: Case[] = [
  {
    title: 'Adamax',
    make: (p) => new optim.Adamax([p], { lr: 0.1, weightDecay: 0.1 }),
    rule(p, grad, t, memory) {
      const g = zip(grad, p, (x, y) => x + 0.1 * y)
      memory.m = average(memory.m, g, 0.9)
      memory.u = zip(memory.u ?? zeros(), g, (u, x) => Math.max(0.999 * u, Math.abs(x) + 1e-8))
      return p.map((x, i) => x - ((0.1 / (1 - 0.9 ** t)) * memory.m![i]!) / memory.u![i]!)
    },
  },
  {
    title: 'NAdam',
    make: (p) => new optim.NAdam([p], { lr: 0.05 }),
    rule(p, g, t, memory) {
      const mu = (k: number) => 0.9 * (1 - 0.5 * 0.96 ** (k * 4e-3))
      const product = Array.from({ length: t }, (_, k) => mu(k + 1)).reduce((a, b) => a * b)
      memory.m = average(memory.m, g, 0.9)
      memory.v = average(memory.v, squares(g), 0.999)
      return p.map((x, i) => {
        const ahead = ((1 - mu(t)) / (1 - product)) * g[i]! + (mu(t + 1) / (1 - product * mu(t + 1))) * memory.m![i]!
        return x - (0.05 * ahead) / (Math.sqrt(memory.v![i]! / (1 - 0.999 ** t)) + 1e-8)
      })
    },
  },
  {
    title: 'RAdam',
    make: (p) => new optim.RAdam([p], { lr: 0.05, betas: [0.9, 0.99] }),
    rule(p, g, t, memory) {
      memory.m = average(memory.m, g, 0.9)
      memory.v = average(memory.v, squares(g), 0.99)
      const most = 2 / (1 - 0.99) - 1
      const rho = most - (2 * t * 0.99 ** t) / (1 - 0.99 ** t)
      const r = Math.sqrt(((rho - 4) * (rho - 2) * most) / ((most - 4) * (most - 2) * rho))
      return p.map((x, i) => {
        const mean = memory.m![i]! / (1 - 0.9 ** t)
        if (rho <= 5) return x - 0.05 * mean
        return x - (0.05 * mean * r * Math.sqrt(1 - 0.99 ** t)) / (Math.sqrt(memory.v![i]!) + 1e-8)
      })
    },
  },
  {
    title: 'RMSprop, centred, with momentum',
    make: (p) => new optim.RMSprop([p], { lr: 0.01, alpha: 0.9, centered: true, momentum: 0.5, eps: 0.1 }),
    rule(p, g, _, memory) {
      memory.v = average(memory.v, squares(g), 0.9)
      memory.a = average(memory.a, g, 0.9)
      memory.b = zip(
        memory.b ?? zeros(),
        g,
        (b, x, i) => 0.5 * b + x / (Math.sqrt(memory.v![i]! - memory.a![i]! ** 2) + 0.1),
      )
      return zip(p, memory.b, (x, b) => x - 0.01 * b)
    },
  },
  {
    title: 'Adagrad',
    make: (p) => new optim.Adagrad([p], { lr: 0.1, lrDecay: 0.2, initialAccumulatorValue: 0.5, maximize: true }),
    rule(p, g, t, memory) {
      memory.s = zip(memory.s ?? START.map(() => 0.5), g, (s, x) => s + x * x)
      return p.map((x, i) => x + ((0.1 / (1 + (t - 1) * 0.2)) * g[i]!) / (Math.sqrt(memory.s![i]!) + 1e-10))
    },
  },
  {
    title: 'Adadelta',
    make: (p) => new optim.Adadelta([p], { lr: 0.7, eps: 1e-3 }),
    rule(p, g, _, memory) {
      memory.v = average(memory.v, squares(g), 0.9)
      const before = memory.d ?? zeros()
      const delta = g.map((x, i) => (Math.sqrt(before[i]! + 1e-3) / Math.sqrt(memory.v![i]! + 1e-3)) * x)
      memory.d = average(before, squares(delta), 0.9)
      return zip(p, delta, (x, d) => x - 0.7 * d)
    },
  },
  {
    title: 'ASGD',
    make: (p) => new optim.ASGD([p], { lr: 0.1, lambd: 0.3, t0: 2 }),
    rule(p, g, t, memory) {
      const eta = t === 1 ? 0.1 : 0.1 / (1 + 0.3 * 0.1 * (t - 1)) ** 0.75
      const next = zip(p, g, (x, d) => (1 - 0.3 * eta) * x - eta * d)
      const share = 1 / Math.max(1, t - 1 - 2)
      memory.ax = zip(memory.ax ?? zeros(), next, (a, x) => a + share * (x - a))
      return next
    },
  },
  {
    title: 'Rprop',
    make: (p) => new optim.Rprop([p], { lr: 0.1, stepSizes: [0.06, 0.12] }),
    rule(p, grad, _, memory) {
      const before = memory.g ?? zeros()
      const kept = zip(grad, before, (g, b) => (g * b < 0 ? 0 : g))
      memory.s = zip(memory.s ?? START.map(() => 0.1), grad, (s, g, i) => {
        const product = g * before[i]!
        return Math.min(0.12, Math.max(0.06, s * (product > 0 ? 1.2 : product < 0 ? 0.5 : 1)))
      })
      memory.g = kept
      return p.map((x, i) => x - Math.sign(kept[i]!) * memory.s![i]!)
    },
  },
  {
    title: 'Lion',
    make: (p) => new optim.Lion([p], { lr: 0.01, weightDecay: 0.2 }),
    rule(p, g, _, memory) {
      const direction = average(memory.m, g, 0.9)
      memory.m = average(memory.m, g, 0.99)
      return zip(p, direction, (x, d) => x - 0.01 * (Math.sign(d) + 0.2 * x))
    },
  },
  {
    title: 'LAMB',
    make: (p) => new optim.LAMB([p], { lr: 0.1, weightDecay: 0.2 }),
    rule(p, g, t, memory) {
      memory.m = average(memory.m, g, 0.9)
      memory.v = average(memory.v, squares(g), 0.999)
      const r = p.map((x, i) => {
        const root = Math.sqrt(memory.v![i]! / (1 - 0.999 ** t)) + 1e-6
        return memory.m![i]! / (1 - 0.9 ** t) / root + 0.2 * x
      })
      return zip(p, r, (x, d) => x - ((0.1 * norm(p)) / norm(r)) * d)
    },
  },
  {
    title: 'Adafactor',
    make: (p) => new optim.Adafactor([p], { lr: 0.3, weightDecay: 0.1 }),
    rule(p, g, t, memory) {
      const share = 1 - t ** -0.8
      const at = (i: number, j: number) => i * COLUMNS + j
      const [rows, columns] = [Array.from({ length: ROWS }, (_, i) => i), Array.from({ length: COLUMNS }, (_, j) => j)]
      const mean = (x: number[]) => x.reduce((a, b) => a + b) / x.length
      memory.rows = average(
        memory.rows,
        rows.map((i) => mean(columns.map((j) => g[at(i, j)]! ** 2))),
        share,
      )
      memory.columns = average(
        memory.columns,
        columns.map((j) => mean(rows.map((i) => g[at(i, j)]! ** 2))),
        share,
      )
      const total = mean(memory.rows)
      const update = rows.flatMap((i) =>
        columns.map((j) => g[at(i, j)]! / Math.sqrt((memory.rows![i]! * memory.columns![j]!) / total)),
      )
      const rate = Math.max(1e-3, rms(p)) * Math.min(0.3, 1 / Math.sqrt(t))
      return zip(p, update, (x, u) => (1 - 0.03) * x - (rate / Math.max(1, rms(update))) * u)
    },
  },
]

const variable = () => new Variable(tensor(Float64Array.from(START), { shape: [ROWS, COLUMNS] }), { name: 'p' })

async function step(p: Variable, optimizer: AnyOptimizer, t: number): Promise<number[]> {
  sum(mul(p, tensor(Float64Array.from(gradientAt(t)), { shape: [ROWS, COLUMNS] }))).backward()
  await optimizer.step()
  return [...((await p.data()) as Float64Array)]
}

for (const { title, make, rule } of CASES) {
  test(`${title}: ${STEPS} steps are the formula's`, async () => {
    const p = variable()
    const optimizer = make(p)
    const memory: Memory = {}
    let want = START
    for (let t = 0; t < STEPS; t++) {
      const got = await step(p, optimizer, t)
      want = rule(want, gradientAt(t), t + 1, memory)
      want.forEach((x, i) => {
        assert.ok(Math.abs(got[i]! - x) <= 1e-11 * Math.max(1, Math.abs(x)), `step ${t}, element ${i}: ${got[i]}, ${x}`)
      })
    }
  })
}

/** Singular values of a 3 x 4 matrix, by its Gram matrix's invariants: their squares sum to the trace. */
test('Muon: the update is nearly orthogonal, whatever the size of the gradient', async () => {
  const p = variable()
  const optimizer = new optim.Muon([p], { lr: 1, weightDecay: 0, momentum: 0 })
  const before = START
  const after = await step(p, optimizer, 1)
  const u = zip(before, after, (a, b) => a - b)
  const row = (i: number) => u.slice(i * COLUMNS, (i + 1) * COLUMNS)
  for (let i = 0; i < ROWS; i++) {
    for (let j = 0; j < ROWS; j++) {
      const dot = row(i).reduce((s, x, k) => s + x * row(j)[k]!, 0)
      // Five iterations bring singular values into about [0.7, 1.2].
      assert.ok(i === j ? dot > 0.4 && dot < 1.5 : Math.abs(dot) < 0.6, `row ${i} by row ${j}: ${dot}`)
    }
  }
})

test('Muon: takes matrices only', () => {
  assert.throws(
    () => new optim.Muon([new Variable(tensor([1, 2]))]),
    (error: TenonError) => error.code === 'SHAPE' && error.message.includes('AdamW'),
  )
})

const everyOptimizer: readonly [string, (p: Variable) => AnyOptimizer][] = [
  ...CASES.map(({ title, make }): [string, (p: Variable) => AnyOptimizer] => [title, make]),
  ['Muon', (p) => new optim.Muon([p], { lr: 0.1 })],
  ['SGD', (p) => new optim.SGD([p], { lr: 0.1, momentum: 0.9, nesterov: true })],
  ['Adam', (p) => new optim.Adam([p], { lr: 0.1, amsgrad: true })],
  ['AdamW', (p) => new optim.AdamW([p], { lr: 0.1 })],
]

for (const [title, make] of everyOptimizer) {
  test(`${title}: stopped after 3 steps and gone on with, it is bit for bit the same`, async () => {
    const whole = variable()
    const straight = make(whole)
    const path: number[][] = []
    for (let t = 0; t < 6; t++) path.push(await step(whole, straight, t))

    const first = variable()
    const before = make(first)
    for (let t = 0; t < 3; t++) await step(first, before, t)
    // Through plain data, as a checkpoint has it.
    const { tensors, steps, groups } = before.stateDict()
    const copies = new Map<string, Tensor>()
    for (const [name, t] of tensors) {
      const { shape, dtype } = t
      copies.set(name, tensor((await (t as Variable).data()).slice() as Float64Array, { shape, dtype }))
    }
    const again = new Variable(tensor(Float64Array.from(path[2]!), { shape: [ROWS, COLUMNS] }))
    const after = make(again)
    await after.loadStateDict({ tensors: copies, ...JSON.parse(JSON.stringify({ steps, groups })) })
    for (let t = 3; t < 6; t++) assert.equal(await step(again, after, t), path[t])
  })
}

test('a formula compiles nothing when learning rate and step change', async () => {
  const p = variable()
  const optimizer = new optim.NAdam([p])
  const { planCache } = await import('../../lib/engine/evaluate.ts')
  for (let t = 0; t < 3; t++) await step(p, optimizer, t)
  await evaluate(p.read())
  const before = planCache.size
  for (let t = 3; t < 6; t++) {
    optimizer.paramGroups[0]!.lr *= 0.5
    await step(p, optimizer, t)
  }
  assert.is(planCache.size, before)
})
