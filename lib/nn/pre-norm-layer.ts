/** @file PreNormLayer: a Transformer layer that normalises before each of its parts, as ViT, CLIP and Whisper have it. */
import type { DType } from '../dtype.ts'
import type { Tensor } from '../graph/tensor.ts'
import { add } from '../ops/elementwise.ts'
import { activationByName } from './activation-by-name.ts'
import type { ActivationName } from './activation-by-name.ts'
import { Dropout } from './dropout.ts'
import { HeadAttention } from './head-attention.ts'
import type { HeadAttentionForward, KeysAndValues } from './head-attention.ts'
import { LayerNorm } from './layer-norm.ts'
import type { Linear } from './linear.ts'
import { Module } from './module.ts'
import { normalLinear } from './normal-layers.ts'

export interface PreNormOptions {
  width: number
  numHeads: number
  hiddenWidth: number
  activation: ActivationName
  layerNormEps: number
  /** Of residual branches. */
  dropout: number
  /** Of query, key and value. Default: true. */
  qkvBias?: boolean
  /** Default: as `qkvBias`. */
  keyBias?: boolean
  /** Whether there is attention to another sequence between the two parts. Default: false. */
  hasCross?: boolean
  dtype: DType
}

/** x + attention(norm1 x), [x + cross(normCross x, source)], x + fc2(activation(fc1(norm2 x))). */
export class PreNormLayer extends Module {
  readonly activation: ActivationName
  norm1: LayerNorm
  attention: HeadAttention
  normCross: LayerNorm | null
  cross: HeadAttention | null
  norm2: LayerNorm
  fc1: Linear
  fc2: Linear
  dropout: Dropout

  constructor(options: PreNormOptions) {
    super()
    const { width, numHeads, hiddenWidth, layerNormEps: eps, qkvBias = true, keyBias = qkvBias, dtype } = options
    const norm = () => new LayerNorm(width, { eps, dtype })
    const attention = () => new HeadAttention(width, numHeads, { bias: qkvBias, keyBias, outBias: true, dtype })
    this.activation = options.activation
    this.norm1 = norm()
    this.attention = attention()
    this.normCross = options.hasCross ? norm() : null
    this.cross = options.hasCross ? attention() : null
    this.norm2 = norm()
    this.fc1 = normalLinear(width, hiddenWidth, { dtype })
    this.fc2 = normalLinear(hiddenWidth, width, { dtype })
    this.dropout = new Dropout(options.dropout)
  }

  override forward(x: Tensor, how: HeadAttentionForward = {}, source: Tensor | KeysAndValues | null = null): Tensor {
    const { normCross, cross } = this
    let y = add(x, this.dropout.forward(this.attention.forward(this.norm1.forward(x), how)))
    if (normCross && cross) y = add(y, this.dropout.forward(cross.forward(normCross.forward(y), { source })))
    const hidden = activationByName(this.activation)(this.fc1.forward(this.norm2.forward(y)))
    return add(y, this.dropout.forward(this.fc2.forward(hidden)))
  }
}
