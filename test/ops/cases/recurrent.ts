/** @file Cases of the sequence ops that recurrent layers are made of. */
import { tensor } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { gruSequence } from '../../../lib/ops/gru-sequence.ts'
import { lstmSequence } from '../../../lib/ops/lstm-sequence.ts'
import { rnnSequence } from '../../../lib/ops/rnn-sequence.ts'
import { away, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import * as reference from '../../support/reference-recurrent.ts'
import type { Sequence } from '../../support/reference-recurrent.ts'

const counts = ({ lengths, ...rest }: Sequence) =>
  lengths ? { ...rest, lengths: tensor(BigInt64Array.from(lengths, BigInt)) } : rest

const small = range(-1, 1)
/** The second input, the weight: with larger ones rounding grows from step to step. */
const fills = (shapes: readonly number[][]) =>
  shapes.map((shape, i) => input(shape, i === 1 ? range(-0.4, 0.4) : small))
/** Views are packed before, so they give the same. */
const kind = 'sums'

type Sizes = readonly [steps: number, batch: number, units: number, state?: number]

/** Shapes of [gx, w, h0, ...] with so many gates. */
const shapesOf = (gates: number, [T, B, H, P = H]: Sizes): number[][] => [
  [T, B, gates * H],
  [gates * H, P],
  [B, P],
]

function rnn(title: string, sizes: Sizes, options: Sequence = {}, more: readonly Sizes[] = []): OpCase {
  return {
    title: `rnnSequence: ${title}`,
    fn: (gx, w, h0) => rnnSequence(gx, w, h0, counts(options)),
    inputs: fills(shapesOf(1, sizes)),
    reference: reference.rnnSequence(Math.tanh, options),
    kind,
    isSingle: true,
    shapes: more.map((other) => shapesOf(1, other)),
  }
}

function lstm(title: string, sizes: Sizes, options: Sequence = {}, more: readonly Sizes[] = []): OpCase {
  const shapes = ([T, B, H, P]: Sizes) => [
    ...shapesOf(4, [T, B, H, P]),
    [B, H],
    ...(sizes[3] === undefined ? [] : [[P!, H]]),
  ]
  return {
    title: `lstmSequence: ${title}`,
    fn: (gx, w, h, c, project?: Tensor) => {
      const { hs, cs } = lstmSequence(gx, w, { h, c }, { ...counts(options), ...(project && { project }) })
      return [hs, cs]
    },
    inputs: fills(shapes(sizes)),
    reference: reference.lstmSequence(options),
    kind,
    isSingle: true,
    shapes: more.map(shapes),
  }
}

function gru(title: string, sizes: Sizes, options: Sequence = {}, more: readonly Sizes[] = []): OpCase {
  const shapes = (all: Sizes) => [...shapesOf(3, all), [all[2]]]
  return {
    title: `gruSequence: ${title}`,
    fn: (gx, w, h0, b) => gruSequence(gx, w, h0, b, counts(options)),
    inputs: fills(shapes(sizes)),
    reference: reference.gruSequence(options),
    kind,
    isSingle: true,
    shapes: more.map(shapes),
  }
}

export const recurrentCases: readonly OpCase[] = [
  // Rows and columns around the sizes of the kernels' blocks.
  rnn('forwards', [3, 2, 3], {}, [
    [2, 0, 3],
    [4, 9, 1],
    [2, 7, 33],
    [3, 21, 65],
  ]),
  rnn('backwards, some shorter', [3, 3, 2], { reverse: true, lengths: [2, 3, 0] }),
  {
    ...rnn('relu', [3, 2, 2]),
    fn: (gx, w, h0) => rnnSequence(gx, w, h0, { relu: true }),
    inputs: shapesOf(1, [3, 2, 2]).map((shape) => input(shape, away(-1, 1, [0], 0.1))),
    reference: reference.rnnSequence((x) => Math.max(x, 0)),
  },
  { ...rnn('one step', [1, 2, 3]), isSingle: false },
  lstm('forwards', [3, 2, 2], {}, [
    [2, 0, 3],
    [2, 9, 7],
    [3, 5, 33],
  ]),
  lstm('backwards, some shorter', [3, 3, 1], { reverse: true, lengths: [2, 0, 3] }),
  lstm('some shorter', [2, 2, 2], { lengths: [1, 2] }),
  lstm('projected', [2, 2, 3, 2], {}, [[3, 9, 20, 17]]),
  lstm('projected, backwards, some shorter', [2, 2, 2, 1], { reverse: true, lengths: [1, 2] }),
  { ...lstm('one step', [1, 2, 2]), isSingle: false },
  gru('forwards', [3, 2, 2], {}, [
    [2, 0, 3],
    [2, 9, 7],
    [3, 5, 33],
  ]),
  gru('backwards, some shorter', [3, 3, 1], { reverse: true, lengths: [2, 0, 3] }),
  gru('some shorter', [2, 2, 2], { lengths: [1, 2] }),
  { ...gru('one step', [1, 2, 2]), isSingle: false },
]
