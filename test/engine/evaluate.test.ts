import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import {
  assign,
  crossEntropy,
  evaluate,
  evaluateSync,
  noGrad,
  ones,
  plan,
  rand,
  summary,
  tensor,
  TenonError,
  Variable,
  zeros,
} from '../../lib/index.ts'
import { planCache } from '../../lib/engine/evaluate.ts'
import { suite } from '../support/suite.ts'

const test = suite('evaluate')
const list = async (t: { data(): Promise<ArrayLike<number | bigint>> }) => Array.from(await t.data())
const rejects = async (promise: Promise<unknown>, code: string, words: RegExp) => {
  try {
    await promise
  } catch (error) {
    assert.instance(error, TenonError)
    assert.is((error as TenonError).code, code)
    assert.match((error as TenonError).message, words)
    return
  }
  assert.unreachable(`expected ${code}`)
}

test('shape and dtype are known before anything is computed', () => {
  const y = ones([2, 3]).matmul(ones([3, 4]))
  assert.equal(y.shape, [2, 4])
  assert.match(inspect(y), /not evaluated/)
})

test('printing an evaluated tensor shows its numbers, printing never computes', async () => {
  const y = tensor([
    [1, 2],
    [3, 4.5],
  ]).mul(2)
  assert.match(inspect(y), /f32 \[2, 2\] \(not evaluated\)/)
  await evaluate(y)
  assert.match(inspect(y), /\[\[2, 4\], \[6, 9\]\]/)
})

test('what was asked for is kept: asking again compiles and runs nothing', async () => {
  const y = tensor([1, 2, 3]).exp().sum()
  const first = await y.item()
  const misses = planCache.misses
  assert.is(await y.item(), first)
  assert.is(planCache.misses, misses)
})

test('data() gives an array of its own: writing into it changes nothing', async () => {
  const y = tensor([1, 2, 3]).mul(2)
  const data = (await y.data()) as Float32Array
  data.fill(99)
  assert.equal(await list(y), [2, 4, 6])
  const given = new Float32Array([1, 2])
  const t = tensor(given)
  given.fill(7)
  assert.equal(await list(t), [1, 2])
})

test('transfer gives the buffer away, and says so afterwards', async () => {
  const y = tensor([1, 2, 3]).mul(2)
  assert.equal(Array.from((await y.data({ transfer: true })) as Float32Array), [2, 4, 6])
  await rejects(y.data(), 'VALUE', /no value outside|given away|belongs/)
  const array = new Float32Array([5, 6])
  const t = tensor(array, { transfer: true })
  assert.is(array.length, 0)
  assert.equal(await list(t), [5, 6])
})

test('blocking twins give the same', async () => {
  const x = rand([100])
  const y = x.mul(3).sum()
  assert.is(y.itemSync(), await x.mul(3).sum().item())
  evaluateSync(x)
  assert.equal(Array.from(x.dataSync() as Float32Array), Array.from((await x.data()) as Float32Array))
})

test('dtypes come out as their arrays', async () => {
  assert.instance(await tensor([1n, 2n]).data(), BigInt64Array)
  assert.instance(await tensor([true]).data(), Uint8Array)
  assert.instance(await tensor([1.5]).cast('f16').data(), Float32Array)
  assert.equal(await tensor([[true], [false]]).toArray(), [[true], [false]])
  await rejects(tensor(2n ** 60n + 1n).item(), 'VALUE', /not exact/)
  await rejects(tensor([1, 2]).item(), 'SHAPE', /one element/)
})

test('evaluations run in the order they were submitted, also those nobody awaited', async () => {
  const v = new Variable(zeros([1]), { trainable: false })
  const runs: Promise<void>[] = []
  for (let i = 0; i < 100; i++)
    runs.push(
      evaluate(
        assign(
          v,
          v
            .read()
            .mul(2)
            .add(1 + (i % 3)),
        ),
      ),
    )
  await Promise.all(runs)
  let expected = 0
  for (let i = 0; i < 100; i++) expected = Math.fround(Math.fround(expected * 2) + 1 + (i % 3))
  assert.is(await v.item(), expected)
  assert.is(v.version, 100)
})

test('a result under way can be used at once', async () => {
  let y = ones([1000])
  for (let i = 0; i < 50; i++) {
    y = y.mul(1.5)
    void evaluate(y)
  }
  const first = ((await y.data()) as Float32Array)[0]!
  assert.ok(Math.abs(first / 1.5 ** 50 - 1) < 1e-5)
})

test('a graph that read a variable before it was written is stale, with the name and the cure', async () => {
  const v = new Variable(ones([2]), { name: 'layer.weight' })
  const y = v.read().mul(2)
  await evaluate(assign(v, zeros([2])))
  await rejects(evaluate(y), 'STALE', /layer\.weight.*was written.*also/)
  assert.equal(await list(v.read().mul(2)), [0, 0])
})

test('a tensor evaluated before the write keeps its value', async () => {
  const v = new Variable(ones([2]))
  const y = v.read().mul(2)
  await evaluate(y)
  await evaluate(assign(v, zeros([2])))
  assert.equal(await list(y), [2, 2])
  // ... but cannot be differentiated any more.
  assert.throws(
    () => y.sum().backward(),
    (error: TenonError) => error.code === 'STALE',
  )
})

test('an update is performed once', async () => {
  const v = new Variable(zeros([1]), { trainable: false })
  const update = assign(v, v.read().add(1))
  await evaluate(update)
  await evaluate(update)
  assert.is(await v.item(), 1)
})

test('a run that fails half-way leaves every variable as it was, also with runs queued behind it', async () => {
  const v = new Variable(zeros([1]), { trainable: false })
  const logits = ones([2, 3])
  await evaluate(v.read())
  const runs: Promise<unknown>[] = []
  for (let i = 0; i < 20; i++) {
    const label = i % 4 === 1 ? 3 : 2
    const loss = crossEntropy(logits, tensor([0, label], { dtype: 'i64' }))
    runs.push(evaluate(loss, assign(v, v.read().add(loss.mul(0)).add(1))))
  }
  const settled = await Promise.allSettled(runs)
  assert.equal(
    settled.map((s) => s.status === 'rejected'),
    settled.map((_, i) => i % 4 === 1),
  )
  const reason = (settled[1] as PromiseRejectedResult).reason as TenonError
  assert.is(reason.code, 'INDEX')
  assert.match(reason.message, /\[0, 3\), got 3/)
  assert.is(await v.item(), 15)
})

test('what reads the result of a run that fails, fails as well', async () => {
  const x = ones([4, 2]).take(tensor([9n]), 0)
  const failing = evaluate(x)
  const after = evaluate(x.add(1))
  await rejects(failing, 'INDEX', /got 9/)
  await rejects(after, 'INDEX', /got 9/)
  assert.throws(
    () => x.sum().itemSync(),
    (error: TenonError) => error.code === 'INDEX',
  )
})

test('an AbortSignal stops an evaluation; variables keep what they had', async () => {
  const v = new Variable(ones([2]), { trainable: false })
  await evaluate(v.read())
  let y = rand([512, 512])
  for (let i = 0; i < 60; i++) y = y.matmul(y).mul(1e-3)
  const controller = new AbortController()
  const run = evaluate(assign(v, v.read().add(y.sum())), { signal: controller.signal })
  controller.abort(new Error('enough'))
  await rejects(run, 'ABORTED', /no variable was written/)
  assert.equal(await list(v), [1, 1])
  await rejects(evaluate(ones([3]).add(2), { signal: AbortSignal.abort() }), 'ABORTED', /aborted/)
})

test('an arena that does not fit is an error before anything has run', async () => {
  const big = rand([2 ** 20, 2 ** 20])
  await rejects(evaluate(big.exp().sum(0).add(big.exp().transpose().sum(0))), 'MEMORY', /needs .* MiB.*there are/)
})

test('a plan knows its cost before it runs', () => {
  const p = plan(ones([64, 128]).matmul(ones([128, 32])))
  const { flops, peakBytes, outputBytes } = summary(p)
  assert.is(flops, 2 * 64 * 128 * 32)
  assert.is(outputBytes, 64 * 32 * 4)
  assert.ok(peakBytes >= outputBytes + (64 * 128 + 128 * 32) * 4)
})

test('numbers that change compile nothing', async () => {
  const x = ones([4])
  await evaluate(x.mul(0.1).sum())
  const misses = planCache.misses
  for (let i = 0; i < 20; i++) await evaluate(x.mul(i).sum())
  assert.is(planCache.misses, misses)
})

test('no graph grows from step to step', async () => {
  const v = new Variable(ones([2]))
  let total = zeros([2])
  for (let i = 0; i < 50; i++) {
    total = total.add(noGrad(() => v.read().mul(2)))
    await evaluate(total)
  }
  assert.is(total.inputs.length, 0)
  let running = zeros([])
  for (let i = 0; i < 5; i++) {
    const loss = v.read().sum()
    running = running.add(loss)
    await evaluate(running)
    await evaluate(assign(v, v.read().mul(0.5)))
  }
  let depth = 0
  for (let t = running; t.inputs.length > 0; t = t.inputs[0]!) depth++
  assert.ok(depth <= 2, `recipes of ${depth} steps are kept`)
})

test('options that do not exist are errors', async () => {
  await rejects(evaluate(ones([1]), { sginal: 1 } as never), 'OPTION', /did you mean 'signal'/i)
})
