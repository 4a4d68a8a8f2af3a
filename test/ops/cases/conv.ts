/** @file Cases of convolution: strides, borders, dilations, groups, and the shapes that take paths of their own. */
import * as ops from '../../../lib/index.ts'
import type { Conv2dOptions } from '../../../lib/index.ts'
import { range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { conv2d } from '../../support/reference-windows.ts'
import type { Window } from '../../support/reference-windows.ts'
import { reshaped } from '../../support/reference.ts'

const fill = range(-1, 1)

function conv(
  title: string,
  x: number[],
  weight: number[],
  options: Conv2dOptions = {},
  window: Window = options as Window,
  shapes: number[][][] = [],
): OpCase {
  return {
    title: `conv2d: ${title}`,
    fn: (a, w, b) => ops.conv2d(a, w, b, options),
    inputs: [input(x, fill), input(weight, fill), input([weight[0]], fill)],
    reference: (a, w, b) => conv2d(a, w, b, window),
    kind: 'sums',
    shapes,
  }
}

export const convCases: readonly OpCase[] = [
  conv('plain', [2, 2, 4, 5], [3, 2, 3, 2], {}, {}, [
    [[1, 1, 1, 1], [1, 1, 1, 1], [1]],
    [[1, 3, 9, 9], [8, 3, 9, 9], [8]],
    [[9, 3, 20, 21], [16, 3, 3, 3], [16]],
    [[0, 2, 4, 4], [3, 2, 3, 2], [3]],
  ]),
  conv('1 x 1', [2, 3, 3, 2], [2, 3, 1, 1], {}, {}, [[[3, 16, 7, 9], [20, 16, 1, 1], [20]]]),
  conv('1 x 1, stride 2', [1, 2, 5, 4], [2, 2, 1, 1], { stride: 2 }),
  conv('stride', [1, 2, 6, 5], [2, 2, 3, 2], { stride: [2, 1] }),
  conv('stride over the end', [1, 1, 6, 6], [1, 1, 3, 3], { stride: 4 }),
  conv('padding', [1, 2, 3, 4], [2, 2, 3, 3], { padding: [1, 2] }, { padding: [1, 2] }, [
    [[2, 8, 17, 19], [8, 8, 3, 3], [8]],
  ]),
  conv('padding wider than the kernel', [1, 1, 2, 2], [2, 1, 2, 2], { padding: 3 }),
  conv('dilation', [1, 2, 6, 6], [2, 2, 2, 3], { dilation: [3, 2] }),
  conv(
    'all together',
    [2, 4, 7, 6],
    [4, 2, 3, 2],
    { stride: [2, 1], padding: [2, 1], dilation: [1, 2], groups: 2 },
    undefined,
    [[[3, 8, 15, 14], [12, 4, 3, 2], [12]]],
  ),
  conv('groups', [2, 4, 4, 4], [6, 2, 3, 3], { groups: 2, padding: 1 }),
  conv('depthwise', [2, 3, 5, 4], [3, 1, 3, 3], { groups: 3, padding: 1 }, undefined, [
    [[2, 3, 12, 35], [3, 1, 3, 3], [3]],
  ]),
  conv('depthwise, more channels', [1, 9, 4, 5], [9, 1, 3, 3], { groups: 9, padding: 1 }),
  conv('depthwise, stride 2', [1, 3, 6, 5], [3, 1, 3, 3], { groups: 3, padding: 1, stride: 2 }, undefined, [
    [[2, 3, 33, 12], [3, 1, 5, 5], [3]],
  ]),
  conv('depthwise, two filters a channel', [1, 2, 4, 4], [4, 1, 3, 3], { groups: 2 }),
  conv('depthwise, dilated', [1, 2, 6, 6], [2, 1, 2, 2], { groups: 2, dilation: 2 }),
  conv('same', [1, 2, 4, 5], [2, 2, 3, 3], { padding: 'same' }, { padding: 1 }),
  conv('same, even kernel', [1, 1, 4, 5], [2, 1, 2, 4], { padding: 'same' }, { padding: [0, 1], size: [4, 5] }),
  conv(
    'same, dilated',
    [1, 1, 5, 5],
    [1, 1, 3, 2],
    { padding: 'same', dilation: 2 },
    { padding: [2, 1], dilation: 2, size: [5, 5] },
  ),
  conv('valid', [1, 1, 3, 3], [1, 1, 2, 2], { padding: 'valid' }, {}),
  {
    ...conv('one image', [2, 4, 4], [3, 2, 3, 3]),
    reference: (x, w, b) => {
      const y = conv2d(reshaped([1, ...x.shape])(x), w, b)
      return reshaped(y.shape.slice(1))(y)
    },
  },
  {
    ...conv('no bias, then relu', [2, 2, 4, 4], [3, 2, 3, 3]),
    fn: (x, w) => ops.conv2d(x, w, null).sub(0.011).relu(),
    inputs: [input([2, 2, 4, 4], fill), input([3, 2, 3, 3], range(0.1, 1))],
    reference: (x, w) => {
      const y = conv2d(x, w, null)
      return { shape: y.shape, data: y.data.map((v) => Math.max(0, v - 0.011)) }
    },
  },
]
