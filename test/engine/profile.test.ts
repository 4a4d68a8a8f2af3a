import * as assert from 'uvu/assert'
import {
  assign,
  compile,
  cond,
  crossEntropy,
  embedding,
  evaluate,
  nn,
  ones,
  optim,
  plan,
  rand,
  randint,
  scan,
  tensor,
  TenonError,
  trainStep,
  Variable,
} from '../../lib/index.ts'
import type { Plan } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('profile')

const rejects = async (promise: Promise<unknown>, code: string, words: RegExp) => {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, TenonError)
  assert.is((error as TenonError).code, code)
  assert.match((error as TenonError).message, words)
}

function smallStep() {
  const model = new nn.Sequential(new nn.Conv2d(1, 4, 3), new nn.ReLU(), new nn.Flatten(), new nn.Linear(4 * 36, 10))
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 })
  const step = trainStep(model, optimizer, (x, y) => crossEntropy(model.forward(x), y), { compile: true })
  return { model, step, x: rand([8, 1, 8, 8]), y: randint(0, 10, [8]) }
}

test('executed operations are those of summary()', async () => {
  const { step, x, y } = smallStep()
  const trained = step.plan(x, y)
  const found = await trained.profile({ work: () => step(x, y), runs: 3, warmUp: 1 })
  assert.is(found.runs, 3)
  assert.is(found.flops, trained.summary().flops)
  assert.ok(found.instructions.every(({ count }) => count === 1))
  assert.ok(found.instructions.every(({ seconds }) => seconds >= 0))
  assert.ok(found.between >= 0 && found.seconds > found.between)
})

test('operations and bytes of an instruction are those of its definition', async () => {
  const [m, k, n] = [24, 40, 16]
  const { instructions } = await plan(rand([m, k]).matmul(rand([k, n]))).profile({ runs: 1 })
  const product = instructions.find(({ op }) => op === 'matmul')!
  assert.is(product.flops, 2 * m * k * n)
  assert.is(product.bytes, 4 * (m * k + k * n + m * n))
  assert.is(product.operands, 'f32 [24, 16] <- f32 [24, 40], f32 [40, 16]')
  // Of a table only the rows that are named.
  const table = plan(embedding(randint(0, 1000, [5]), rand([1000, 32])))
  const { bytes } = (await table.profile({ runs: 1 })).instructions.find(({ kernel }) => kernel === 'take')!
  assert.is(bytes, 5 * 8 + 2 * 4 * 5 * 32)
})

test('what a loop repeats counts as often as it runs, in summary() too', async () => {
  const start = rand([8, 8])
  const repeated = (length: number) =>
    plan(...scan(([s]) => ({ carry: [s!.matmul(start)] }), [start], [], length).carry)
  const [once, often] = [1, 7].map(repeated)
  const perTrip = 2 * 8 ** 3
  assert.is(often!.summary().flops - once!.summary().flops, 6 * perTrip)
  const found = await often!.profile({ runs: 1 })
  assert.is(found.flops, often!.summary().flops)
  assert.is(found.instructions.find(({ op }) => op === 'matmul')!.count, 7)
})

test('of two branches summary() counts the larger', () => {
  const x = rand([16, 16])
  const of = (p: Plan) => p.summary().flops
  const small = cond(
    tensor(true),
    (a) => [a!.add(1)],
    (a) => [a!.add(2)],
    [x],
  )
  const large = cond(
    tensor(true),
    (a) => [a!.add(1)],
    (a) => [a!.matmul(a!)],
    [x],
  )
  assert.is(of(plan(...large)) - of(plan(...small)), 2 * 16 ** 3 - 16 ** 2)
})

test('on stand-ins no variable is written and no random number is drawn', async () => {
  const v = new Variable(ones([4]))
  const update = compile(() => v.read().mul(3))
  await evaluate(assign(v, ones([4]).mul(2)))
  const p = update.plan()
  const found = await p.profile({ runs: 2, warmUp: 0 })
  assert.is(found.runs, 2)
  assert.equal(await v.toArray(), [2, 2, 2, 2])
  const { step, x, y } = smallStep()
  await step(x, y)
  const found2 = await step.plan(x, y).profile({ runs: 1 })
  assert.ok(found2.seconds > 0)
})

test('prints as a table, and traces as chrome does', async () => {
  const { step, x, y } = smallStep()
  const found = await step.plan(x, y).profile({ work: () => step.sync(x, y), runs: 2 })
  const text = String(found)
  assert.match(text, /time +share +times +FLOP\/s +bytes\/s +op +kernel +operands/)
  assert.match(text, /conv2d/)
  assert.match(text, /us a run \(median of 2\)/)
  const { traceEvents } = JSON.parse(JSON.stringify(found.trace())) as ReturnType<typeof found.trace>
  assert.is(traceEvents.length, found.instructions.length)
  assert.ok(traceEvents.every(({ ph, ts, dur }) => ph === 'X' && ts >= 0 && dur >= 0))
  assert.is(traceEvents[0]!.ts, 0)
})

test('work that does not run the plan, and wrong options', async () => {
  const p = plan(rand([3]).add(1))
  await rejects(p.profile({ work: () => {} }), 'VALUE', /does not run this plan/)
  await rejects(p.profile({ run: 1 } as never), 'OPTION', /Did you mean 'runs'/)
  await rejects(p.profile({ runs: 0 }), 'VALUE', /runs must be an integer/)
  const first = p.profile()
  await rejects(
    p.profile({ work: () => first }).then(() => p.profile()),
    'VALUE',
    /does not run this plan|being profiled/,
  )
  await first
})
