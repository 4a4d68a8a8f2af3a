/** @file Transformers of the kind of GPT-2 and BERT, as the peer writes them: norms first, the output tied to the input's embedding. */
import {
  arange,
  concat,
  crossEntropy,
  evaluate,
  gelu,
  nn,
  noGrad,
  optim,
  plan,
  randint,
  scaledDotProductAttention,
} from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { computing, training } from '../workload.ts'
import type { Running, Way, Workload } from '../workload.ts'

/** Fields have the peer's names. */
class Block extends nn.Module {
  readonly numHeads: number
  readonly isCausal: boolean
  ln_1: nn.LayerNorm
  ln_2: nn.LayerNorm
  qkv: nn.Linear
  proj: nn.Linear
  up: nn.Linear
  down: nn.Linear

  constructor(width: number, numHeads: number, isCausal: boolean) {
    super()
    this.numHeads = numHeads
    this.isCausal = isCausal
    this.ln_1 = new nn.LayerNorm(width)
    this.ln_2 = new nn.LayerNorm(width)
    this.qkv = new nn.Linear(width, 3 * width)
    this.proj = new nn.Linear(width, width)
    this.up = new nn.Linear(width, 4 * width)
    this.down = new nn.Linear(4 * width, width)
  }

  /** [B, T, D] -> [B, T, D]; with a cache, T more positions. */
  override forward(x: Tensor, cache: nn.KeyValueCache | null = null): Tensor {
    const y = x.add(this.attend(this.ln_1.forward(x), cache))
    return y.add(this.down.forward(gelu(this.up.forward(this.ln_2.forward(y)), { approximate: 'tanh' })))
  }

  private attend(x: Tensor, cache: nn.KeyValueCache | null): Tensor {
    const [b, t, d] = x.shape as [number, number, number]
    const { numHeads, isCausal } = this
    const heads = this.qkv
      .forward(x)
      .reshape([b, t, 3, numHeads, d / numHeads])
      .permute([2, 0, 3, 1, 4])
    const [q, k, v] = [0, 1, 2].map((i) => heads.narrow(0, i, 1).squeeze(0)) as [Tensor, Tensor, Tensor]
    const y = cache ? continued(q, cache.append(k, v), isCausal) : scaledDotProductAttention(q, k, v, { isCausal })
    return this.proj.forward(y.transpose(1, 2).reshape([b, t, d]))
  }
}

const continued = (q: Tensor, { keys, values, length }: ReturnType<nn.KeyValueCache['append']>, isCausal: boolean) =>
  scaledDotProductAttention(q, keys, values, { isCausal, kvLength: length })

interface Size {
  readonly vocabulary: number
  readonly context: number
  readonly width: number
  readonly numHeads: number
  readonly numLayers: number
}

class Transformer extends nn.Module {
  tok: nn.Embedding
  pos: nn.Embedding
  blocks: Block[]
  ln: nn.LayerNorm

  constructor({ vocabulary, context, width, numHeads, numLayers }: Size, isCausal = true) {
    super()
    this.tok = new nn.Embedding(vocabulary, width)
    this.pos = new nn.Embedding(context, width)
    this.blocks = Array.from({ length: numLayers }, () => new Block(width, numHeads, isCausal))
    this.ln = new nn.LayerNorm(width)
  }

  /** [B, T] -> logits [B, T, vocabulary]; with caches, of T more positions. */
  override forward(ids: Tensor, caches: readonly nn.KeyValueCache[] = []): Tensor {
    const positions = arange(ids.shape[1]!).add(caches[0]?.length ?? 0)
    const x = this.tok.forward(ids).add(this.pos.forward(positions))
    const y = this.blocks.reduce((x, block, i) => block.forward(x, caches[i] ?? null), x)
    return this.ln.forward(y).matmul(this.tok.weight.transpose(0, 1))
  }
}

const babyGpt: Size = { vocabulary: 65, context: 256, width: 384, numHeads: 6, numLayers: 6 }
const gpt2: Size = { vocabulary: 50_257, context: 1024, width: 768, numHeads: 12, numLayers: 12 }
const bert: Size = { vocabulary: 30_522, context: 512, width: 768, numHeads: 12, numLayers: 12 }

/** Predicts the next of 256 tokens. */
const languageModel = (name: string, size: Size, batch: number): Workload =>
  training(name, {
    inputs: () => [0, 1].map(() => randint(0, size.vocabulary, [batch, 256])),
    build: () => {
      const model = new Transformer(size)
      const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-4, betas: [0.9, 0.95], weightDecay: 0.1 })
      return { model, optimizer, loss: (x, y) => crossEntropy(model.forward(x!).flatten(0, 1), y!.flatten()) }
    },
  })

export const babyGptTrain = languageModel('babygpt_train', babyGpt, 8)
export const gpt2Train = languageModel('gpt2_124m_train', gpt2, 1)

export const bertInfer = computing('bert_base_infer', {
  inputs: () => [randint(0, bert.vocabulary, [4, 128])],
  build: () => {
    const model = new Transformer(bert, false).eval()
    return { model, compute: (ids) => noGrad(() => model.forward(ids!)) }
  },
})

const [PROMPT, NEW_TOKENS] = [64, 32]

/** 32 tokens after a prompt of 64, each the most likely one. Written by hand, as the peer does it: generate() gives the same. */
export const gpt2Generate: Workload = {
  name: 'gpt2_124m_generate',
  ways: ['plain'],
  tolerance: 0,
  inputs: () => [randint(0, gpt2.vocabulary, [1, PROMPT])],
  build: () => {
    const model = new Transformer(gpt2).eval()
    const headDim = gpt2.width / gpt2.numHeads
    const caches = model.blocks.map(
      () => new nn.KeyValueCache({ numHeads: gpt2.numHeads, capacity: PROMPT + NEW_TOKENS, headDim }),
    )
    /** The most likely next token [1, 1] after some more. */
    const next = (ids: Tensor) =>
      noGrad(() =>
        model
          .forward(ids, caches)
          .narrow(1, ids.shape[1]! - 1, 1)
          .argMax(-1),
      )
    const start = (_: Way, inputs: readonly Tensor[]): Running => {
      const generated = async () => {
        caches.forEach((cache) => cache.truncate())
        const found: Tensor[] = []
        let ids = inputs[0]!
        for (let i = 0; i < NEW_TOKENS; i++) {
          ids = next(ids)
          await evaluate(ids)
          found.push(ids)
        }
        return found
      }
      const plans = () => {
        caches.forEach((cache) => cache.truncate())
        const prompt = plan(next(inputs[0]!))
        const one = plan(next(randint(0, gpt2.vocabulary, [1, 1])))
        return [prompt, ...Array.from({ length: NEW_TOKENS - 1 }, () => one)]
      }
      return { step: async () => (await generated(), null), outputs: async () => [concat(await generated(), 1)], plans }
    }
    return { model, start }
  },
}
