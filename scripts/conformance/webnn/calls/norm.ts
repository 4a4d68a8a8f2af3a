/** @file Normalisations and matrix products. */
import * as t from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'
import { first } from '../operator.ts'

export const calls: Calls = {
  batchNormalization: ({ input, mean, variance }, { scale, bias, axis = 1 as never, epsilon }) => {
    // [1, C, ...]
    const x = t.unsqueeze(t.movedim(input, axis, 0), 0)
    const y = t.batchNorm(x, { runningMean: mean, runningVar: variance, weight: scale, bias, eps: epsilon })
    return t.movedim(t.squeeze(y, 0), 0, axis)
  },
  instanceNormalization: ({ input }, { scale, bias, epsilon, layout }) => {
    const isLast = layout === 'nhwc'
    const x = isLast ? t.movedim(input, -1, 1) : (input as t.Tensor)
    const y = t.groupNorm(x, x.shape[1]!, { weight: scale, bias, eps: epsilon })
    return isLast ? t.movedim(y, 1, -1) : y
  },
  layerNormalization: ({ input }, { scale, bias, axes, epsilon }) => {
    const given: t.Tensor = input
    const list: readonly number[] = axes ?? given.shape.map((_, i) => i).slice(1)
    const places = list.map((_, i) => i).map((i) => i - list.length)
    const moved = t.movedim(given, list, places)
    // Over no axes, each element is normalised by itself.
    const sizes = list.length > 0 ? list.map((axis) => given.shape[axis]!) : [1]
    const x = list.length > 0 ? moved : t.unsqueeze(moved, -1)
    const [weight, offset] = [scale, bias].map((v) => (v ? t.reshape(v, sizes) : null))
    const y = t.layerNorm(x, sizes, { weight, bias: offset, eps: epsilon })
    return list.length > 0 ? t.movedim(y, places, list) : t.squeeze(y, -1)
  },
  gemm: ({ a, b }, { c, alpha, beta, aTranspose, bTranspose }) =>
    first('Gemm', [a, b, c], { alpha, beta, transA: aTranspose, transB: bTranspose }),
  matmul: ({ a, b }) => t.matmul(a, b),
}
