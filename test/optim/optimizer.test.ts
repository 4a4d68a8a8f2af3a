/** @file Optimisers: groups, options, learning rates, resuming, failing; not the formulas. */
import { add, mul, optim, square, sum, take, tensor, Variable } from 'tenon'
import type { TenonError, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { planCache } from '../../lib/engine/evaluate.ts'
import { suite } from '../support/suite.ts'

const test = suite('optimizer')

const variable = (values: number[], name = '') => new Variable(tensor(values, { dtype: 'f64' }), { name })
const list = async (v: Variable | Tensor) => Array.from((await v.data()) as Float64Array)
const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work()
  } catch (error) {
    return (error as TenonError).code
  }
  return 'none'
}

test('construction: refuses what makes no sense', async () => {
  const p = variable([1])
  const cases: [string, () => unknown][] = [
    ['VALUE', () => new optim.SGD([])],
    ['VALUE', () => new optim.SGD([p, p])],
    ['VALUE', () => new optim.SGD([{ params: [p] }, { params: [p] }])],
    ['VALUE', () => new optim.SGD([p], { lr: -1 })],
    ['VALUE', () => new optim.SGD([p], { lr: NaN })],
    ['VALUE', () => new optim.SGD([p], { nesterov: true })],
    ['VALUE', () => new optim.SGD([p], { momentum: -0.1 })],
    ['VALUE', () => new optim.Adam([p], { betas: [0.9, 1] })],
    ['VALUE', () => new optim.Adam([p], { eps: -1 })],
    ['VALUE', () => new optim.Adam([{ params: [p], weightDecay: -1 }])],
    ['VALUE', () => new optim.Adam([1 as never])],
    ['VALUE', () => new optim.Adam(p as never)],
    ['VALUE', () => new optim.Adam([p, { params: [variable([2])] }] as never)],
    ['OPTION', () => new optim.Adam([p], { learningRate: 1 } as object)],
    ['OPTION', () => new optim.Adam([{ params: [p], momentum: 1 } as never])],
    ['DTYPE', () => new optim.Adam([new Variable(tensor([1], { dtype: 'f16' }))])],
  ]
  for (const [code, work] of cases) assert.is(await codeOf(work), code, String(work))
})

test('groups: have options of their own, defaults for the rest', async () => {
  const [a, b] = [variable([1]), variable([1])]
  const optimizer = new optim.SGD([{ params: [a] }, { params: [b], lr: 0.5 }], { lr: 0.1 })
  sum(add(a, b)).backward()
  await optimizer.step()
  assert.equal([...(await list(a)), ...(await list(b))], [0.9, 0.5])
})

test('step: skips parameters without a gradient, and does not count for them', async () => {
  const [a, b] = [variable([1]), variable([1])]
  const optimizer = new optim.Adam([a, b], { lr: 0.1 })
  sum(a).backward()
  await optimizer.step()
  assert.equal(optimizer.stateDict().steps, [1, 0])
  assert.equal(await list(b), [1])
  await optimizer.step()
  assert.equal(optimizer.stateDict().steps, [1, 0])
})

test('step: consumes the gradients; zeroGrad discards them', async () => {
  const p = variable([1])
  const optimizer = new optim.SGD([p], { lr: 1 })
  sum(p).backward()
  await optimizer.step()
  assert.is(p.grad, null)
  sum(p).backward()
  optimizer.zeroGrad()
  assert.is(p.grad, null)
  await optimizer.step()
  assert.equal(await list(p), [0])
})

test('step: a changed learning rate counts at once and compiles nothing', async () => {
  const p = variable([10])
  const optimizer = new optim.SGD([p], { lr: 1 })
  sum(p).backward()
  await optimizer.step()
  const misses = planCache.misses
  optimizer.paramGroups[0]!.lr = 3
  sum(p).backward()
  await optimizer.step()
  assert.is(planCache.misses, misses)
  assert.equal(await list(p), [6])
})

test('stepSync: the same, blocking', () => {
  const p = variable([1, 2])
  const optimizer = new optim.SGD([p], { lr: 0.5 })
  const loss = sum(square(p))
  loss.backward()
  optimizer.stepSync()
  assert.equal(Array.from(p.dataSync() as Float64Array), [0, 0])
  assert.is(loss.itemSync(), 5)
})

test('step: several without waiting happen in order', async () => {
  const p = variable([1])
  const optimizer = new optim.Adam([p], { lr: 0.1 })
  const steps = [1, 2, 3].map(() => {
    sum(p).backward()
    return optimizer.step()
  })
  await Promise.all(steps)
  assert.equal(optimizer.stateDict().steps, [3])
  const [x] = await list(p)
  assert.ok(Math.abs(x! - 0.7) < 1e-7)
})

test('step: that fails writes nothing, and does not count', async () => {
  const p = variable([1, 2])
  const optimizer = new optim.Adam([p], { lr: 0.1 })
  sum(take(p, tensor([5n]), 0)).backward()
  assert.is(await codeOf(() => optimizer.step()), 'INDEX')
  assert.equal(await list(p), [1, 2])
  assert.equal(optimizer.stateDict().steps, [0])
  sum(p).backward()
  await optimizer.step()
  assert.equal(
    (await list(p)).map((x) => x.toFixed(6)),
    ['0.900000', '1.900000'],
  )
})

test('step: that could not start keeps the gradients', async () => {
  const p = variable([1])
  const optimizer = new optim.SGD([p], { lr: 1 })
  const old = mul(p, 2)
  sum(p).backward()
  await optimizer.step()
  sum(p).backward()
  assert.is(await codeOf(() => optimizer.step({ also: [old] })), 'STALE')
  await optimizer.step()
  assert.equal(await list(p), [-1])
  assert.is(await codeOf(() => optimizer.step({ aslo: [] } as object)), 'OPTION')
})

test('step: an aborted one writes nothing', async () => {
  const p = variable([1])
  const optimizer = new optim.SGD([p], { lr: 1 })
  sum(p).backward()
  assert.is(await codeOf(() => optimizer.step({ signal: AbortSignal.abort() })), 'ABORTED')
  assert.equal(await list(p), [1])
})

test("step: a gradient of one's own must fit", async () => {
  const p = variable([1])
  const optimizer = new optim.SGD([p], { lr: 1 })
  p.grad = tensor([1, 2], { dtype: 'f64' })
  assert.is(await codeOf(() => optimizer.step()), 'SHAPE')
  p.grad = tensor([2], { dtype: 'f64' })
  await optimizer.step()
  assert.equal(await list(p), [-1])
})

test("step: two optimisers share a loss when the first is asked for the other's gradients", async () => {
  const [a, b] = [variable([2]), variable([3])]
  const [first, second] = [new optim.SGD([a], { lr: 1 }), new optim.SGD([b], { lr: 1 })]
  sum(mul(a, b)).backward()
  await first.step({ also: [b.grad!] })
  await second.step()
  assert.equal([...(await list(a)), ...(await list(b))], [-1, 1])
})

for (const [name, make] of [
  ['Adam', (p: Variable) => new optim.Adam([p], { lr: 0.1, amsgrad: true })],
  ['SGD', (p: Variable) => new optim.SGD([p], { lr: 0.1, momentum: 0.9, dampening: 0.5 })],
] as const) {
  test(`${name}: resumes bit for bit from its state`, async () => {
    const train = async (p: Variable, optimizer: optim.Optimizer<{ lr: number }>, from: number, to: number) => {
      for (let t = from; t < to; t++) {
        sum(mul(square(p), Math.sin(t) + 1.5)).backward()
        await optimizer.step()
      }
    }
    const p = variable([1, -2, 3])
    const optimizer = make(p)
    optimizer.paramGroups[0]!.lr = 0.05
    await train(p, optimizer, 0, 5)
    const state = optimizer.stateDict()
    const saved = new Map(
      await Promise.all(
        [...state.tensors].map(async ([key, v]) => [key, tensor(await (v as Variable).data())] as const),
      ),
    )
    const q = variable(await list(p))
    await train(p, optimizer, 5, 10)

    const resumed = make(q)
    await resumed.loadStateDict({ ...state, tensors: saved } as never)
    await train(q, resumed, 5, 10)
    assert.equal(await list(q), await list(p))
  })
}

test("stateDict: tensors have PyTorch's names", async () => {
  const p = variable([1], 'w')
  const optimizer = new optim.Adam([p], { amsgrad: true })
  sum(p).backward()
  await optimizer.step()
  const { tensors, groups } = optimizer.stateDict()
  assert.equal([...tensors.keys()], ['0.exp_avg', '0.exp_avg_sq', '0.max_exp_avg_sq'])
  assert.equal(groups, [{ lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: true, maximize: false }])
  assert.is((tensors.get('0.exp_avg') as Variable).name, 'w.exp_avg')
})

test('loadStateDict: refuses what does not fit', async () => {
  const optimizer = new optim.Adam([variable([1])])
  const state = optimizer.stateDict()
  const tensors = new Map([['0.exp_avg', tensor([1])]])
  assert.is(await codeOf(() => optimizer.loadStateDict({ ...state, steps: [1], tensors })), 'STATE')
  assert.is(
    await codeOf(() => optimizer.loadStateDict({ ...state, groups: [{ ...state.groups[0]!, momentum: 1 } as never] })),
    'OPTION',
  )
  assert.is(
    await codeOf(() => optimizer.loadStateDict({ ...state, groups: [{ ...state.groups[0]!, lr: -1 }] })),
    'VALUE',
  )
  const with1 = (key: string, values: number[]) => ({ ...state, tensors: new Map([[key, tensor(values)]]) })
  assert.is(await codeOf(() => optimizer.loadStateDict({ ...state, steps: [1, 2] })), 'STATE')
  assert.is(await codeOf(() => optimizer.loadStateDict({ ...state, groups: [] })), 'STATE')
  assert.is(await codeOf(() => optimizer.loadStateDict(with1('1.exp_avg', [1]))), 'STATE')
  assert.is(await codeOf(() => optimizer.loadStateDict(with1('exp_avg', [1]))), 'STATE')
  assert.is(await codeOf(() => optimizer.loadStateDict(with1('0.momentum_buffer', [1]))), 'STATE')
  assert.is(await codeOf(() => optimizer.loadStateDict(with1('0.exp_avg', [1, 2]))), 'STATE')
})

test('step: one plan for all steps', async () => {
  const p = variable([1, 2, 3])
  const optimizer = new optim.Adam([p])
  const step = async () => {
    sum(square(p)).backward()
    await optimizer.step()
  }
  await step()
  const misses = planCache.misses
  await step()
  await step()
  assert.is(planCache.misses, misses)
})
