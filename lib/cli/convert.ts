/** @file `tenon convert`: the tensors of one file in another format. */
import { mkdir } from 'node:fs/promises'
import { extname } from 'node:path'
import { openTensors, saveTensors } from '../io/open-tensors.ts'
import { saveWeights } from '../io/sharded.ts'
import { openTorch } from '../io/torch.ts'

/** Reads `from`, whatever it is, and writes `to` in the format of its ending; a path without one becomes a folder of safetensors. */
export async function convert(from: string, to: string, { key }: { key?: string }): Promise<void> {
  const file = await (key === undefined ? openTensors(from) : openTorch(from, { key }))
  try {
    const tensors = await file.readAll()
    if (extname(to) === '') {
      await mkdir(to, { recursive: true })
      await saveWeights(to, tensors, { stream: true })
    } else await saveTensors(to, tensors, { stream: true })
    console.log(`${to}: ${tensors.size} tensor${tensors.size === 1 ? '' : 's'} of ${from} (${file.format})`)
  } finally {
    await file.close()
  }
}
