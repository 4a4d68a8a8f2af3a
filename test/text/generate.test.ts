/** @file Generating: against whole forward passes, few plans, sampling, stopping, beams. */
import * as assert from 'uvu/assert'
import { logSoftmax, manualSeed, models, noGrad, tensor, text } from '../../lib/index.ts'
import { planCache } from '../../lib/engine/evaluate.ts'
import type { GPT2 } from '../../lib/text/gpt2.ts'
import { mostProbable, penalize, sample } from '../../lib/text/sampling.ts'
import { StopFilter } from '../../lib/text/stop.ts'
import { suite } from '../support/suite.ts'

const test = suite('generate')

function small(options: text.GPT2Config = {}): GPT2 {
  manualSeed(1)
  const model = models.gpt2({ vocabSize: 5, numPositions: 12, width: 8, numLayers: 2, numHeads: 2, ...options })
  // Weights that are far from each other, so that tokens differ.
  for (const variable of model.parameters()) if (variable.rank === 2) variable.initial = variable.initial!.mul(20)
  return model
}

async function all(tokens: AsyncIterable<number>): Promise<number[]> {
  const list: number[] = []
  for await (const token of tokens) list.push(token)
  return list
}

/** Log probabilities of what follows, from a whole forward pass. */
function after(model: GPT2, ids: readonly number[]): Float32Array {
  const training = model.training
  const logits = noGrad(() => model.eval().forward(tensor([ids.map(BigInt)]), { lastOnly: true }))
  model.train(training)
  return logSoftmax(logits.reshape([-1])).dataSync() as Float32Array
}

test('generate: greedy tokens are those of whole forward passes, dropout or not', async () => {
  const model = small({ dropout: 0.5 })
  const want = [3, 1]
  for (let i = 0; i < 10; i++) want.push(mostProbable(after(model, want), 1)[0])
  assert.equal(await all(model.generate([3, 1], { maxNewTokens: 10 })), want.slice(2))
  assert.equal(await all(model.generate(tensor([[3n, 1n]]))), want.slice(2))
  assert.ok(new Set(want.slice(2)).size > 1)
  assert.is(model.training, true)
})

test('generate: 1,000 tokens compile at most 12 plans', async () => {
  const model = small({ numPositions: 1010 })
  const { misses } = planCache
  const tokens = await all(model.generate([1, 2, 3], { maxNewTokens: 1000, temperature: 1 }))
  assert.is(tokens.length, 1000)
  assert.ok(planCache.misses - misses <= 12, `${planCache.misses - misses} plans`)
})

test('generate: the same seed draws the same tokens', async () => {
  const model = small()
  const draw = (seed: number) => {
    manualSeed(seed)
    return all(model.generate([1], { temperature: 3 }))
  }
  const [a, b, c] = [await draw(5), await draw(5), await draw(6)]
  assert.equal(a, b)
  assert.not.equal(a, c)
})

test('generate: tokens come one by one, and a signal ends them', async () => {
  const controller = new AbortController()
  const seen: number[] = []
  try {
    for await (const token of small().generate([1], { signal: controller.signal })) {
      seen.push(token)
      if (seen.length === 3) controller.abort()
    }
    assert.unreachable('not aborted')
  } catch (error) {
    assert.is((error as { code: string }).code, 'ABORTED')
  }
  assert.is(seen.length, 3)
})

test('generate: a stop sequence ends the text and is not part of it', async () => {
  const model = small()
  const whole = await all(model.generate([1]))
  assert.equal(
    await all(model.generate([1], { stop: [whole.slice(3, 6)] })),
    whole.slice(0, whole.join().indexOf(whole.slice(3, 6).join()) / 2),
  )
  const [token] = whole
  assert.equal(await all(model.generate([1], { stop: [token] })), [])
})

test('StopFilter: holds back what may be the beginning of a stop sequence', () => {
  const filter = new StopFilter([[1, 2, 3], 9])
  const steps = [1, 2, 1, 2, 4].map((token) => filter.take(token).tokens)
  assert.equal(steps, [[], [], [1, 2], [], [1, 2, 4]])
  assert.equal(filter.take(1), { tokens: [], isEnd: false })
  assert.equal(filter.take(9), { tokens: [1], isEnd: true })
  filter.take(1)
  assert.equal(filter.rest(), [1])
})

test('beam search: as many beams as there are texts find the likeliest one', async () => {
  const model = small({ vocabSize: 3 })
  let best: { tokens: number[]; sum: number } = { tokens: [], sum: -Infinity }
  const grow = (tokens: number[], sum: number) => {
    if (tokens.length === 3) {
      if (sum > best.sum) best = { tokens, sum }
      return
    }
    after(model, [1, ...tokens]).forEach((x, token) => grow([...tokens, token], sum + x))
  }
  grow([], 0)
  assert.equal(await all(model.generate([1], { maxNewTokens: 3, numBeams: 9 })), best.tokens)
})

test('beam search: a text that has ended is compared by its mean, and shown without its end', async () => {
  const model = small({ vocabSize: 3 })
  const [first] = mostProbable(after(model, [1]), 1)
  const short = await all(model.generate([1], { maxNewTokens: 4, numBeams: 2, stop: [first], lengthPenalty: -5 }))
  assert.equal(short, [])
})

const logits = () => Float32Array.from([1, 3, 2, 3, -Infinity])

test('sample: top-k and top-p leave the most probable, ties in order', () => {
  assert.equal(mostProbable(logits(), 3), [1, 3, 2])
  const drawn = (options: text.SamplingOptions) =>
    new Set(Array.from({ length: 100 }, (_, i) => sample(logits(), options, i / 100)))
  assert.equal([...drawn({ topK: 2 })].sort(), [1, 3])
  assert.equal([...drawn({ topP: 0.5 })].sort(), [1, 3])
  assert.equal([...drawn({ topP: 0.1 })], [1])
  assert.equal([...drawn({ temperature: 1 })].sort(), [0, 1, 2, 3])
  assert.equal([...drawn({ temperature: 0 })], [1])
  assert.equal([...drawn({ topK: 300, topP: 1 })].sort(), [0, 1, 2, 3])
  assert.is(sample(logits(), { temperature: 1 }, 1), 3)
})

test('sample: numbers drawn evenly give tokens by their probability, sharpened by temperature', () => {
  const n = 1000
  for (const temperature of [1, 0.5]) {
    const counts = [0, 0]
    const two = Float32Array.from([0, 1])
    for (let i = 0; i < n; i++) counts[sample(two, { temperature }, (i + 0.5) / n)]++
    assert.ok(Math.abs(counts[1] / n - 1 / (1 + Math.exp(-1 / temperature))) < 2e-3)
  }
})

test('penalize: tokens that are there already become less probable, each once', () => {
  const given = Float32Array.from([2, -2, 2])
  penalize(given, [0, 1, 1, 7], 2)
  assert.equal([...given], [1, -4, 2])
})

for (const [what, options, ids, phrase] of [
  ['no tokens', {}, [], /needs at least one token/],
  ['too many tokens', { maxNewTokens: 12 }, [1, 2], /2 tokens and 12 more are too many for 12 positions/],
  ['a temperature', { temperature: -1 }, [1], /temperature must be 0 or more, got -1/],
  ['topP', { topP: 0 }, [1], /topP lies in \(0, 1\], got 0/],
  ['topK', { topK: 0.5 }, [1], /topK must be an integer >= 1/],
  ['drawing beams', { numBeams: 2, topK: 3 }, [1], /a beam search does not draw/],
  ['a typo', { maxTokens: 3 }, [1], /unknown option 'maxTokens'/],
] as const) {
  test(`generate: error for ${what}, at once`, () =>
    assert.throws(() => small().generate([...ids], options as object), phrase))
}
