/** @file `tenon convert`: the tensors of one file in another format. */
import { mkdir } from 'node:fs/promises'
import { extname } from 'node:path'
import { load as loadOnnx } from '../io/onnx/index.ts'
import { openTensors, saveTensors } from '../io/open-tensors.ts'
import { saveWeights } from '../io/sharded.ts'
import { openTorch } from '../io/torch.ts'
import type { TensorLike } from '../ops/table.ts'

/** Reads `from`, whatever it is, and writes `to` in the format of its ending; a path without one becomes a folder of safetensors. */
export async function convert(from: string, to: string, { key }: { key?: string }): Promise<void> {
  if (from.endsWith('.onnx')) return write(from, 'onnx', to, (await loadOnnx(from)).stateDict())
  const file = await (key === undefined ? openTensors(from) : openTorch(from, { key }))
  try {
    await write(from, file.format, to, await file.readAll())
  } finally {
    await file.close()
  }
}

async function write(
  from: string,
  format: string,
  to: string,
  tensors: ReadonlyMap<string, TensorLike>,
): Promise<void> {
  if (extname(to) === '') {
    await mkdir(to, { recursive: true })
    await saveWeights(to, tensors, { stream: true })
  } else await saveTensors(to, tensors, { stream: true })
  console.log(`${to}: ${tensors.size} tensor${tensors.size === 1 ? '' : 's'} of ${from} (${format})`)
}
