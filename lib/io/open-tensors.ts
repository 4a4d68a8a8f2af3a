/** @file Opens and writes files of tensors in any format that is known: found by how the file begins, chosen by the ending. */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseNpy, parseNpyInfo } from '../data/npy.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { asTensor } from '../ops/table.ts'
import { ggufOf } from './gguf.ts'
import { saveGguf } from './gguf-write.ts'
import { npzOf, saveNpy, saveNpz } from './npz.ts'
import { entriesOf, saveSafetensors, safetensorsOf } from './safetensors.ts'
import type { SaveOptions, Tensors } from './safetensors.ts'
import { INDEX, openSharded, SINGLE } from './sharded.ts'
import { fileSource, refuse } from './source.ts'
import type { OpenOptions, Source } from './source.ts'
import { readAndClose, TensorFile } from './tensor-file.ts'
import { torchOf } from './torch.ts'
import { readZip } from './zip.ts'

/**
 * Opens a file of named tensors: safetensors (also an index of several files, or a folder with one), PyTorch's state dicts, GGUF, npz or npy.
 * Names, shapes and dtypes are known then; the numbers are read when they are asked for.
 */
export async function openTensors(path: string, options: OpenOptions = {}): Promise<TensorFile> {
  checkOptions('openTensors', options, ['mmap'])
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (isFolder) return openFolder(path, options)
  if (path.endsWith('.safetensors.index.json')) return openSharded(path, options)
  return openSource(await fileSource('openTensors', path, options))
}

/** Reads all tensors of such a file. */
export const loadTensors = (path: string, options: OpenOptions = {}): Promise<Map<string, Tensor>> =>
  readAndClose(openTensors(path, options))

/** Opens the weights in a model's folder: model.safetensors, or the files that its index names. */
export async function openFolder(path: string, options: OpenOptions = {}): Promise<TensorFile> {
  const exists = (name: string) =>
    stat(join(path, name)).then(
      (found) => found.isFile(),
      () => false,
    )
  if (await exists(SINGLE)) return openTensors(join(path, SINGLE), options)
  if (await exists(INDEX)) return openSharded(join(path, INDEX), options)
  return fail('FORMAT', 'openTensors', `${path}: has neither ${SINGLE} nor ${INDEX}.`)
}

/** @internal By how it begins. */
export async function openSource(source: Source): Promise<TensorFile> {
  let open: (source: Source) => Promise<TensorFile>
  try {
    open = await openerOf(source)
  } catch (error) {
    await source.close()
    throw error
  }
  return open(source)
}

async function openerOf(source: Source): Promise<(source: Source) => Promise<TensorFile>> {
  const head = await source.read(0, Math.min(source.size, 16))
  const begins = (...bytes: number[]) => head.length >= bytes.length && bytes.every((byte, i) => head[i] === byte)
  if (isSafetensors(head, source.size)) return safetensorsOf
  if (begins(0x50, 0x4b)) {
    const names = [...(await readZip(source)).keys()]
    return names.some((name) => /(^|\/)data\.pkl$/.test(name)) ? torchOf : npzOf
  }
  if (begins(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)) return npyOf
  if (begins(0x80)) return torchOf
  if (begins(0x47, 0x47, 0x55, 0x46)) return ggufOf
  if (head[8] === 0x7b) return safetensorsOf
  return refuse(source, 'begins like no format that is known: safetensors, PyTorch, GGUF, npz, npy.')
}

/** A length of a header that fits the file, and its brace. Asked first: the length may begin like a pickle (0x80) or a zip (0x504b). */
function isSafetensors(head: Uint8Array, size: number): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  return head[8] === 0x7b && view.getUint32(4, true) === 0 && view.getUint32(0, true) + 8 <= size
}

async function npyOf(source: Source): Promise<TensorFile> {
  try {
    const bytes = await source.read(0, source.size)
    const name = basename(source.name).replace(/\.npy$/, '')
    const tensors = new Map([[name, parseNpyInfo(bytes, source.name)]])
    const read = () => Promise.resolve(parseNpy(bytes, source.name))
    return new TensorFile({ format: 'npy', path: source.name, tensors, read, close: () => source.close() })
  } catch (error) {
    await source.close()
    throw error
  }
}

/** Writes tensors in the format that the path's ending names: .safetensors, .npz, .gguf, or .npy for a single one. */
export async function saveTensors(path: string, tensors: Tensors, options: SaveOptions = {}): Promise<void> {
  checkOptions('saveTensors', options, ['stream'])
  if (path.endsWith('.safetensors')) return saveSafetensors(path, tensors, {}, options)
  if (path.endsWith('.gguf')) return saveGguf(path, tensors, options)
  if (path.endsWith('.npz')) return saveNpz(path, tensors)
  const all = entriesOf(tensors)
  if (!path.endsWith('.npy'))
    return fail('VALUE', 'saveTensors', `the path must end in .safetensors, .npz, .gguf or .npy, got '${path}'.`)
  if (all.length !== 1)
    return fail('VALUE', 'saveTensors', `an .npy file holds one tensor, got ${all.length}. Use .npz.`)
  return saveNpy(path, asTensor('saveTensors', all[0]![1]))
}
