/** @file Matrix products: Gemm where two matrices meet, else MatMul, which broadcasts by itself. */
import type { Value } from '../export-value.ts'
import { sameSize } from '../export-sizes.ts'
import { isFloat } from '../../../dtype.ts'
import type { Mappings, To } from './to.ts'

/** What a batch was expanded from: products broadcast. */
function unexpanded(value: Value): Value {
  if (value.row !== 'expand') return value
  const [source] = value.inputs as [Value]
  const isSame = (back: number) => source.rank >= back && sameSize(source.sizes.at(-back)!, value.sizes.at(-back)!)
  return isSame(1) && isSame(2) ? source : value
}

/** What was transposed, and that it was. */
function untransposed(value: Value): [Value, number] {
  const isSwap = value.row === 'permute' && value.rank === 2
  return isSwap ? [value.inputs[0]!, 1] : [value, 0]
}

const matmul: To = (value, writer) => {
  const [a, b] = value.inputs as [Value, Value]
  if (a.rank !== 2 || b.rank !== 2 || !isFloat(value.dtype))
    return writer.add('MatMul', [writer.name(unexpanded(a)), writer.name(unexpanded(b))])
  const [left, transA] = untransposed(a)
  const [right, transB] = untransposed(b)
  return writer.add('Gemm', [writer.name(left), writer.name(right)], {
    ...(transA && { transA }),
    ...(transB && { transB }),
  })
}

export const linear: Mappings = { matmul }
