/** @file BlockVariable: a weight that is kept as quantised blocks. Whatever reads it sees numbers; products and look-ups take the blocks. */
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { BLOCKS, dequantize } from './blocks.ts'
import type { BlockEncoding } from './blocks.ts'
import { transpose } from './layout.ts'

/** f32 [rows, columns] over blocks u8 [rows, bytes]. It is not trained and cannot be written; files get its numbers, or its blocks. */
export class BlockVariable extends Variable {
  /** What is in memory, or mapped. */
  readonly blocks: Variable
  readonly encoding: BlockEncoding
  /** Whether it is [columns, rows] of the blocks. */
  readonly isTransposed: boolean

  constructor(blocks: Variable, encoding: BlockEncoding, { isTransposed = false }: { isTransposed?: boolean } = {}) {
    super(numbersOf(blocks, encoding, isTransposed), { trainable: false })
    this.initial = null
    this.blocks = blocks
    this.encoding = encoding
    this.isTransposed = isTransposed
  }

  override read(): Tensor {
    return numbersOf(this.blocks, this.encoding, this.isTransposed)
  }

  override readLate(): Tensor {
    return this.read()
  }

  override get isWritable(): boolean {
    return false
  }

  override get bytes(): number {
    return this.blocks.size
  }
}

function numbersOf(blocks: Variable, encoding: BlockEncoding, isTransposed: boolean): Tensor {
  const numbers = dequantize(blocks, encoding)
  return isTransposed ? transpose(numbers) : numbers
}

/** Whether rows of so many numbers are whole blocks. */
export const fillsBlocks = (columns: number, encoding: BlockEncoding): boolean =>
  columns > 0 && columns % BLOCKS[encoding][0] === 0
