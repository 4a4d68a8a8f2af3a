/** @file Products: matrices, batches of them, vectors, linear layers. */
import { isFloat, promote } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Operand } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { broadcast, showShape } from '../shape.ts'
import { operandsOf } from './autocast.ts'
import { blockProduct } from './blocks.ts'
import { add } from './elementwise.ts'
import { expand, reshape, transpose } from './layout.ts'
import { sumTo } from './reduction.ts'
import { asTensor, cast, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

const matmulRow = defineRow<null>({
  name: 'matmul',
  kind: 'kernel',
  epilogue: true,
  autocast: 'narrow',
  takesBf16: true,
  infer: ([a, b]) => ({ shape: [...a!.shape.slice(0, -1), b!.shape[b!.rank - 1]!], dtype: a!.dtype }),
  vjp: ({ dy, inputs: [a, b], needs }) => [
    needs(0) ? matmul(dy, transpose(b!)) : null,
    needs(1) ? matmul(transpose(a!), dy) : null,
  ],
  emit: (e) => {
    const [a, b] = [e.input(0), e.input(1)]
    e.instr('matmul', [e.output()], [isBlasReady(a) ? a : e.packed(a), isBlasReady(b) ? b : e.packed(b)])
  },
})

/** BLAS reads a matrix whose rows or whose columns lie without gaps. */
function isBlasReady({ dims, strides }: Operand): boolean {
  const rank = dims.length
  const [rows, cols] = [dims[rank - 2]!, dims[rank - 1]!]
  const [down, along] = [strides[rank - 2]!, strides[rank - 1]!]
  const plain = (along === 1 || cols === 1) && (down >= cols || rows === 1)
  const transposed = (down === 1 || rows === 1) && (along >= rows || cols === 1)
  return plain || transposed
}

/** Matrix product over the last two axes; leading axes broadcast. Vectors as in PyTorch: a row on the left, a column on the right. */
export function matmul(left: TensorLike, right: TensorLike): Tensor {
  let [a, b] = [asTensor('matmul', left), asTensor('matmul', right)]
  if (a.rank === 0 || b.rank === 0) fail('SHAPE', 'matmul', 'a scalar is no matrix. Use mul().')
  const dtype = promote(a.dtype, b.dtype)
  if (!isFloat(dtype) && dtype !== 'i32' && dtype !== 'i64')
    fail('DTYPE', 'matmul', `does not take ${dtype}. Cast first.`)
  ;[a, b] = [cast(a, dtype), cast(b, dtype)]
  const [isRow, isColumn] = [a.rank === 1, b.rank === 1]
  if (isRow) a = reshape(a, [1, a.size])
  if (isColumn) b = reshape(b, [b.size, 1])
  if (a.shape[a.rank - 1] !== b.shape[b.rank - 2]) {
    fail('SHAPE', 'matmul', `inner sizes must agree, got ${showShape(a.shape)} and ${showShape(b.shape)}.`)
  }
  const y = product(a, b)
  const shape = y.shape.filter((_, i) => !(isRow && i === y.rank - 2) && !(isColumn && i === y.rank - 1))
  return reshape(y, shape)
}

function product(a: Tensor, b: Tensor): Tensor {
  const [m, k, n] = [a.shape[a.rank - 2]!, a.shape[a.rank - 1]!, b.shape[b.rank - 1]!]
  if (a.rank > 2 && b.rank === 2) {
    // One large product instead of many small ones.
    const rows = reshape(a, [a.size / Math.max(k, 1), k])
    const flat = blockProduct(rows, b) ?? apply(matmulRow, [rows, b], null, '')
    return reshape(k > 0 ? flat : expandEmpty(flat, a, n), [...a.shape.slice(0, -1), n])
  }
  const ofBlocks = a.rank === 2 ? blockProduct(a, b) : null
  if (ofBlocks) return ofBlocks
  const batch = broadcast('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
  return apply(matmulRow, [expand(a, [...batch, m, k]), expand(b, [...batch, k, n])], null, '')
}

/** With k = 0 the number of rows cannot be read off the elements. */
function expandEmpty(flat: Tensor, a: Tensor, n: number): Tensor {
  const rows = a.shape.slice(0, -1).reduce((x, y) => x * y, 1)
  return expand(sumTo(flat, [1, n]), [rows, n])
}

/** x weight^T + bias: x [..., in], weight [out, in], bias [out]. */
export function linear(x: TensorLike, weight: TensorLike, bias?: TensorLike | null): Tensor {
  const [t, w] = [asTensor('linear', x), asTensor('linear', weight)]
  const inner = t.shape[t.rank - 1] ?? 0
  // As rows, so that the bias ends the product instead of taking a turn of its own.
  const isFlat = bias && t.rank > 2 && inner > 0 && w.rank === 2 && w.shape[1] === inner
  const y = matmul(isFlat ? reshape(t, [t.size / inner, inner]) : t, transpose(w))
  if (!bias) return y
  const sum = add(y, operandsOf(asTensor('linear', bias))[0]!)
  return isFlat ? reshape(sum, [...t.shape.slice(0, -1), sum.shape[1]!]) : sum
}

/** Inner product of two vectors. */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  if (a.rank !== 1 || b.rank !== 1)
    fail('SHAPE', 'dot', `needs two vectors, got ${showShape(a.shape)} and ${showShape(b.shape)}.`)
  return matmul(a, b)
}
