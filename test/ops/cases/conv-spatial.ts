/** @file Cases of convolutions over one and three axes, of their transposes, and of windows as columns. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { columns, convolution, convolutionBack, folded } from '../../support/reference-spatial.ts'
import type { Windows } from '../../support/reference-spatial.ts'
import { reshaped } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-1, 1)
type Conv = (x: Tensor, w: Tensor, b: Tensor | null, options: object) => Tensor

function conv(
  name: 'conv1d' | 'conv3d',
  title: string,
  x: number[],
  weight: number[],
  options: object = {},
  windows: Windows = options as Windows,
  shapes: number[][][] = [],
): OpCase {
  return {
    title: `${name}: ${title}`,
    fn: (a, w, b) => (ops[name] as Conv)(a, w, b, options),
    inputs: [input(x, fill), input(weight, fill), input([weight[0]], fill)],
    reference: (a, w, b) => convolution(a, w, b, windows),
    kind: 'sums',
    shapes,
  }
}

function back(
  name: 'convTranspose1d' | 'convTranspose2d' | 'convTranspose3d',
  title: string,
  x: number[],
  weight: number[],
  size: number[],
  options: Windows & { outputPadding?: number | number[] } = {},
): OpCase {
  const channels = weight[1] * (options.groups ?? 1)
  return {
    title: `${name}: ${title}`,
    fn: (a, w, b) => (ops[name] as Conv)(a, w, b, options),
    inputs: [input(x, fill), input(weight, fill), input([channels], fill)],
    reference: (a, w, b) => convolutionBack(a, w, b, { ...options, size }),
    kind: 'sums',
  }
}

/** Without a batch, by the reference with one. */
const one =
  (reference: (x: Nd, w: Nd, b: Nd) => Nd) =>
  (x: Nd, w: Nd, b: Nd): Nd => {
    const y = reference(reshaped([1, ...x.shape])(x), w, b)
    return reshaped(y.shape.slice(1))(y)
  }

export const convSpatialCases: readonly OpCase[] = [
  conv('conv1d', 'plain', [2, 2, 5], [3, 2, 3], {}, {}, [
    [[2, 3, 700], [5, 3, 9], [5]],
    [[0, 2, 5], [3, 2, 3], [3]],
  ]),
  conv('conv1d', 'all together', [2, 4, 9], [4, 2, 2], { stride: 2, padding: 1, dilation: 3, groups: 2 }),
  conv('conv1d', 'same, even kernel', [1, 2, 5], [2, 2, 4], { padding: 'same' }, { padding: 1, size: [5] }),
  {
    ...conv('conv1d', 'one signal', [2, 5], [3, 2, 3]),
    reference: one((x, w, b) => convolution(x, w, b)),
  },
  conv('conv3d', 'plain', [2, 2, 3, 3, 2], [3, 2, 2, 2, 2], {}, {}, [
    [[2, 3, 7, 8, 9], [6, 3, 3, 3, 3], [6]],
    [[0, 2, 3, 3, 2], [3, 2, 2, 2, 2], [3]],
  ]),
  conv('conv3d', 'all together', [1, 4, 5, 4, 3], [4, 2, 2, 1, 2], {
    stride: [2, 1, 2],
    padding: [1, 0, 1],
    dilation: [3, 1, 2],
    groups: 2,
  }),
  conv(
    'conv3d',
    'same, even kernel',
    [1, 1, 3, 2, 3],
    [1, 1, 2, 2, 3],
    { padding: 'same' },
    {
      padding: [0, 0, 1],
      size: [3, 2, 3],
    },
  ),
  {
    ...conv('conv3d', 'one volume, depthwise', [2, 3, 3, 2], [2, 1, 2, 2, 2], { groups: 2 }),
    reference: one((x, w, b) => convolution(x, w, b, { groups: 2 })),
  },
  back('convTranspose1d', 'stride, padding, outputPadding', [2, 2, 4], [2, 3, 3], [8], {
    stride: 2,
    padding: 1,
    outputPadding: 1,
  }),
  back('convTranspose1d', 'dilation, groups', [1, 4, 3], [4, 1, 2], [6], { dilation: 3, groups: 2 }),
  back('convTranspose2d', 'plain', [1, 2, 2, 3], [2, 2, 2, 3], [3, 5]),
  back('convTranspose2d', 'all together', [2, 2, 3, 2], [2, 2, 2, 3], [8, 7], {
    stride: [3, 2],
    padding: [0, 2],
    outputPadding: [0, 2],
    dilation: [1, 3],
    groups: 2,
  }),
  back('convTranspose3d', 'plain', [1, 2, 2, 2, 2], [2, 2, 2, 1, 2], [3, 2, 3]),
  back('convTranspose3d', 'all together', [1, 2, 2, 2, 1], [2, 1, 2, 2, 2], [4, 5, 2], {
    stride: [2, 3, 1],
    padding: [1, 1, 0],
    outputPadding: [1, 1, 0],
    dilation: [2, 2, 1],
    groups: 2,
  }),
  {
    ...back('convTranspose3d', 'one volume', [1, 2, 2, 2], [1, 2, 2, 2, 1], [3, 3, 2]),
    reference: one((x, w, b) => convolutionBack(x, w, b, { size: [3, 3, 2] })),
  },
  {
    title: 'unfold: all options',
    fn: (x) => ops.unfold(x, [2, 3], { stride: [2, 1], padding: [1, 2], dilation: [1, 2] }),
    inputs: [input([2, 2, 4, 5], fill)],
    reference: (x) => columns(x, [2, 3], { stride: [2, 1], padding: [1, 2], dilation: [1, 2] }),
    kind: 'moves',
    isSingle: true,
    shapes: [[[1, 1, 2, 1]], [[0, 2, 4, 5]]],
  },
  {
    title: 'unfold: stride in a row, one image',
    fn: (x) => ops.unfold(x, 2, { stride: [1, 2], padding: 1 }),
    inputs: [input([2, 3, 5], fill)],
    reference: (x) => {
      const y = columns(reshaped([1, ...x.shape])(x), [2, 2], { stride: [1, 2], padding: 1 })
      return reshaped(y.shape.slice(1))(y)
    },
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'fold: overlapping',
    fn: (x) => ops.fold(x, [4, 5], [2, 2]),
    inputs: [input([2, 8, 12], fill)],
    reference: (x) => folded(x, [4, 5], [2, 2]),
    kind: 'sums',
  },
  {
    title: 'fold: all options',
    fn: (x) => ops.fold(x, [5, 4], [2, 3], { stride: [2, 1], padding: [1, 1], dilation: [2, 1] }),
    inputs: [input([1, 6, 12], fill)],
    reference: (x) => folded(x, [5, 4], [2, 3], { stride: [2, 1], padding: [1, 1], dilation: [2, 1] }),
    kind: 'sums',
  },
]
