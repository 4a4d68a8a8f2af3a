/**
 * @file Self-attention: a small GPT learns to write, letter by letter.
 * `npx tsx examples/attention.ts [--data FILE] [--seed N] [--steps N]`: FILE with a text, tiny Shakespeare for one (else a few lines of
 * our own). Sizes and schedule are those of nanoGPT for a processor without a GPU: 4 layers, 4 heads, 128 wide, 64 letters, batches of 12.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { arange, assign, compile, crossEntropy, evaluate, linear, manualSeed, nn, noGrad, normal, optim } from 'tenon'
import { rand, randint, scaledDotProductAttention, tensor, text as writing, trainStep } from 'tenon'
import type { Tensor, Variable } from 'tenon'

const option = { type: 'string' } as const
const { values } = parseArgs({ options: { data: option, seed: option, steps: option } })
const OWN = `The river asked the mountain: why do you stand so still? The mountain answered: why do you run so far?
The river said: I run because the sea is calling me. The mountain said: I stand because the sky is leaning on me.
The wind came by and asked them both: why do you talk so long? And so the river ran, and so the mountain stood.
The moon looked down upon the sea and asked: who brought you all this water? The sea replied: the river did.
The moon looked down upon the sky and asked: who holds you up so high? The sky replied: the mountain does.
Then said the moon: so both are right, the one who runs and the one who stands. And the wind went home.
`
const text = values.data ? readFileSync(values.data, 'utf8') : OWN.repeat(4)
const [layers, heads, width, block, batch] = [4, 4, 128, 64, 12]
const steps = Number(values.steps ?? (values.data ? 2000 : 200))
const start = performance.now()
const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`

/**
 * Each position asks all positions up to its own, and takes a mean of what they say, weighted by softmax(q k^T / sqrt(d) + mask). The mask
 * (-infinity for later positions) goes in *before* the softmax, so that the weights that are left add up to 1. Masking after it would
 * leave weights whose sum depends on letters that are not to be seen: less than 1, and a look into the future.
 */
class SelfAttention extends nn.Module {
  qkv = new nn.Linear(width, 3 * width, { bias: false })
  proj = new nn.Linear(width, width, { bias: false })
  override forward(x: Tensor): Tensor {
    const [b, t] = x.shape as [number, number, number]
    const parts = this.qkv
      .forward(x)
      .reshape([b, t, 3, heads, width / heads])
      .permute([2, 0, 3, 1, 4])
    const [q, k, v] = [0, 1, 2].map((i) => parts.slice([i])) as [Tensor, Tensor, Tensor]
    const y = scaledDotProductAttention(q, k, v, { isCausal: true })
    return this.proj.forward(y.transpose(1, 2).reshape([b, t, width]))
  }
}

class Block extends nn.Module {
  norm1 = new nn.LayerNorm(width, { bias: false })
  attention = new SelfAttention()
  norm2 = new nn.LayerNorm(width, { bias: false })
  up = new nn.Linear(width, 4 * width, { bias: false })
  down = new nn.Linear(4 * width, width, { bias: false })
  override forward(x: Tensor): Tensor {
    const y = x.add(this.attention.forward(this.norm1.forward(x)))
    return y.add(this.down.forward(this.up.forward(this.norm2.forward(y)).gelu()))
  }
}

class GPT extends nn.Module {
  token: nn.Embedding
  position = new nn.Embedding(block, width)
  blocks = Array.from({ length: layers }, () => new Block())
  norm = new nn.LayerNorm(width, { bias: false })
  constructor(letters: number) {
    super()
    this.token = new nn.Embedding(letters, width)
  }
  /** Letters [B, T] -> logits [B, T, letters] of those that follow; the table of letters serves both ends. */
  override forward(ids: Tensor): Tensor {
    let x = this.token.forward(ids).add(this.position.forward(arange(ids.shape[1]!)))
    for (const layer of this.blocks) x = layer.forward(x)
    return linear(this.norm.forward(x), this.token.weight)
  }
}

/** Small random weights, smaller still where they end a residual branch. (nanoGPT's spread of 0.02, meant for wider nets, ends at 1.91 here, not 1.75.) */
function drawWeights(model: nn.Module): Promise<void> {
  const std = (name: string) => 0.06 / (/proj|down/.test(name) ? Math.sqrt(2 * layers) : 1)
  const matrices = [...model.namedParameters()].filter(([, weight]) => weight.rank === 2)
  return evaluate(...matrices.map(([name, weight]) => assign(weight, normal(weight.shape, 0, std(name)))))
}

const letters = [...new Set(text)].sort()
const codes = new Map(letters.map((letter, i) => [letter, i]))
const all = Int32Array.from(text, (letter) => codes.get(letter)!)
const held = Math.floor(all.length * 0.9)
const [train, test] = [all.slice(0, held), all.slice(held)].map((ids) => tensor(ids)) as [Tensor, Tensor]
console.log(`${text.length} letters, ${letters.length} different ones; the last tenth is held back for the test`)

manualSeed(Number(values.seed ?? 0))
const model = new GPT(letters.length)
await drawWeights(model)

/** Mean cross-entropy of each letter after those before it, in pieces that begin at `starts` [B]. */
function lossOf(source: Tensor, starts: Tensor): Tensor {
  const at = starts.unsqueeze(1).add(arange(block))
  const read = (where: Tensor) => source.indexSelect(0, where.flatten())
  const logits = model.forward(read(at).reshape(at.shape))
  return crossEntropy(logits.flatten(0, 1), read(at.add(1)).cast('i64'))
}

/** The loss on all of the text that was held back. */
async function testLoss(): Promise<string> {
  const count = Math.floor((test.size - 1) / block)
  const size = Math.min(count, 128)
  const part = compile((starts: Tensor) => noGrad(() => lossOf(test, starts)))
  let sum = 0
  for (let i = 0; i < count; i += size) {
    const n = Math.min(size, count - i)
    sum += n * (await (await part(tensor(Int32Array.from({ length: n }, (_, k) => (i + k) * block)))).item())
  }
  return (sum / count).toFixed(4)
}

/** Rises for a twentieth of the steps and then falls along a cosine to a tenth. */
function rateAt(i: number): number {
  const warm = steps / 20
  if (i < warm) return (1e-3 * (i + 1)) / (warm + 1)
  return 1e-4 + 4.5e-4 * (1 + Math.cos((Math.PI * (i - warm)) / (steps - warm)))
}

// Weight decay is for matrices only.
const [matrices, vectors] = [2, 1].map((rank) => model.parameters().filter((weight) => weight.rank === rank))
const optimizer = new optim.AdamW([{ params: matrices! }, { params: vectors!, weightDecay: 0 }], {
  lr: 1e-3,
  betas: [0.9, 0.99],
  weightDecay: 0.1,
})
const gradients = (parameters: readonly Variable[]) => void optim.clipGradNorm(parameters, 1)
const step = trainStep(model, optimizer, () => lossOf(train, randint(0, held - block, [batch])), {
  compile: true,
  gradients,
})
for (let i = 0; i <= steps; i++) {
  if (i % 250 === 0 || i === steps) console.log(`step ${i} of ${steps}: test loss ${await testLoss()}, ${seconds()}`)
  if (i === steps) break
  for (const group of optimizer.paramGroups) group.lr = rateAt(i)
  await step()
}

// Writing: the last letters that fit are read, and one is drawn among the likeliest twenty.
const logitsAfter = compile((ids: Tensor) => noGrad(() => model.forward(ids).slice([0, -1])))
const written = Array.from(all.slice(held, held + block))
for (let i = 0; i < 300; i++) {
  const ids = Int32Array.from(written.slice(-block))
  const logits = await (await logitsAfter(tensor(ids, { shape: [1, block] }))).data()
  written.push(writing.sample(logits as Float32Array, { temperature: 0.8, topK: 20 }, await rand([1]).item()))
}
console.log(
  written
    .slice(block)
    .map((i) => letters[i])
    .join(''),
)
