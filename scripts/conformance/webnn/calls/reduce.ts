/** @file Reductions, positions of extremes, sums so far. */
import * as t from '../../../../lib/index.ts'
import type { Call, Calls } from '../adapter.ts'
import { first } from '../operator.ts'

/** No axes are all of them, an empty list is none. */
const reduce =
  (name: string): Call =>
  ({ input }, { axes, keepDimensions = false as never }) =>
    first(name, [input], { axes, noop_with_empty_axes: axes !== undefined, keepdims: keepDimensions })

/** Several axes are taken in their order in the tensor, as one. */
const position =
  (name: string): Call =>
  ({ input, axis }, { axes, selectLastIndex = false as never, keepDimensions = false as never, outputDataType }) => {
    const x: t.Tensor = input
    const all = x.shape.map((_, i) => i)
    const gone = all.filter((i) => (axis === undefined ? ((axes as number[] | undefined) ?? all) : [axis]).includes(i))
    const kept = x.shape.filter((_, i) => !gone.includes(i))
    const rows = t.reshape(t.permute(x, [...all.filter((i) => !gone.includes(i)), ...gone]), [...kept, -1])
    const at = first(name, [rows], { axis: -1, keepdims: false, select_last_index: selectLastIndex })
    const y = keepDimensions
      ? t.reshape(
          at,
          x.shape.map((size, i) => (gone.includes(i) ? 1 : size)),
        )
      : at
    return outputDataType === 'int32' ? t.cast(y, 'i32') : y
  }

export const calls: Calls = {
  argMax: position('ArgMax'),
  argMin: position('ArgMin'),
  reduceL1: reduce('ReduceL1'),
  reduceL2: reduce('ReduceL2'),
  reduceLogSum: reduce('ReduceLogSum'),
  reduceLogSumExp: reduce('ReduceLogSumExp'),
  reduceMax: reduce('ReduceMax'),
  reduceMean: reduce('ReduceMean'),
  reduceMin: reduce('ReduceMin'),
  reduceProduct: reduce('ReduceProd'),
  reduceSum: reduce('ReduceSum'),
  reduceSumSquare: reduce('ReduceSumSquare'),
  cumulativeSum: ({ input, axis }, { exclusive = 0 as never, reversed, reverse }) =>
    first('CumSum', [input, t.full([], axis, { dtype: 'i64' })], {
      exclusive,
      reverse: reversed ?? reverse ?? 0,
    }),
}
