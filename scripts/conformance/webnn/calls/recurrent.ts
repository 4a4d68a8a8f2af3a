/** @file Recurrent networks and their cells, by ONNX's, whose gates are in the order zrn and iofg. */
import * as t from '../../../../lib/index.ts'
import type { Args } from '../../torch/adapter.ts'
import type { Call, Calls } from '../adapter.ts'
import { operator } from '../operator.ts'

const DIRECTIONS = { forward: 'forward', backward: 'reverse', both: 'bidirectional' }

/** Gates along an axis in the order wanted. */
function gates(x: t.Tensor | undefined, layout: string, wanted: string, hidden: number, axis: number) {
  if (!x || layout === wanted) return x ?? null
  const parts = t.split(x, hidden, axis)
  return t.concat(
    Array.from(wanted, (letter) => parts[layout.indexOf(letter)]!),
    axis,
  )
}

/** Both biases side by side, [D, 2 G H]; zeros for one that is not given. */
function biases(bias: t.Tensor | null, recurrent: t.Tensor | null): t.Tensor | null {
  const some = bias ?? recurrent
  return some && t.concat([bias ?? t.zerosLike(some), recurrent ?? t.zerosLike(some)], 1)
}

/** Once for each direction. */
function activationsOf({ activations }: Args, directions: number): string[] | undefined {
  const list = activations as readonly string[] | undefined
  return list && Array.from({ length: directions }, () => list).flat()
}

/** The arguments of a layer, of which a cell is one step. */
interface Layer {
  readonly input: t.Tensor
  readonly weight: t.Tensor
  readonly recurrentWeight: t.Tensor
  readonly hiddenSize: number
  readonly states: readonly (t.Tensor | null | undefined)[]
  /** A tensor of the options as the layer has it. */
  readonly wide: (x: t.Tensor | undefined) => t.Tensor | undefined
}

/** Outputs as ONNX has them: the sequence, then the last states. */
function layer(op: 'GRU' | 'LSTM', { input, weight, recurrentWeight, hiddenSize, states, wide }: Layer, options: Args) {
  const { bias, recurrentBias, direction = 'forward' as never } = options
  const isGru = op === 'GRU'
  const wanted = isGru ? 'zrn' : 'iofg'
  const layout: string = options.layout ?? wanted
  const inOrder = (x: t.Tensor | undefined) => gates(x, layout, wanted, hiddenSize, 1)
  const b = biases(inOrder(wide(bias)), inOrder(wide(recurrentBias)))
  const peephole = isGru ? null : wide(options.peepholeWeight)
  const [h, c] = states
  const inputs = [input, inOrder(weight), inOrder(recurrentWeight), b, null, h, ...(isGru ? [] : [c, peephole])]
  return operator(
    op,
    inputs,
    {
      direction: DIRECTIONS[direction as keyof typeof DIRECTIONS],
      activations: activationsOf(options, weight.shape[0]!),
      hidden_size: hiddenSize,
      ...(isGru ? { linear_before_reset: options.resetAfter ?? true } : {}),
    },
    isGru ? 2 : 3,
  )
}

const whole =
  (op: 'GRU' | 'LSTM'): Call =>
  ({ input, weight, recurrentWeight, steps, hiddenSize }, options) => {
    const x: t.Tensor = input
    if (x.shape[0] !== steps) throw new Error(`has ${x.shape[0]} steps, not ${String(steps)}`)
    const { initialHiddenState, returnSequence } = options
    const states = op === 'GRU' ? [initialHiddenState] : [initialHiddenState, options.initialCellState]
    const given = { input: x, weight, recurrentWeight, hiddenSize, states, wide: (v: t.Tensor | undefined) => v }
    const [sequence, ...last] = layer(op, given, options)
    return returnSequence ? [...last, sequence!] : last
  }

const cell =
  (op: 'GRU' | 'LSTM'): Call =>
  (args, options) => {
    const { input, weight, recurrentWeight, hiddenState, hiddenSize } = args
    const wide = (x: t.Tensor | undefined) => x && t.unsqueeze(x, 0)
    const states = op === 'GRU' ? [wide(hiddenState)] : [wide(hiddenState), wide(args.cellState)]
    const [x, w, r] = [input, weight, recurrentWeight].map((v) => t.unsqueeze(v, 0)) as [t.Tensor, t.Tensor, t.Tensor]
    const [, ...last] = layer(op, { input: x, weight: w, recurrentWeight: r, hiddenSize, states, wide }, options)
    return last.map((state) => t.squeeze(state, 0))
  }

export const calls: Calls = {
  gru: whole('GRU'),
  gruCell: cell('GRU'),
  lstm: whole('LSTM'),
  lstmCell: cell('LSTM'),
}
