/** @file GGUF files, models as llama.cpp has them: plain tensors, and quantised ones whose blocks are kept and used as they are. Hostile until parsed. */
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { BLOCKS, dequantize } from '../ops/blocks.ts'
import { parseGguf, TooShort } from './gguf-header.ts'
import type { GgufHeader } from './gguf-header.ts'
import { fileSource, tensorAt } from './source.ts'
import type { OpenOptions, Source } from './source.ts'
import { readAndClose, TensorFile } from './tensor-file.ts'

/** Headers with a vocabulary have some megabytes. */
const FIRST_READ = 1 << 20

/** Reads a GGUF file. Quantised matrices are tensors over their blocks: `linear` and `embedding` use those as they are. */
export async function loadGguf(path: string, options: OpenOptions = {}): Promise<Map<string, Tensor>> {
  return readAndClose(openGguf(path, options))
}

/** Opens a GGUF file; what it says of the model is in `metadata`. Shapes are row-major: [rows, columns] of a weight. */
export async function openGguf(path: string, options: OpenOptions = {}): Promise<TensorFile> {
  checkOptions('gguf', options, ['mmap'])
  return ggufOf(await fileSource('gguf', path, options))
}

/** @internal The same of an open source, which is closed when it is no such file. */
export async function ggufOf(source: Source): Promise<TensorFile> {
  try {
    const { tensors, metadata, dataStart } = await readHeader(source)
    const read = async (name: string): Promise<Tensor> => {
      const { shape, dtype, encoding, begin } = tensors.get(name)!
      if (!encoding) return tensorAt(source, dataStart + begin, shape, dtype, name)
      const [elements, bytes] = BLOCKS[encoding]
      const rows = [...shape.slice(0, -1), (shape[shape.length - 1]! / elements) * bytes]
      return dequantize(await tensorAt(source, dataStart + begin, rows, 'u8', name), encoding)
    }
    return new TensorFile({
      format: 'gguf',
      path: source.name,
      metadata: Object.fromEntries(metadata),
      tensors,
      read,
      close: () => source.close(),
    })
  } catch (error) {
    await source.close()
    throw error
  }
}

/** What a GGUF file says of its model; no tensor is looked at. */
export async function ggufMetadata(path: string): Promise<Readonly<Record<string, unknown>>> {
  const file = await openGguf(path)
  await file.close()
  return file.metadata
}

/** Where it ends is known when it has been read: so twice as much again, until it is enough. */
async function readHeader(source: Source): Promise<GgufHeader> {
  for (let bytes = FIRST_READ; ; bytes *= 2) {
    const head = await source.read(0, Math.min(bytes, source.size))
    try {
      return parseGguf(source.name, head, source.size)
    } catch (error) {
      if (!(error instanceof TooShort)) throw error
    }
  }
}
