/** @file quantize: weights as blocks, in place; what the model computes then, what it keeps, and what it refuses. */
import { evaluate, manualSeed, nn, optim, plan, quantize, quantizeBlocks, randn, sum, tensor, text } from 'tenon'
import { dequantize } from 'tenon'
import type { Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('quantize')

const list = async (t: Tensor) => Array.from((await t.data()) as Float32Array)
const llama = () =>
  new text.Llama({ vocabSize: 64, width: 32, hiddenWidth: 64, numLayers: 2, numHeads: 2, isTied: true }).eval()
const gpt2 = () => new text.GPT2({ vocabSize: 64, width: 32, numLayers: 2, numHeads: 2, numPositions: 16 }).eval()
const ids = tensor([[3n, 1n, 60n, 7n]])

async function difference(a: Tensor, b: Tensor): Promise<number> {
  const [found, wanted] = [await list(a), await list(b)]
  const scale = Math.max(...wanted.map(Math.abs))
  return Math.max(...found.map((x, i) => Math.abs(x - wanted[i]!))) / scale
}

test('quantize: Linear computes with what its blocks stand for', async () => {
  manualSeed(1)
  const layer = new nn.Linear(64, 8)
  const x = randn([3, 64])
  const wanted = x.matmul(dequantize(quantizeBlocks(layer.weight, 'q8_0'), 'q8_0').transpose()).add(layer.bias!)
  await evaluate(wanted)
  assert.is(await quantize(layer, 'q8_0'), layer)
  assert.match(String(plan(layer.forward(x))), 'matmulBlocks')
  assert.ok((await difference(layer.forward(x), wanted)) < 1e-6)
  assert.is(layer.weight.bytes, 8 * 2 * 34)
  assert.is(layer.numParameters, 8)
})

for (const [name, make] of [
  ['Llama', llama],
  ['GPT2', gpt2],
] as const) {
  test(`quantize: ${name} generates from blocks alone`, async () => {
    manualSeed(2)
    const model = make()
    const wanted = model.forward(ids)
    await evaluate(wanted)
    await quantize(model, 'q8_0')
    const y = model.forward(ids)
    // Those of the attention's part are of another length, so they are not asked for.
    assert.not.match(String(plan(y.narrow(1, 3, 1))), / matmul\b/)
    assert.ok((await difference(y, wanted)) < 0.05)
    const tokens: number[] = []
    for await (const token of model.generate([3, 1], { maxNewTokens: 4 })) tokens.push(token)
    assert.is(tokens.length, 4)
  })
}

test('quantize: rows that are no whole blocks, layers left out and tables stay', async () => {
  const model = new nn.Sequential(new nn.Linear(48, 64), new nn.Linear(64, 32), new nn.Linear(32, 5))
  await quantize(model, 'q4_0', { only: (path) => path !== '2' })
  const bytes = [...model.stateDict()].filter(([path]) => path.endsWith('weight')).map(([, v]) => v.bytes)
  assert.equal(bytes, [48 * 64 * 4, 32 * 2 * 18, 32 * 5 * 4])
  const tied = llama()
  await quantize(tied, 'q8_0', { embeddings: false })
  assert.is(tied.tokens.weight.bytes, 64 * 32 * 4)
})

test('quantize: gradients flow through to what comes before', async () => {
  const model = new nn.Sequential(new nn.Linear(4, 32), new nn.Linear(32, 2))
  await quantize(model, 'q8_0')
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
  const before = await list(model.parameters()[0]!.read())
  sum(model.forward(randn([2, 4]))).backward()
  await optimizer.step()
  assert.not.equal(await list(model.parameters()[0]!.read()), before)
})

test('quantize: what cannot be is refused', async () => {
  const refused = async (promise: Promise<unknown>, code: string, phrase: RegExp) => {
    const error = (await promise.then(
      () => null,
      (e: unknown) => e,
    )) as { code?: string; message?: string } | null
    assert.is(error?.code, code)
    assert.match(error?.message ?? '', phrase)
  }
  await refused(quantize(new nn.Linear(31, 2), 'q8_0'), 'VALUE', /multiples of 32 numbers, as q8_0 needs/)
  await refused(quantize(new nn.Linear(32, 2), 'q5_0' as 'q8_0'), 'VALUE', /got 'q5_0'/)
  const layer = await quantize(new nn.Linear(32, 2, { bias: false }), 'q8_0')
  await refused(layer.loadStateDict({ weight: new Float32Array(64) }), 'STATE', /quantised: it cannot be written/)
})
