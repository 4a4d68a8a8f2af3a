/** @file Transformers of the kind of GPT-2 and BERT, as the peer writes them: norms first, the output tied to the input's embedding. */
import {
  arange,
  crossEntropy,
  gelu,
  nn,
  noGrad,
  optim,
  randint,
  scaledDotProductAttention,
} from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { computing, training } from '../workload.ts'
import type { Workload } from '../workload.ts'

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

  /** [B, T, D] -> [B, T, D]. */
  override forward(x: Tensor): Tensor {
    const y = x.add(this.attend(this.ln_1.forward(x)))
    return y.add(this.down.forward(gelu(this.up.forward(this.ln_2.forward(y)), { approximate: 'tanh' })))
  }

  private attend(x: Tensor): Tensor {
    const [b, t, d] = x.shape as [number, number, number]
    const { numHeads, isCausal } = this
    const heads = this.qkv
      .forward(x)
      .reshape([b, t, 3, numHeads, d / numHeads])
      .permute([2, 0, 3, 1, 4])
    const [q, k, v] = [0, 1, 2].map((i) => heads.narrow(0, i, 1).squeeze(0)) as [Tensor, Tensor, Tensor]
    const y = scaledDotProductAttention(q, k, v, { isCausal })
    return this.proj.forward(y.transpose(1, 2).reshape([b, t, d]))
  }
}

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

  /** [B, T] -> logits [B, T, vocabulary]. */
  override forward(ids: Tensor): Tensor {
    const x = this.tok.forward(ids).add(this.pos.forward(arange(ids.shape[1]!)))
    const y = this.blocks.reduce((x, block) => block.forward(x), x)
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
