/** @file BERT (and RoBERTa, DistilBERT) with a head: the prediction of masked tokens, and of a text's class. */
import { checkInteger } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import type { ConfigValues } from '../io/model-config.ts'
import { labelsForFile, PretrainedModel } from '../io/pretrained.ts'
import type { WeightNames } from '../io/pretrained.ts'
import { activationByName } from '../nn/activation-by-name.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'
import { Dropout } from '../nn/dropout.ts'
import type { LayerNorm } from '../nn/layer-norm.ts'
import type { Linear } from '../nn/linear.ts'
import { Module } from '../nn/module.ts'
import { normalLinear } from '../nn/normal-layers.ts'
import { linear } from '../ops/contraction.ts'
import { zeros } from '../ops/create.ts'
import { bertConfigForFile, bertNameInFile, bertWeightNames } from './bert-config.ts'
import type { BERTHead, BERTSizes } from './bert-config.ts'
import { norm } from './bert.ts'
import type { BERT, BERTForward } from './bert.ts'

/** What comes between BERT and the table of embeddings: norm(activation(dense)). */
class Transform extends Module {
  static override readonly stateNames = { norm: 'LayerNorm' }
  readonly activation: ActivationName
  dense: Linear
  norm: LayerNorm

  constructor(all: BERTSizes) {
    super()
    // RoBERTa's is fixed.
    this.activation = all.kind === 'roberta' ? 'gelu' : all.activation
    this.dense = normalLinear(all.width, all.width, { dtype: all.dtype })
    this.norm = norm(all)
  }

  override forward(x: Tensor): Tensor {
    return this.norm.forward(activationByName(this.activation)(this.dense.forward(x)))
  }
}

abstract class WithHead extends PretrainedModel {
  bert: BERT
  protected abstract readonly headKind: BERTHead

  constructor(model: BERT) {
    super()
    this.bert = model
  }

  override get weightNames(): WeightNames {
    return bertWeightNames(this.bert.config.kind)
  }

  override nameInFile(name: string): string {
    return bertNameInFile(this.bert.config.kind, name)
  }

  override configForFile(): ConfigValues {
    return bertConfigForFile(this.bert.config, this.headKind)
  }
}

/** BERT as it is trained: token ids [B, T], some of them masked out, -> logits [B, T, vocabSize] of what they were. */
export class BERTMaskedLM extends WithHead {
  protected override readonly headKind = 'maskedLM'
  cls: { predictions: { transform: Transform; bias: Variable } }

  constructor(model: BERT) {
    super(model)
    const { vocabSize, dtype } = model.config
    const bias = new Variable(zeros([vocabSize], { dtype }))
    this.cls = { predictions: { transform: new Transform(model.config), bias } }
  }

  override forward(ids: Tensor, options: BERTForward = {}): Tensor {
    const { transform, bias } = this.cls.predictions
    const { hidden } = this.bert.forward(ids, options)
    return linear(transform.forward(hidden), this.bert.embeddings.words.weight, bias)
  }
}

/** Token ids [B, T] -> logits [B, numLabels] of the text's class. */
export class BERTClassifier extends WithHead {
  protected override readonly headKind = 'classifier'
  readonly numLabels: number
  dropout: Dropout
  classifier: Linear

  constructor(model: BERT, numLabels: number) {
    super(model)
    const { width, dropout, dtype } = model.config
    this.numLabels = checkInteger('BERTClassifier', 'numLabels', numLabels, 1)
    this.dropout = new Dropout(dropout)
    this.classifier = normalLinear(width, numLabels, { dtype })
  }

  override forward(ids: Tensor, options: BERTForward = {}): Tensor {
    return this.classifier.forward(this.dropout.forward(this.bert.forward(ids, options).pooled))
  }

  override configForFile(): ConfigValues {
    return { ...super.configForFile(), ...labelsForFile(this.numLabels, this.savedConfig) }
  }
}
