/** @file Touched rows only: SparseAdam by its formula, sparse Adagrad and SGD as the dense ones; all other rows stay bit for bit. */
import {
  add,
  embedding,
  evaluate,
  gather,
  manualSeed,
  mul,
  nn,
  optim,
  sum,
  take,
  tensor,
  trainStep,
  Variable,
} from 'tenon'
import type { TenonError, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { randomNumbers } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('touched rows')

const [V, D] = [7, 3]
const random = randomNumbers(3)
const numbers = (n: number) => Array.from({ length: n }, () => 2 * random() - 1)
const START = numbers(V * D)
/** Rows that a step reads, some twice; row 6 is never read. */
const STEPS = [
  [1, 4, 1, 0],
  [2, 2, 2, 2],
  [5, 1, 3, 4],
  [0, 5, 5, 1],
  [1, 1, 4, 0],
]
const FACTORS = STEPS.map((ids) => numbers(ids.length * D))

const makeTable = () => new Variable(tensor(Float64Array.from(START), { shape: [V, D] }))
const idsOf = (ids: readonly number[]) => tensor(BigInt64Array.from(ids, BigInt), { shape: [2, 2] })
const factorsOf = (factors: readonly number[]) => tensor(Float64Array.from(factors), { shape: [2, 2, D] })
/** Squares, so that the gradient is 2 factor row. */
const lossOf = (table: Variable, ids: Tensor, factors: Tensor) => {
  const rows = embedding(ids, table)
  return sum(mul(factors, mul(rows, rows)))
}
const contents = async (v: Variable) => [...((await v.data()) as Float64Array)]

interface Reference {
  p: number[]
  m: number[]
  v: number[]
}
function reference(lr: number, [b1, b2]: readonly [number, number], eps: number, sign = 1): Reference[] {
  const state: Reference = { p: [...START], m: START.map(() => 0), v: START.map(() => 0) }
  return STEPS.map((ids, s) => {
    const grads = new Map<number, number[]>()
    ids.forEach((id, i) => {
      const own = grads.get(id) ?? new Array<number>(D).fill(0)
      grads.set(id, own)
      for (let d = 0; d < D; d++) own[d]! += sign * 2 * FACTORS[s]![i * D + d]! * state.p[id * D + d]!
    })
    const step = (lr * Math.sqrt(1 - b2 ** (s + 1))) / (1 - b1 ** (s + 1))
    for (const [id, g] of grads) {
      for (let d = 0; d < D; d++) {
        const at = id * D + d
        state.m[at]! += (1 - b1) * (g[d]! - state.m[at]!)
        state.v[at]! += (1 - b2) * (g[d]! ** 2 - state.v[at]!)
        state.p[at]! -= (step * state.m[at]!) / (Math.sqrt(state.v[at]!) + eps)
      }
    }
    return { p: [...state.p], m: [...state.m], v: [...state.v] }
  })
}

const close = (got: readonly number[], want: readonly number[]) =>
  got.forEach((x, i) => assert.ok(Math.abs(x - want[i]!) <= 1e-12, `${i}: ${x}, wanted ${want[i]}`))

for (const maximize of [false, true]) {
  test(`SparseAdam: PyTorch's formula on the rows of each step; maximize: ${maximize}`, async () => {
    const table = makeTable()
    const optimizer = new optim.SparseAdam([table], { lr: 0.1, betas: [0.8, 0.99], eps: 1e-6, maximize })
    const want = reference(0.1, [0.8, 0.99], 1e-6, maximize ? -1 : 1)
    for (const [s, ids] of STEPS.entries()) {
      const before = await contents(table)
      lossOf(table, idsOf(ids), factorsOf(FACTORS[s]!)).backward()
      await optimizer.step()
      const { tensors } = optimizer.stateDict()
      const now = await contents(table)
      close(now, want[s]!.p)
      close(await contents(tensors.get('0.exp_avg') as Variable), want[s]!.m)
      close(await contents(tensors.get('0.exp_avg_sq') as Variable), want[s]!.v)
      for (let row = 0; row < V; row++)
        if (!ids.includes(row))
          assert.equal(now.slice(row * D, row * D + D), before.slice(row * D, row * D + D), `row ${row}`)
    }
  })
}

test('several uses, casts, factors and loss scales are looked through', async () => {
  const results: number[][] = []
  for (const kind of ['once', 'twice', 'scaled']) {
    const table = makeTable()
    const optimizer = new optim.SparseAdam([table], { lr: 0.1 })
    const [ids, factors] = [idsOf(STEPS[0]!), factorsOf(FACTORS[0]!)]
    const scaler = new optim.GradScaler({ initScale: 1024 })
    if (kind === 'once') lossOf(table, ids, factors).mul(3).backward()
    if (kind === 'twice') {
      add(lossOf(table, ids, factors), lossOf(table, ids, factors)).backward()
      lossOf(table, ids, factors).backward()
    }
    if (kind === 'scaled') scaler.scale(lossOf(table, ids, factors).mul(3)).backward()
    await optimizer.step(kind === 'scaled' ? { scaler } : {})
    results.push(await contents(table))
  }
  close(results[1]!, results[0]!)
  close(results[2]!, results[0]!)
})

test('an overflow skips the step', async () => {
  const table = makeTable()
  const optimizer = new optim.SparseAdam([table], { lr: 0.1 })
  const scaler = new optim.GradScaler()
  const factors = factorsOf(FACTORS[0]!.map(() => Infinity))
  scaler.scale(lossOf(table, idsOf(STEPS[0]!), factors)).backward()
  await scaler.step(optimizer)
  assert.equal(await contents(table), START)
  assert.equal(optimizer.stateDict().steps, [0])
})

type Maker = (params: Variable[], sparse: boolean) => optim.Optimizer<{ lr: number }>
const both: Record<string, Maker> = {
  SGD: (params, sparse) => new optim.SGD(params, { lr: 0.1, sparse }),
  Adagrad: (params, sparse) =>
    new optim.Adagrad(params, { lr: 0.1, lrDecay: 0.1, initialAccumulatorValue: 0.2, sparse }),
}
for (const [name, make] of Object.entries(both)) {
  for (const compile of [false, true]) {
    test(`${name}: sparse is the dense one; compile: ${compile}`, async () => {
      const [dense, sparse] = await Promise.all(
        [false, true].map(async (isSparse) => {
          const table = makeTable()
          const model = { parameters: () => [table] }
          const fn = (ids: Tensor, factors: Tensor) => lossOf(table, ids, factors)
          const step = trainStep(model, make([table], isSparse), fn, { compile })
          for (const [s, ids] of STEPS.entries()) await step(idsOf(ids), factorsOf(FACTORS[s]!))
          return contents(table)
        }),
      )
      close(sparse!, dense!)
    })
  }
}

test('nn.Embedding: the padding stays, and a state goes on', async () => {
  const run = async (stopAt: number | null) => {
    manualSeed(1)
    let model = new nn.Embedding(V, D, { paddingIdx: 1, dtype: 'f64' })
    let optimizer = new optim.SparseAdam(model.parameters(), { lr: 0.1 })
    for (const [s, ids] of STEPS.entries()) {
      const rows = model.forward(idsOf(ids))
      sum(mul(factorsOf(FACTORS[s]!), mul(rows, rows))).backward()
      await optimizer.step()
      if (s !== stopAt) continue
      const [old, state] = [model, optimizer.stateDict()]
      model = new nn.Embedding(V, D, { paddingIdx: 1, dtype: 'f64' })
      optimizer = new optim.SparseAdam(model.parameters(), { lr: 0.1 })
      await model.loadStateDict(old.stateDict())
      await optimizer.loadStateDict(state)
    }
    return contents(model.weight)
  }
  const whole = await run(null)
  assert.equal(whole.slice(D, 2 * D), [0, 0, 0])
  assert.equal(await run(2), whole)
})

test('a step makes no whole gradient: its memory is that of its rows', async () => {
  const table = new Variable(tensor(new Float32Array(20000 * 8), { shape: [20000, 8] }))
  const model = { parameters: () => [table] }
  const optimizer = new optim.SparseAdam([table])
  const step = trainStep(model, optimizer, (ids: Tensor) => sum(take(table, ids, 0)))
  const ids = tensor(BigInt64Array.from([3, 5, 3], BigInt))
  await step(ids)
  assert.ok(step.plan(ids).placement.arenaBytes < 8192, String(step.plan(ids).placement.arenaBytes))
})

test('errors: gradients that are no rows, options that need all rows', async () => {
  for (const loss of [(t: Variable) => sum(mul(t, t)), (t: Variable) => sum(gather(t, 0, idsOf(STEPS[0]!)))]) {
    const table = makeTable()
    const optimizer = new optim.SparseAdam([table])
    loss(table).backward()
    const error = (await optimizer.step().catch((e: TenonError) => e)) as TenonError
    assert.is(error.code, 'GRADIENT')
    assert.match(error.message, /reading rows/)
    await evaluate(table.read())
  }
  assert.throws(() => new optim.SGD([makeTable()], { sparse: true, momentum: 0.9 }), /momentum 0/)
  assert.throws(() => new optim.Adagrad([makeTable()], { sparse: true, weightDecay: 0.1 }), /weightDecay 0/)
})
