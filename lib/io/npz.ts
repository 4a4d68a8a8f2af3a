/** @file npz files, NumPy's archives of arrays: npy files in a zip. And writing both. Hostile until parsed. */
import { Zip, ZipPassThrough } from 'fflate'
import { bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { parseNpy, parseNpyInfo } from '../data/npy.ts'
import { evaluate } from '../engine/evaluate.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { cast } from '../ops/index.ts'
import type { TensorLike } from '../ops/table.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { namedTensors } from './safetensors.ts'
import type { Tensors } from './safetensors.ts'
import { fileSource } from './source.ts'
import type { Source } from './source.ts'
import { readAndClose, TensorFile } from './tensor-file.ts'
import type { TensorInfo } from './tensor-file.ts'
import { writeAside } from './write-aside.ts'
import { readZip, readZipEntry } from './zip.ts'

/** Reads an npz file: its arrays by name. */
export const loadNpz = (path: string): Promise<Map<string, Tensor>> => readAndClose(openNpz(path))

/** Opens an npz file; its arrays are unpacked one by one when they are asked for. */
export async function openNpz(path: string): Promise<TensorFile> {
  return npzOf(await fileSource('npz', path))
}

/** @internal The same of an open source, which is closed when it is no such file. */
export async function npzOf(source: Source): Promise<TensorFile> {
  try {
    const entries = await readZip(source)
    const tensors = new Map<string, TensorInfo>()
    const bytesOfEntry = (entry: string) => readZipEntry(source, entries.get(entry)!)
    for (const entry of entries.keys())
      tensors.set(nameOf(entry), parseNpyInfo(await bytesOfEntry(entry), `${source.name}: ${entry}`))
    const read = async (name: string) => {
      const entry = entries.has(`${name}.npy`) ? `${name}.npy` : name
      return parseNpy(await bytesOfEntry(entry), `${source.name}: ${entry}`)
    }
    return new TensorFile({ format: 'npz', path: source.name, tensors, read, close: () => source.close() })
  } catch (error) {
    await source.close()
    throw error
  }
}

const nameOf = (entry: string): string => entry.replace(/\.npy$/, '')

const DESCRIPTIONS: Readonly<Partial<Record<DType, string>>> = {
  ...{ f64: '<f8', f32: '<f4', f16: '<f2', i64: '<i8', i32: '<i4', i16: '<i2', i8: '|i1' },
  ...{ u64: '<u8', u32: '<u4', u16: '<u2', u8: '|u1', bool: '|b1' },
}

/** Writes one tensor as an npy file. NumPy has no bf16: such a tensor is written as f32. */
export async function saveNpy(path: string, t: TensorLike): Promise<void> {
  const [[, x]] = namedTensors('saveNpy', { t }) as [[string, Tensor]]
  await writeAside(path, await piecesOf(x))
}

/** Writes tensors as an npz file, one after the other, not packed. At most 4 GiB. */
export async function saveNpz(path: string, tensors: Tensors): Promise<void> {
  const named = namedTensors('saveNpz', tensors)
  const bytes = named.reduce((sum, [name, t]) => sum + sizeOf(t.shape) * bytesOf(t.dtype) + 2 * name.length + 512, 0)
  if (bytes > 0xffffffff) fail('VALUE', 'saveNpz', `an npz file has at most 4 GiB, these tensors need ${bytes} bytes.`)
  await evaluate(...named.map(([, t]) => t))
  await writeAside(path, zipOf(named))
}

async function* zipOf(named: readonly (readonly [string, Tensor])[]): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = []
  const archive = new Zip((error, chunk) => {
    if (error) throw error
    ready.push(chunk)
  })
  for (const [name, t] of named) {
    const entry = new ZipPassThrough(`${name}.npy`)
    archive.add(entry)
    for (const piece of await piecesOf(t)) entry.push(piece)
    entry.push(new Uint8Array(0), true)
    yield* ready.splice(0)
  }
  archive.end()
  yield* ready
}

async function piecesOf(t: Tensor): Promise<Uint8Array[]> {
  const x = t.dtype === 'bf16' ? cast(t, 'f32') : t
  await evaluate(x)
  return [npyHeader(x.shape, x.dtype), new Uint8Array(x.value!.buffer)]
}

/** Version 1 of the format; the data behind it begin at a multiple of 64. */
function npyHeader(shape: Shape, dtype: DType): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`
  const total = Math.ceil((10 + text.length + 1) / 64) * 64
  const header = new Uint8Array(total).fill(0x20)
  header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
  new DataView(header.buffer).setUint16(8, total - 10, true)
  header.set(new TextEncoder().encode(text), 10)
  header[total - 1] = 0x0a
  return header
}
