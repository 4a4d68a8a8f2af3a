/** @file The loops that people write, as they would in PyTorch: each works, or its error says what to do. */
import { evaluate, mseLoss, nn, optim, sum, tensor } from 'tenon'
import type { TenonError, Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('training loops')

const x = tensor(
  [
    [1, 2],
    [3, 4],
    [-1, 0.5],
  ],
  { dtype: 'f64' },
)
const y = tensor([[1], [0], [2]], { dtype: 'f64' })
const START = { weight: tensor([[0.5, -0.25]], { dtype: 'f64' }), bias: tensor([0.1], { dtype: 'f64' }) }

async function setUp() {
  const model = new nn.Linear(2, 1, { dtype: 'f64' })
  await model.loadStateDict(START)
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.5 })
  return { model, optimizer, lossOf: (rows: Tensor = x, targets: Tensor = y) => mseLoss(model.forward(rows), targets) }
}

/** The same in plain numbers: losses before each step, and the parameters after the last. */
function expected(steps: number): { losses: number[]; end: number[] } {
  const [rows, targets] = [
    [
      [1, 2],
      [3, 4],
      [-1, 0.5],
    ],
    [1, 0, 2],
  ]
  let p = [0.5, -0.25, 0.1]
  let buffer = [0, 0, 0]
  const losses: number[] = []
  for (let t = 0; t < steps; t++) {
    const errors = rows.map(([a, b], i) => p[0]! * a! + p[1]! * b! + p[2]! - targets[i]!)
    losses.push(errors.reduce((s, e) => s + e * e, 0) / 3)
    const slope = (factor: (i: number) => number) => (2 / 3) * errors.reduce((s, e, i) => s + e * factor(i), 0)
    const grad = [slope((i) => rows[i]![0]!), slope((i) => rows[i]![1]!), slope(() => 1)]
    buffer = grad.map((g, i) => (t === 0 ? g : 0.5 * buffer[i]! + g))
    p = p.map((v, i) => v - 0.05 * buffer[i]!)
  }
  return { losses, end: p }
}

const close = (a: readonly number[], b: readonly number[]) =>
  a.forEach((v, i) => assert.ok(Math.abs(v - b[i]!) < 1e-12, `${i}: ${v} and ${b[i]}`))
const contents = async (variables: readonly Variable[]) =>
  (await Promise.all(variables.map(async (v) => Array.from((await v.data()) as Float64Array)))).flat()
const { losses: LOSSES, end: END } = expected(5)

test('loss.backward(); await optimizer.step(); await loss.item()', async () => {
  const { model, optimizer, lossOf } = await setUp()
  const losses: number[] = []
  for (let t = 0; t < 5; t++) {
    optimizer.zeroGrad()
    const loss = lossOf()
    loss.backward()
    await optimizer.step()
    losses.push(await loss.item())
  }
  close(losses, LOSSES)
  close(await contents(model.parameters()), END)
})

test('await loss.item(); loss.backward(); await optimizer.step()', async () => {
  const { model, optimizer, lossOf } = await setUp()
  const losses: number[] = []
  for (let t = 0; t < 5; t++) {
    const loss = lossOf()
    losses.push(await loss.item())
    loss.backward()
    await optimizer.step()
  }
  close(losses, LOSSES)
  close(await contents(model.parameters()), END)
})

test('gradients add up over micro-batches until the step', async () => {
  const { model, optimizer, lossOf } = await setUp()
  for (let t = 0; t < 5; t++) {
    const micro: Tensor[] = []
    for (let i = 0; i < 3; i++) {
      const loss = lossOf(x.narrow(0, i, 1), y.narrow(0, i, 1)).div(3)
      loss.backward()
      micro.push(loss)
      // Looking at one in between changes nothing.
      if (i === 1) await loss.item()
    }
    await optimizer.step()
    const total = (await Promise.all(micro.map((loss) => loss.item()))).reduce((a, b) => a + b)
    close([total], [LOSSES[t]!])
  }
  close(await contents(model.parameters()), END)
})

test('a metric of tensors from before the step: STALE names the cure, step({ also }) is it', async () => {
  const { model, optimizer } = await setUp()
  const prediction = model.forward(x)
  const metric = sum(prediction)
  mseLoss(prediction, y).backward()
  await optimizer.step()
  try {
    await metric.item()
    assert.unreachable('it is stale')
  } catch (error) {
    const { code, message } = error as TenonError
    assert.is(code, 'STALE')
    assert.match(message, "'weight' [1, 2] was written after this graph had read it")
    assert.match(message, 'step({ also: [tensor] })')
  }
  const next = model.forward(x)
  const nextMetric = sum(next)
  mseLoss(next, y).backward()
  await optimizer.step({ also: [nextMetric, next] })
  const values = Array.from((await next.data()) as Float64Array)
  close([await nextMetric.item()], [values.reduce((a, b) => a + b)])
  // What was asked for can be used on.
  assert.ok(Number.isFinite(await next.mul(2).sum().item()))
})

test('backward() after the step is STALE', async () => {
  const { optimizer, lossOf } = await setUp()
  const loss = lossOf()
  loss.backward()
  await optimizer.step()
  assert.throws(
    () => loss.backward(),
    (e: TenonError) => e.code === 'STALE',
  )
})

test('batch normalisation: looking at the loss before backward() is allowed, and counts the batch once', async () => {
  const model = new nn.Sequential(new nn.BatchNorm1d(2), new nn.Linear(2, 1))
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
  for (let t = 0; t < 3; t++) {
    const loss = mseLoss(model.forward(x.cast('f32')), y.cast('f32'))
    await loss.item()
    loss.backward()
    await optimizer.step()
  }
  assert.is(await model.stateDict().get('0.num_batches_tracked')!.item(), 3)
})

test('a loss kept in a list does not keep its graph', async () => {
  const { optimizer, lossOf } = await setUp()
  const kept: Tensor[] = []
  for (let t = 0; t < 3; t++) {
    const loss = lossOf()
    loss.backward()
    await optimizer.step()
    kept.push(loss)
  }
  assert.ok(kept.slice(0, 2).every((loss) => loss.inputs.length === 0))
  await evaluate(...kept)
  close(await Promise.all(kept.map((loss) => loss.item())), LOSSES)
})
