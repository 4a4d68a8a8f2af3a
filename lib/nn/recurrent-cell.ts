/** @file One step of a recurrent net, for loops of one's own: RNNCell, LSTMCell, GRUCell. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { linear } from '../ops/contraction.ts'
import { zeros } from '../ops/create.ts'
import { add } from '../ops/elementwise.ts'
import { gruStep } from '../ops/gru-sequence.ts'
import { reshape } from '../ops/layout.ts'
import { lstmStep } from '../ops/lstm-sequence.ts'
import { rnnStep } from '../ops/rnn-sequence.ts'
import { sameShape, showShape } from '../shape.ts'
import { fanInUniform } from './init.ts'
import { Module } from './module.ts'

export interface CellOptions {
  /** Default: true. */
  bias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

export interface RNNCellOptions extends CellOptions {
  /** Default: 'tanh'. */
  nonlinearity?: Nonlinearity
}

export type Nonlinearity = 'tanh' | 'relu'

export function checkNonlinearity(op: string, name: Nonlinearity): Nonlinearity {
  if (name !== 'tanh' && name !== 'relu')
    fail('VALUE', op, `nonlinearity is 'tanh' or 'relu', got ${String(name satisfies never)}.`)
  return name
}

/** What the three have in common: `gates` gates, weights over all of them. */
abstract class Cell extends Module {
  static override readonly stateNames = {
    weightIh: 'weight_ih',
    weightHh: 'weight_hh',
    biasIh: 'bias_ih',
    biasHh: 'bias_hh',
  }
  readonly inputSize: number
  readonly hiddenSize: number
  /** [gates hiddenSize, inputSize] and [gates hiddenSize, hiddenSize]. */
  weightIh: Variable
  weightHh: Variable
  /** [gates hiddenSize] each. */
  biasIh: Variable | null
  biasHh: Variable | null

  constructor(inputSize: number, hiddenSize: number, { bias = true, dtype = 'f32' }: CellOptions, gates: number) {
    super()
    const { name } = this.constructor
    this.inputSize = checkInteger(name, 'inputSize', inputSize, 1)
    this.hiddenSize = checkInteger(name, 'hiddenSize', hiddenSize, 1)
    const start = (...shape: number[]) => new Variable(fanInUniform(shape, hiddenSize, { dtype }))
    const width = gates * hiddenSize
    this.weightIh = start(width, inputSize)
    this.weightHh = start(width, hiddenSize)
    this.biasIh = bias ? start(width) : null
    this.biasHh = bias ? start(width) : null
  }

  /** x and states as batches, zeros where there is no state, and what makes a batch of the form that came. */
  protected batches(x: Tensor, states: readonly (Tensor | undefined)[]) {
    const { name } = this.constructor
    const { inputSize, hiddenSize } = this
    if ((x.rank !== 1 && x.rank !== 2) || x.shape[x.rank - 1] !== inputSize)
      fail('SHAPE', name, `needs [B, ${inputSize}] or [${inputSize}], got ${showShape(x.shape)}.`)
    const batch = x.rank === 2 ? x.shape[0]! : 1
    const wanted = [...x.shape.slice(0, -1), hiddenSize]
    const given = states.map((state) => {
      if (!state) return zeros([batch, hiddenSize], { dtype: x.dtype })
      if (!sameShape(state.shape, wanted))
        fail('SHAPE', name, `a state must be ${showShape(wanted)}, got ${showShape(state.shape)}.`)
      return reshape(state, [batch, hiddenSize])
    })
    return {
      x: reshape(x, [batch, inputSize]),
      states: given,
      unbatched: (y: Tensor) => reshape(y, wanted),
    }
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh ? '' : ', bias: false'}`
  }
}

/** h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of that. Weights start as U(-b, b), b = 1 / sqrt(hiddenSize). */
export class RNNCell extends Cell {
  readonly nonlinearity: Nonlinearity

  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    checkOptions('RNNCell', options, ['bias', 'nonlinearity', 'dtype'])
    super(inputSize, hiddenSize, options, 1)
    this.nonlinearity = checkNonlinearity('RNNCell', options.nonlinearity ?? 'tanh')
  }

  /** x [B, inputSize] or [inputSize], h [B, hiddenSize] or [hiddenSize] (default: zeros) -> h after the step. */
  override forward(input: Tensor, hx?: Tensor): Tensor {
    const { x, states, unbatched } = this.batches(input, [hx])
    const sum = add(linear(x, this.weightIh, this.biasIh), linear(states[0]!, this.weightHh, this.biasHh))
    return unbatched(rnnStep(sum, this.nonlinearity === 'relu'))
  }
}

/** One step of an LSTM; gates in the order i f g o, see LSTM. Weights start as U(-b, b), b = 1 / sqrt(hiddenSize). */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    checkOptions('LSTMCell', options, ['bias', 'dtype'])
    super(inputSize, hiddenSize, options, 4)
  }

  /** x [B, inputSize] or [inputSize], states [h, c] of [B, hiddenSize] or [hiddenSize] (default: zeros) -> [h, c] after the step. */
  override forward(input: Tensor, hx?: readonly [h: Tensor, c: Tensor]): [h: Tensor, c: Tensor] {
    const { x, states, unbatched } = this.batches(input, [hx?.[0], hx?.[1]])
    const sum = add(linear(x, this.weightIh, this.biasIh), linear(states[0]!, this.weightHh, this.biasHh))
    const { h, c } = lstmStep(sum, states[1]!, null)
    return [unbatched(h), unbatched(c)]
  }
}

/** One step of a GRU; gates in the order r z n, see GRU. Weights start as U(-b, b), b = 1 / sqrt(hiddenSize). */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    checkOptions('GRUCell', options, ['bias', 'dtype'])
    super(inputSize, hiddenSize, options, 3)
  }

  /** x [B, inputSize] or [inputSize], h [B, hiddenSize] or [hiddenSize] (default: zeros) -> h after the step. */
  override forward(input: Tensor, hx?: Tensor): Tensor {
    const { x, states, unbatched } = this.batches(input, [hx])
    const [h] = states
    const gx = linear(x, this.weightIh, this.biasIh)
    return unbatched(gruStep(gx, linear(h!, this.weightHh, this.biasHh), h!, null).h)
  }
}
