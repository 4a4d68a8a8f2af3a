/** @file Reading what was loaded: every number once. */
import { evaluateSync, sum } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { openSource } from '../../../lib/io/open-tensors.ts'
import { bytesSource } from '../../../lib/io/source.ts'
import type { TensorFile } from '../../../lib/io/tensor-file.ts'
import { cast } from '../../../lib/ops/index.ts'
import { NAME } from '../format.ts'
import type { Place } from '../format.ts'

/** Adds up every tensor, in one evaluation. */
export function readNumbers(tensors: Iterable<Tensor>): void {
  const sums = Array.from(tensors, (t) => sum(cast(t, 'f64')))
  if (sums.length > 0) evaluateSync(...sums)
}

/** The same of an open file, which is closed. */
export async function readFile(file: TensorFile): Promise<void> {
  try {
    readNumbers((await file.readAll()).values())
  } finally {
    await file.close()
  }
}

export const openBytes = ({ bytes }: Place): Promise<TensorFile> => openSource(bytesSource('fuzz', NAME, bytes))
