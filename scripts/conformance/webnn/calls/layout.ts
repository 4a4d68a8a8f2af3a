/** @file Shapes, parts, places. */
import * as t from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'
import { first, operator } from '../operator.ts'

const PAD_MODES = { constant: 'constant', edge: 'replicate', reflection: 'reflect', symmetric: 'symmetric' } as const
type PadMode = keyof typeof PAD_MODES

const integers = (numbers: readonly number[]): t.Tensor => t.tensor(BigInt64Array.from(numbers, BigInt))

export const calls: Calls = {
  concat: ({ inputs, axis }) => t.concat(inputs, axis),
  expand: ({ input, newShape }) => t.expand(input, newShape),
  gather: ({ input, indices }, { axis = 0 as never }) => t.take(input, indices, axis, { mode: 'clip' }),
  gatherElements: ({ input, indices }, { axis }) => first('GatherElements', [input, indices], { axis }),
  gatherND: ({ input, indices }) => first('GatherND', [input, indices]),
  scatterElements: ({ input, indices, updates }, { axis }) =>
    first('ScatterElements', [input, indices, updates], { axis }),
  scatterND: ({ input, indices, updates }) => first('ScatterND', [input, indices, updates]),
  pad: ({ input, beginningPadding, endingPadding }, { mode = 'constant' as never, value }) => {
    const ends: readonly number[] = endingPadding
    const border = (beginningPadding as readonly number[]).map((before, i) => [before, ends[i]!] as const)
    return t.pad(input, border, { mode: PAD_MODES[mode as PadMode], ...(mode === 'constant' ? { value } : {}) })
  },
  reshape: ({ input, newShape }) => t.reshape(input, newShape),
  reverse: ({ input }, { axes }) => {
    const x: t.Tensor = input
    return t.flip(x, axes ?? x.shape.map((_, i) => i))
  },
  slice: ({ input, starts, sizes }, { strides }) => {
    const lengths: readonly number[] = sizes
    const steps = strides as readonly number[] | undefined
    const part = (starts as readonly number[]).reduce<t.Tensor>(
      (x, start, axis) => t.narrow(x, axis, start, lengths[axis]!),
      input,
    )
    return steps
      ? t.slice(
          part,
          steps.map((step) => [null, null, step] as const),
        )
      : part
  },
  split: ({ input, splits }, { axis = 0 as never }) =>
    typeof splits === 'number'
      ? operator('Split', [input], { axis, num_outputs: splits }, splits)
      : t.split(input, splits, axis),
  squeeze: ({ input }, { axes }) => t.squeeze(input, axes),
  tile: ({ input, repetitions }) => first('Tile', [input, integers(repetitions)]),
  transpose: ({ input }, { permutation }) => first('Transpose', [input], { perm: permutation }),
  triangular: ({ input }, { upper = true as never, diagonal }) => (upper ? t.triu : t.tril)(input, diagonal),
  unsqueeze: ({ input }, { axes }) => first('Unsqueeze', [input, integers(axes)]),
}
