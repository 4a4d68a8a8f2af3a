import * as assert from 'uvu/assert'
import {
  assign,
  batchNorm,
  checkpoint,
  compile,
  dropout,
  evaluate,
  grad,
  manualSeed,
  ones,
  rand,
  tensor,
  TenonError,
  Variable,
  zeros,
} from '../lib/index.ts'
import { compileTraced } from '../lib/engine/compile.ts'
import { state } from '../lib/graph/state.ts'
import { suite } from './support/suite.ts'

const test = suite('surprises of tracing')
const list = async (t: { data(): Promise<ArrayLike<number | bigint>> }) => Array.from(await t.data())
const rejects = async (promise: Promise<unknown>, code: string, words: RegExp) => {
  const error = (await promise.then(
    () => null,
    (e: unknown) => e,
  )) as TenonError | null
  assert.is(error?.code, code)
  assert.match(error!.message, words)
}
/** Runs with TENON_DEBUG on. */
const debugging = async (fn: () => Promise<void>) => {
  state.debug = true
  try {
    await fn()
  } finally {
    state.debug = false
  }
}

test('arguments are inputs: the function runs once for each signature', async () => {
  let calls = 0
  const double = compile((x) => (calls++, x.mul(2)))
  assert.equal(await list(await double(tensor([1, 2]))), [2, 4])
  assert.equal(await list(await double(tensor([3, 4]))), [6, 8])
  assert.is(calls, 1)
  assert.equal(await list(await double(tensor([3, 4, 5]))), [6, 8, 10])
  assert.equal(await list(await double(tensor([3n]))), [6n])
  assert.is(calls, 3)
})

test('arguments need not be evaluated, and the same one may be given twice', async () => {
  const sum = compile((x, y) => x.add(y))
  const x = tensor([1, 2]).mul(3)
  assert.equal(await list(await sum(x, x)), [6, 12])
  assert.equal(await list(sum.sync(tensor([1]).exp().log(), tensor([2]))), [3])
  const bad = tensor([1, 2]).take(tensor([5n]), 0)
  await rejects(sum(bad, bad), 'INDEX', /got 5/)
})

test('a number that is closed over stays what it was; debugging says so', async () => {
  let scale = 2
  const scaled = compile((x) => x.mul(scale))
  assert.equal(await list(await scaled(tensor([1]))), [2])
  scale = 3
  assert.equal(await list(await scaled(tensor([1]))), [2])
  await debugging(() => rejects(scaled(tensor([1])), 'TRACE', /traces differently/))
})

test('a tensor that is closed over stays what it was', async () => {
  let weight = tensor([10])
  const weighted = compile((x) => x.mul(weight))
  await weighted(tensor([1]))
  weight = tensor([20])
  assert.equal(await list(await weighted(tensor([1]))), [10])
  await debugging(() => rejects(weighted(tensor([1])), 'TRACE', /besides its arguments/))
})

test('a branch of JavaScript is taken once; debugging says so', async () => {
  let isFast = true
  const branchy = compile((x) => (isFast ? x.add(1) : x.exp()))
  await branchy(tensor([0]))
  isFast = false
  assert.equal(await list(await branchy(tensor([0]))), [1])
  await debugging(() => rejects(branchy(tensor([0])), 'TRACE', /traces differently/))
})

test('variables are read anew at each call, never stale', async () => {
  const v = new Variable(ones([1]))
  const read = compile((x) => x.add(v))
  assert.equal(await list(await read(tensor([1]))), [2])
  await evaluate(assign(v, tensor([5])))
  assert.equal(await list(await read(tensor([1]))), [6])
})

test('random numbers are new at each call, and the same as without compile', async () => {
  manualSeed(3)
  const noisy = compile((x) => x.add(rand([4])).mul(rand([4])))
  const compiled = [await list(await noisy(zeros([4]))), await list(await noisy(zeros([4])))]
  manualSeed(3)
  const plain = [await list(rand([4]).mul(rand([4]))), await list(rand([4]).mul(rand([4])))]
  assert.equal(compiled, plain)
  assert.not.equal(compiled[0], compiled[1])
})

test('dropout inside of a checkpoint drops the same elements again in the backward pass', async () => {
  const x = ones([1000])
  const slope = compile((t) => grad((u) => checkpoint((w) => dropout(w, 0.5).mul(2))(u).sum())(t)[0]!)
  const value = (seed: number) => (manualSeed(seed), slope(x))
  const [first, again] = [await list(await value(1)), await list(await value(1))]
  assert.equal(first, again)
  const kept = first.filter((d) => d === 4).length
  assert.is(first.filter((d) => d === 0).length + kept, 1000)
  manualSeed(1)
  const plain = dropout(x, 0.5).mul(2)
  assert.equal(
    await list(plain),
    first.map((d) => Number(d)),
  )
})

test('effects of the forward pass happen at every call', async () => {
  const runningMean = new Variable(zeros([2]), { trainable: false })
  const runningVar = new Variable(ones([2]), { trainable: false })
  const normalized = compile((x) => batchNorm(x, { runningMean, runningVar, training: true, momentum: 0.5 }))
  const x = tensor([
    [1, 2],
    [3, 6],
  ])
  await normalized(x)
  assert.equal(await list(runningMean), [1, 2])
  await normalized(x)
  assert.equal(await list(runningMean), [1.5, 3])
})

test('updates inside of a traced function happen at every call', async () => {
  const v = new Variable(zeros([1]), { trainable: false })
  const step = compileTraced((x) => ({ results: x.add(v), updates: [assign(v, v.read().add(x))] }))
  const seen: number[] = []
  for (let i = 0; i < 3; i++) seen.push(await (await step(tensor([2]))).item())
  assert.equal(seen, [2, 4, 6])
  assert.is(await v.item(), 6)
})

test('a compiled function inside of another is refused', async () => {
  const inner = compile((x) => x.mul(2))
  const outer = compile((x) => inner.sync(x))
  await rejects(outer(tensor([1])), 'TRACE', /while another is traced|no value outside/)
})

test('an argument that leaks out of its trace has no value', async () => {
  let leaked = zeros([1])
  const leaky = compile((x) => (leaked = x.add(1)))
  await leaky(tensor([1]))
  await rejects(leaked.data(), 'VALUE', /tracing of a function/)
})

test('results of compiled functions have values and no gradient', async () => {
  const v = new Variable(ones([1]))
  const f = compile((x) => x.mul(v).sum())
  const y = await f(tensor([3]))
  assert.is(y.itemSync(), 3)
  assert.throws(
    () => y.backward(),
    (error: TenonError) => error.code === 'GRADIENT',
  )
})

test('objects and lists come back in their form', async () => {
  const f = compile((x) => ({ double: x.mul(2), half: x.div(2) }))
  const { double, half } = await f(tensor([4]))
  assert.equal([await double!.item(), await half!.item()], [8, 2])
  const g = compile((x) => [x.add(1), x.sub(1)] as const)
  assert.equal(await Promise.all((await g(tensor([4]))).map((t) => t.item())), [5, 3])
})
