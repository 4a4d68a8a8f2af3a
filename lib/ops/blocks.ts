/** @file Quantised weights as GGUF files have them: blocks of a few bits an element with their scales. Products and look-ups use them as they are. */
import { fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape, sizeOf } from '../shape.ts'
import { matmul } from './contraction.ts'
import { reshape } from './layout.ts'
import { asTensor, defineRow } from './table.ts'
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
  if (!Object.hasOwn(BLOCKS, encoding))
    fail('VALUE', 'dequantize', `the encoding is one of ${Object.keys(BLOCKS).join(', ')}, got '${String(encoding)}'.`)
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

/** @internal The blocks that a matrix is made of; null for other matrices, and once its numbers are there. */
export function blocksOf(t: Tensor): { readonly blocks: Tensor; readonly encoding: BlockEncoding } | null {
  if (t.row !== dequantizeRow || t.value !== null) return null
  return { blocks: t.inputs[0]!, encoding: (t.attrs as BlockAttrs).encoding }
}

/** @internal a [M, K] times b [K, N] where b is the transpose of a matrix of blocks; null for other b. */
export function blockProduct(a: Tensor, b: Tensor): Tensor | null {
  const isTransposed = b.row.name === 'permute' && b.value === null && b.rank === 2
  const found = isTransposed && a.dtype === 'f32' ? blocksOf(b.inputs[0]!) : null
  return found && apply(matmulBlocksRow, [a, found.blocks], { encoding: found.encoding })
}
