/** @file Loading state dicts: all or nothing, strict or not, before and after a first evaluation. */
import { nn, randn, tensor } from 'tenon'
import type { TenonError, Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('state dict')

const list = async (t: Tensor | Variable) => Array.from((await t.data()) as Float64Array)
const weight = [
  [1, 2],
  [3, 4],
]

async function failure(work: Promise<unknown>): Promise<TenonError> {
  const error = await work.then(
    () => null,
    (e: TenonError) => e,
  )
  assert.ok(error, 'it did not fail')
  return error
}

for (const isEvaluated of [false, true]) {
  test(`loadStateDict: writes a model that ${isEvaluated ? 'was' : 'was not'} evaluated`, async () => {
    const model = new nn.Linear(2, 2)
    if (isEvaluated) await model.forward(tensor([1, 1])).data()
    const report = await model.loadStateDict({ weight: tensor(weight), bias: new Float64Array([5, 6]) })
    assert.equal(report, { missing: [], unexpected: [] })
    assert.equal(await list(model.weight), [1, 2, 3, 4])
    assert.equal(await list(model.bias!), [5, 6])
    assert.equal(await list(model.forward(tensor([1, 1]))), [8, 13])
  })

  test(`loadStateDict: strict refuses what does not fit and changes nothing, ${isEvaluated ? 'after' : 'before'} an evaluation`, async () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 3))
    const first = model.layers[0] as nn.Linear
    const before = isEvaluated ? await list(first.weight) : null
    const state = {
      '0.weight': tensor(weight),
      '0.bias': tensor([1, 2, 3]),
      '1.weight': tensor(weight),
      old: tensor([1, 2]),
    }
    const { code, message } = await failure(model.loadStateDict(state))
    assert.is(code, 'STATE')
    assert.match(message, '0.bias is [2] here and [3] there')
    assert.match(message, '1.weight is [3, 2] here and [2, 2] there')
    assert.match(message, 'missing: 1.bias [3]')
    assert.match(message, 'unexpected: old [2]')
    if (before) assert.equal(await list(first.weight), before)
    else assert.not.equal(await list(first.weight), [1, 2, 3, 4])
  })
}

test('loadStateDict: not strict takes what fits, and says what did not', async () => {
  const model = new nn.Linear(2, 2)
  const report = await model.loadStateDict(
    new Map([
      ['weight', tensor(weight)],
      ['other', tensor([1])],
    ]),
    { strict: false },
  )
  assert.equal(report, { missing: ['bias'], unexpected: ['other'] })
  assert.equal(await list(model.weight), [1, 2, 3, 4])
  const { code } = await failure(model.loadStateDict({ weight: tensor([1]) }, { strict: false }))
  assert.is(code, 'STATE')
})

test("loadStateDict: takes another model's state, of the present moment", async () => {
  const [a, b] = [new nn.BatchNorm1d(2), new nn.BatchNorm1d(2)]
  await a
    .forward(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    )
    .data()
  await b.loadStateDict(a.stateDict())
  assert.equal(await list(b.runningMean!), await list(a.runningMean!))
  assert.is(await b.numBatchesTracked!.item(), 1)
  await a
    .forward(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    )
    .data()
  assert.is(await b.numBatchesTracked!.item(), 1)
})

test('loadStateDict: of a shared variable one name is enough', async () => {
  const model = new nn.Sequential(new nn.Linear(2, 2, { bias: false }), new nn.Linear(2, 2, { bias: false }))
  const [first, second] = model.layers as nn.Linear[]
  second!.weight = first!.weight
  await model.loadStateDict({ '1.weight': tensor(weight) })
  assert.equal(await list(first!.weight), [1, 2, 3, 4])
})

test('loadStateDict: casts to the dtype of the variable', async () => {
  const model = new nn.Linear(2, 1, { bias: false, dtype: 'f64' })
  await model.loadStateDict({ weight: tensor([[1, 2]], { dtype: 'i32' }) })
  assert.is(model.weight.dtype, 'f64')
  assert.equal(await list(model.weight), [1, 2])
})

test('loadStateDict: a graph that read the old content is stale', async () => {
  const model = new nn.Linear(2, 2)
  const y = model.forward(randn([2]))
  await model.loadStateDict(new nn.Linear(2, 2).stateDict())
  const { code } = await failure(y.data())
  assert.is(code, 'STALE')
})

test('loadStateDict: refuses what is no tensor, and unknown options', async () => {
  assert.is((await failure(new nn.Linear(1, 1).loadStateDict({ weight: [1] as never }))).code, 'VALUE')
  assert.is((await failure(new nn.Linear(1, 1).loadStateDict({}, { strikt: true } as object))).code, 'OPTION')
})
