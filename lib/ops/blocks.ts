/** @file Quantised weights as GGUF files have them: blocks of a few bits an element with their scales. Products and look-ups use them as they are. */
import { isFloat } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape, sizeOf } from '../shape.ts'
import { matmul } from './contraction.ts'
import { reshape } from './layout.ts'
import { asTensor, cast, defineRow, NOT_FLOAT } from './table.ts'
import type { TensorLike } from './table.ts'

/** Elements and bytes of a block. */
export const BLOCKS = {
  q8_0: [32, 34],
  q4_0: [32, 18],
  q4_K: [256, 144],
  q6_K: [256, 210],
} as const
export type BlockEncoding = keyof typeof BLOCKS

interface BlockAttrs {
  readonly encoding: BlockEncoding
}

const columns = (bytes: number, encoding: BlockEncoding): number => {
  const [elements, size] = BLOCKS[encoding]
  return (bytes / size) * elements
}

const dequantizeRow: Row<BlockAttrs> = defineRow<BlockAttrs>({
  name: 'dequantize',
  kind: 'kernel',
  infer: ([w], { encoding }) => ({ shape: [w!.shape[0]!, columns(w!.shape[1]!, encoding)], dtype: 'f32' }),
  vjp: () => [null],
  emit: (e, { attrs: { encoding } }) =>
    e.instr('dequantize', [e.output()], [e.packed(e.input(0))], [...BLOCKS[encoding]]),
})

const quantizeBlocksRow = defineRow<BlockAttrs>({
  name: 'quantizeBlocks',
  kind: 'kernel',
  infer: ([x], { encoding }) => {
    const [elements, size] = BLOCKS[encoding]
    return { shape: [x!.shape[0]!, (x!.shape[1]! / elements) * size], dtype: 'u8' }
  },
  vjp: NOT_FLOAT,
  emit: (e, { attrs: { encoding } }) =>
    e.instr('quantizeBlocks', [e.output()], [e.packed(e.input(0))], [...BLOCKS[encoding]]),
})

/** x [M, K] times the transpose of what blocks [N, bytes] stand for. */
const matmulBlocksRow: Row<BlockAttrs> = defineRow<BlockAttrs>({
  name: 'matmulBlocks',
  kind: 'kernel',
  infer: ([x, w]) => ({ shape: [x!.shape[0]!, w!.shape[0]!], dtype: 'f32' }),
  vjp: ({ dy, inputs: [, w], attrs: { encoding }, needs }) => [
    needs(0) ? matmul(dy, apply(dequantizeRow, [w!], { encoding })) : null,
    null,
  ],
  emit: (e, { attrs: { encoding } }) =>
    e.instr('matmulBlocks', [e.output()], [e.packed(e.input(0)), e.packed(e.input(1))], [...BLOCKS[encoding]]),
})

/**
 * The numbers of quantised blocks, f32 [..., n]: blocks are u8 [..., bytes of a row], n a multiple of the block's elements. Multiplying by
 * its transpose (`linear`, `matmul`) and looking up rows (`embedding`, `take`) never make all numbers, only a few rows at a time. Gradients
 * flow to the other factor, not to the blocks. Formats: q8_0, q4_0, q4_K, q6_K of ggml.
 */
export function dequantize(blocks: TensorLike, encoding: BlockEncoding): Tensor {
  const w = asTensor('dequantize', blocks)
  checkEncoding('dequantize', encoding)
  const bytes = w.shape[w.rank - 1] ?? 0
  if (w.dtype !== 'u8' || bytes === 0 || bytes % BLOCKS[encoding][1] !== 0) {
    const size = BLOCKS[encoding][1]
    fail('SHAPE', 'dequantize', `needs u8 [..., k * ${size}] for ${encoding}, got ${w.dtype} ${showShape(w.shape)}.`)
  }
  if (w.rank === 2) return apply(dequantizeRow, [w], { encoding })
  const rows = sizeOf(w.shape.slice(0, -1))
  const y = apply(dequantizeRow, [reshape(w, [rows, bytes])], { encoding })
  return reshape(y, [...w.shape.slice(0, -1), y.shape[1]!])
}

/**
 * The blocks, u8 [..., bytes of a row], that come nearest to numbers [..., n], n a multiple of the block's elements (q8_0, q4_0: 32; q4_K,
 * q6_K: 256). q8_0 and q4_0 take their scale from the number of largest magnitude, q4_K and q6_K search for the scales of least weighted
 * squared error, as ggml does. No gradient flows through.
 */
export function quantizeBlocks(x: TensorLike, encoding: BlockEncoding): Tensor {
  const t = asTensor('quantizeBlocks', x)
  checkEncoding('quantizeBlocks', encoding)
  if (!isFloat(t.dtype)) fail('DTYPE', 'quantizeBlocks', `needs floats, got ${t.dtype}.`)
  const [elements] = BLOCKS[encoding]
  const n = t.shape[t.rank - 1] ?? 0
  if (n === 0 || n % elements !== 0)
    fail('SHAPE', 'quantizeBlocks', `needs [..., k * ${elements}] for ${encoding}, got ${showShape(t.shape)}.`)
  const rows = sizeOf(t.shape.slice(0, -1))
  const y = apply(quantizeBlocksRow, [cast(reshape(t, [rows, n]), 'f32')], { encoding })
  return reshape(y, [...t.shape.slice(0, -1), y.shape[1]!])
}

/** VALUE unless it names an encoding. */
export function checkEncoding(op: string, encoding: BlockEncoding): void {
  if (!Object.hasOwn(BLOCKS, encoding))
    fail('VALUE', op, `the encoding is one of ${Object.keys(BLOCKS).join(', ')}, got '${String(encoding)}'.`)
}

/** @internal The blocks that a matrix is made of; null for other matrices, and once its numbers are there. */
export function blocksOf(t: Tensor): { readonly blocks: Tensor; readonly encoding: BlockEncoding } | null {
  if (t.row !== dequantizeRow || t.value !== null) return null
  return { blocks: t.inputs[0]!, encoding: (t.attrs as BlockAttrs).encoding }
}

/** @internal a [M, K] times b [K, N] where b is the transpose of a matrix of blocks; null for other b. */
export function blockProduct(a: Tensor, b: Tensor): Tensor | null {
  let [matrix, isTransposed] = [b, false]
  // Of a weight that is kept the other way round, twice.
  while (matrix.row.name === 'permute' && matrix.value === null && matrix.rank === 2)
    [matrix, isTransposed] = [matrix.inputs[0]!, !isTransposed]
  const found = isTransposed && a.dtype === 'f32' ? blocksOf(matrix) : null
  return found && apply(matmulBlocksRow, [a, found.blocks], { encoding: found.encoding })
}
