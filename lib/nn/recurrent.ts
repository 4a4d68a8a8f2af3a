/** @file Recurrent layers: RNN, LSTM, GRU over whole sequences. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { linear } from '../ops/contraction.ts'
import { tensor, zeros } from '../ops/create.ts'
import { add, where } from '../ops/elementwise.ts'
import { gruSequence } from '../ops/gru-sequence.ts'
import { concat, narrow, permute, reshape, squeeze, unsqueeze } from '../ops/layout.ts'
import { lstmSequence } from '../ops/lstm-sequence.ts'
import { dropout } from '../ops/random.ts'
import { stepMask } from '../ops/recurrent.ts'
import type { SequenceOptions } from '../ops/recurrent.ts'
import { rnnSequence } from '../ops/rnn-sequence.ts'
import { constant } from '../ops/table.ts'
import { sameShape, showShape } from '../shape.ts'
import { fanInUniform } from './init.ts'
import { Module } from './module.ts'
import { checkNonlinearity } from './recurrent-cell.ts'
import type { Nonlinearity } from './recurrent-cell.ts'

export interface RecurrentOptions {
  /** One above the other. Default: 1. */
  numLayers?: number
  /** Default: true. */
  bias?: boolean
  /** Inputs and outputs are [B, T, ...]; states never. Default: false, [T, B, ...], as in PyTorch. */
  batchFirst?: boolean
  /** Probability of zeroing, while training, an element of what one layer gives the next. Default: 0. */
  dropout?: number
  /** Each layer also goes from the last step to the first; its outputs are [forwards, backwards]. Default: false. */
  bidirectional?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

export interface RNNOptions extends RecurrentOptions {
  /** Default: 'tanh'. */
  nonlinearity?: Nonlinearity
}

export interface LSTMOptions extends RecurrentOptions {
  /** Size of h, through a weight [projSize, hiddenSize] (Sak et al. 2014). Default: 0, none. */
  projSize?: number
}

export interface RecurrentCall {
  /**
   * Steps of each sequence, as PyTorch's pack_padded_sequence: later outputs are 0, the last state is that of the last step, and
   * backwards begins with it. Numbers, or i64 [B]. Default: all have all.
   */
  lengths?: readonly number[] | Tensor
}

const NAMES = ['numLayers', 'bias', 'batchFirst', 'dropout', 'bidirectional', 'dtype']

/** Weights of one layer in one direction; gates are stacked along the first axis. */
interface LayerWeights {
  /** [gates H, inputs], [gates H, outputs]. */
  readonly ih: Variable
  readonly hh: Variable
  /** [gates H] each. */
  readonly biasIh: Variable | null
  readonly biasHh: Variable | null
  /** [projSize, H]. */
  readonly hr: Variable | null
}

/** What the three have in common: layers, directions, and the form of inputs and states. */
abstract class Recurrent extends Module {
  static override readonly stateNames: Readonly<Record<string, string>> = { weights: '' }
  readonly inputSize: number
  readonly hiddenSize: number
  readonly numLayers: number
  readonly batchFirst: boolean
  readonly dropout: number
  readonly bidirectional: boolean
  /** Under PyTorch's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0, weight_ih_l0_reverse, ... */
  readonly weights: Record<string, Variable> = {}
  /** Size of h. */
  protected readonly outputSize: number

  constructor(
    inputSize: number,
    hiddenSize: number,
    options: RecurrentOptions,
    { gates, projSize = 0 }: { gates: number; projSize?: number },
  ) {
    super()
    const { name } = this.constructor
    const { numLayers = 1, bias = true, batchFirst = false, bidirectional = false, dtype = 'f32' } = options
    this.inputSize = checkInteger(name, 'inputSize', inputSize, 1)
    this.hiddenSize = checkInteger(name, 'hiddenSize', hiddenSize, 1)
    this.numLayers = checkInteger(name, 'numLayers', numLayers, 1)
    this.dropout = options.dropout ?? 0
    if (!(this.dropout >= 0 && this.dropout <= 1))
      fail('VALUE', name, `dropout is a probability in [0, 1], got ${this.dropout}.`)
    this.batchFirst = batchFirst
    this.bidirectional = bidirectional
    this.outputSize = projSize || hiddenSize
    const width = gates * hiddenSize
    const directions = this.suffixes().length
    for (let layer = 0; layer < numLayers; layer++) {
      for (const suffix of this.suffixes()) {
        const shapes: [string, number[]][] = [
          ['weight_ih', [width, layer === 0 ? inputSize : this.outputSize * directions]],
          ['weight_hh', [width, this.outputSize]],
        ]
        if (bias) shapes.push(['bias_ih', [width]], ['bias_hh', [width]])
        if (projSize) shapes.push(['weight_hr', [projSize, hiddenSize]])
        for (const [kind, shape] of shapes)
          this.weights[`${kind}_l${layer}${suffix}`] = new Variable(fanInUniform(shape, hiddenSize, { dtype }))
      }
    }
  }

  /** Of the directions' names. */
  protected suffixes(): readonly string[] {
    return this.bidirectional ? ['', '_reverse'] : ['']
  }

  /** All states after each step of one layer in one direction, [T, B, size] each, h first; x [T, B, inputs]. */
  protected abstract sequence(
    x: Tensor,
    weights: LayerWeights,
    states: readonly Tensor[],
    options: SequenceOptions,
  ): readonly Tensor[]

  /** Sizes of the states. */
  protected abstract stateSizes(): readonly number[]

  /** x [T, B, inputSize] and states [layers directions, B, size] -> outputs [T, B, directions outputSize] and the last states. */
  protected run(
    input: Tensor,
    given: readonly Tensor[] | undefined,
    call: RecurrentCall,
  ): { output: Tensor; last: Tensor[] } {
    const { name } = this.constructor
    checkOptions(name, call, ['lengths'])
    const { batchFirst, inputSize } = this
    const isBatch = input.rank === 3
    if ((input.rank !== 2 && !isBatch) || input.shape[input.rank - 1] !== inputSize) {
      const form = batchFirst ? 'B, T' : 'T, B'
      fail('SHAPE', name, `needs [${form}, ${inputSize}] or [T, ${inputSize}], got ${showShape(input.shape)}.`)
    }
    const swapped = (t: Tensor) => (batchFirst ? permute(t, [1, 0, 2]) : t)
    let x = isBatch ? swapped(input) : unsqueeze(input, 1)
    const [steps, batch] = x.shape as [number, number]
    if (steps === 0) fail('SHAPE', name, 'needs at least one step, got none.')
    const starts = this.#starts(given, isBatch, batch, input.dtype)
    const lengths = call.lengths === undefined ? null : lengthsOf(name, call.lengths, steps, batch)
    const last: Tensor[][] = starts.map(() => [])
    const suffixes = this.suffixes()
    for (let layer = 0; layer < this.numLayers; layer++) {
      const outputs = suffixes.map((suffix, direction) => {
        const reverse = direction === 1
        const start = starts.map((s) => reshape(narrow(s, 0, layer * suffixes.length + direction, 1), s.shape.slice(1)))
        const states = this.sequence(x, this.#weightsOf(`_l${layer}${suffix}`), start, { reverse, lengths })
        states.forEach((t, i) => last[i]!.push(narrow(t, 0, reverse ? 0 : steps - 1, 1)))
        return states[0]!
      })
      const mask = stepMask(steps, lengths)
      const joined = concat(outputs, 2)
      x = mask ? where(mask, joined, constant(0, joined.dtype)) : joined
      if (layer < this.numLayers - 1) x = dropout(x, this.dropout, this.training)
    }
    const states = last.map((list) => concat(list))
    return isBatch
      ? { output: swapped(x), last: states }
      : { output: squeeze(x, 1), last: states.map((t) => squeeze(t, 1)) }
  }

  #weightsOf(suffix: string): LayerWeights {
    const find = (kind: string) => this.weights[`${kind}${suffix}`] ?? null
    return {
      ih: find('weight_ih')!,
      hh: find('weight_hh')!,
      biasIh: find('bias_ih'),
      biasHh: find('bias_hh'),
      hr: find('weight_hr'),
    }
  }

  /** States at the start, [layers directions, B, size]: those given, or zeros. */
  #starts(given: readonly Tensor[] | undefined, isBatch: boolean, batch: number, dtype: DType): Tensor[] {
    const count = this.numLayers * this.suffixes().length
    return this.stateSizes().map((size, i) => {
      const state = given?.[i]
      if (!state) return zeros([count, batch, size], { dtype })
      const wanted = isBatch ? [count, batch, size] : [count, size]
      if (!sameShape(state.shape, wanted))
        fail(
          'SHAPE',
          this.constructor.name,
          `a state must be ${showShape(wanted)} (layers x directions first), got ${showShape(state.shape)}.`,
        )
      return isBatch ? state : unsqueeze(state, 1)
    })
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, batchFirst, dropout: p, bidirectional } = this
    const extra = [
      ...(this.outputSize === hiddenSize ? [] : [`projSize: ${this.outputSize}`]),
      ...(numLayers > 1 ? [`numLayers: ${numLayers}`] : []),
      ...(this.weights.bias_ih_l0 ? [] : ['bias: false']),
      ...(batchFirst ? ['batchFirst: true'] : []),
      ...(p > 0 ? [`dropout: ${p}`] : []),
      ...(bidirectional ? ['bidirectional: true'] : []),
    ]
    return [inputSize, hiddenSize, ...extra].join(', ')
  }
}

function lengthsOf(name: string, lengths: readonly number[] | Tensor, steps: number, batch: number): Tensor {
  if (lengths instanceof Tensor) {
    if (lengths.dtype !== 'i64' || !sameShape(lengths.shape, [batch]))
      fail('SHAPE', name, `lengths must be i64 [${batch}], got ${lengths.dtype} ${showShape(lengths.shape)}.`)
    return lengths
  }
  if (lengths.length !== batch) fail('SHAPE', name, `needs ${batch} lengths, got ${lengths.length}.`)
  return tensor(BigInt64Array.from(lengths, (n) => BigInt(checkInteger(name, 'a length', n, 0, steps))))
}

/** Both biases go with the product of all steps. */
const inputGates = (x: Tensor, { ih, biasIh, biasHh }: LayerWeights): Tensor =>
  linear(x, ih, biasIh && biasHh ? add(biasIh, biasHh) : null)

/**
 * A simple recurrent net (Elman 1990): h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of that. Weights start as U(-b, b),
 * b = 1 / sqrt(hiddenSize).
 */
export class RNN extends Recurrent {
  readonly nonlinearity: Nonlinearity

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    checkOptions('RNN', options, [...NAMES, 'nonlinearity'])
    super(inputSize, hiddenSize, options, { gates: 1 })
    this.nonlinearity = checkNonlinearity('RNN', options.nonlinearity ?? 'tanh')
  }

  /**
   * x [T, B, inputSize] ([B, T, inputSize] with batchFirst; [T, inputSize] without a batch) and h0 [layers directions, B, hiddenSize]
   * (default: zeros) -> [outputs of the last layer, [T, B, directions hiddenSize], and the last states of all, like h0].
   */
  override forward(x: Tensor, hx?: Tensor | null, call: RecurrentCall = {}): [output: Tensor, hn: Tensor] {
    const { output, last } = this.run(x, hx ? [hx] : undefined, call)
    return [output, last[0]!]
  }

  protected override sequence(x: Tensor, weights: LayerWeights, [h]: readonly Tensor[], options: SequenceOptions) {
    const isRelu = this.nonlinearity === 'relu'
    return [rnnSequence(inputGates(x, weights), weights.hh.read(), h!, { ...options, relu: isRelu })]
  }

  protected override stateSizes(): readonly number[] {
    return [this.hiddenSize]
  }
}

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; forget gates: Gers et al. 2000): i, f, g, o = W_ih x + b_ih + W_hh h + b_hh,
 * in that order along the weights' first axis; c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c), or W_hr times that with
 * projSize. Weights start as U(-b, b), b = 1 / sqrt(hiddenSize).
 */
export class LSTM extends Recurrent {
  readonly projSize: number

  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    checkOptions('LSTM', options, [...NAMES, 'projSize'])
    const projSize = checkInteger('LSTM', 'projSize', options.projSize ?? 0, 0)
    super(inputSize, hiddenSize, options, { gates: 4, projSize })
    if (projSize >= hiddenSize)
      fail('VALUE', 'LSTM', `projSize must be less than hiddenSize, got ${projSize} and ${hiddenSize}.`)
    this.projSize = projSize
  }

  /**
   * x as for RNN and states [h0 [layers directions, B, projSize or hiddenSize], c0 [layers directions, B, hiddenSize]] (default: zeros) ->
   * [outputs, [hn, cn]].
   */
  override forward(
    x: Tensor,
    hx?: readonly [h: Tensor, c: Tensor] | null,
    call: RecurrentCall = {},
  ): [output: Tensor, state: [hn: Tensor, cn: Tensor]] {
    const { output, last } = this.run(x, hx ?? undefined, call)
    return [output, [last[0]!, last[1]!]]
  }

  protected override sequence(x: Tensor, weights: LayerWeights, [h, c]: readonly Tensor[], options: SequenceOptions) {
    const project = weights.hr?.read() ?? null
    const start = { h: h!, c: c! }
    const { hs, cs } = lstmSequence(inputGates(x, weights), weights.hh.read(), start, { ...options, project })
    return [hs, cs]
  }

  protected override stateSizes(): readonly number[] {
    return [this.projSize || this.hiddenSize, this.hiddenSize]
  }
}

/**
 * Gated recurrent unit (Cho et al. 2014): r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh), n = tanh(W_in x + b_in + r (W_hn h + b_hn)),
 * h = (1 - z) n + z h; r z n in that order along the weights' first axis. Weights start as U(-b, b), b = 1 / sqrt(hiddenSize).
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    checkOptions('GRU', options, NAMES)
    super(inputSize, hiddenSize, options, { gates: 3 })
  }

  /** As RNN's. */
  override forward(x: Tensor, hx?: Tensor | null, call: RecurrentCall = {}): [output: Tensor, hn: Tensor] {
    const { output, last } = this.run(x, hx ? [hx] : undefined, call)
    return [output, last[0]!]
  }

  protected override sequence(x: Tensor, weights: LayerWeights, [h]: readonly Tensor[], options: SequenceOptions) {
    const { ih, biasIh, biasHh } = weights
    const n = this.hiddenSize
    // The part of b_hh that stands inside of r (...) goes to the steps, the rest with the product of all.
    const none = zeros([n], { dtype: x.dtype })
    const outside = biasIh && biasHh ? add(biasIh, concat([narrow(biasHh, 0, 0, 2 * n), none])) : null
    const inside = biasHh ? narrow(biasHh, 0, 2 * n, n) : none
    return [gruSequence(linear(x, ih, outside), weights.hh.read(), h!, inside, options)]
  }

  protected override stateSizes(): readonly number[] {
    return [this.hiddenSize]
  }
}
