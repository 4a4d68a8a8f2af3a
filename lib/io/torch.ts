/** @file PyTorch's files (.pt, .pth, .th): state dicts, in the zip form (since 1.6) and the one before it. Their pickles are read, never run (pickle.ts). Hostile until parsed. */
import { arrayOf, bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { fromBuffer } from '../ops/create.ts'
import { isPossibleShape, MAX_RANK, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { PickleError, unpickle } from './pickle.ts'
import type { Pickled, StorageRef, TensorRef, Unpickled } from './pickle.ts'
import { checkBooleans, fileSource, refuse, tensorAt } from './source.ts'
import type { OpenOptions, Source } from './source.ts'
import { readAndClose, TensorFile } from './tensor-file.ts'
import { placeOf, readZip, readZipEntry } from './zip.ts'
import type { ZipEntry } from './zip.ts'

const MAX_PICKLE_BYTES = 2 ** 28
/** Values and their places in nested dictionaries: a list that holds itself, or one a thousand times, ends here. */
const MAX_LEAVES = 1e6
const MAX_DEPTH = 64
/** Views may show the bytes of storages again and again: so many times as many, and so many bytes more in small files. */
const MAX_SHARING = 16
const MAX_REPEATED_BYTES = 2 ** 27
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
const LEGACY_VERSION = 1001

export interface OpenTorchOptions extends OpenOptions {
  /** The part of the checkpoint to take: 'state_dict' of { state_dict, optimizer, ... }, say; 'a.b' goes deeper. Default: all of it. */
  key?: string
}

/** Reads the tensors of a PyTorch file, named as in its dictionaries, deeper ones with dots: 'state_dict.fc.weight'. */
export async function loadTorch(path: string, options: OpenTorchOptions = {}): Promise<Map<string, Tensor>> {
  return readAndClose(openTorch(path, options))
}

/** Opens a PyTorch file. What is no tensor is in its `metadata`. FORMAT for whole models (they are programs) and what is damaged. */
export async function openTorch(path: string, options: OpenTorchOptions = {}): Promise<TensorFile> {
  const { key = '', ...rest } = options
  checkOptions('torch', rest, ['mmap'])
  return torchOf(await fileSource('torch', path, rest), key)
}

/** @internal The same of an open source, which is closed when it is no such file. */
export async function torchOf(source: Source, key = ''): Promise<TensorFile> {
  try {
    const isZip = source.size >= 4 && (await source.read(0, 2)).join() === '80,75'
    const { root, storages } = isZip ? await openZip(source) : await openLegacy(source)
    const { tensors, metadata } = flatten(source, partOf(source, root, key))
    for (const [name, ref] of tensors) checkTensor(source, name, ref)
    checkSharing(source, [...tensors.values()])
    return new TensorFile({
      format: 'torch',
      path: source.name,
      metadata,
      tensors,
      read: (name) => readTensor(source, storages, name, tensors.get(name)!),
      close: () => source.close(),
    })
  } catch (error) {
    await source.close()
    if (error instanceof PickleError) return refuse(source, `${error.message}.`)
    throw error
  }
}

/** Where a storage's bytes are, or the bytes themselves where they are packed. */
type Place = number | Uint8Array
type Storages = (ref: StorageRef) => Promise<Place>

interface Opened {
  readonly root: Pickled
  readonly storages: Storages
}

async function openZip(source: Source): Promise<Opened> {
  const entries = await readZip(source)
  const pickles = [...entries.keys()].filter((name) => /(^|\/)data\.pkl$/.test(name))
  if (pickles.length !== 1) refuse(source, `has ${pickles.length} entries data.pkl, a PyTorch file has one.`)
  const folder = pickles[0]!.slice(0, -'data.pkl'.length)
  const order = entries.get(`${folder}byteorder`)
  if (order && order.bytes < 64 && new TextDecoder().decode(await readZipEntry(source, order)) !== 'little')
    refuse(source, 'is of a big-endian machine, which cannot be read.')
  const pickle = entries.get(pickles[0]!)!
  if (pickle.bytes > MAX_PICKLE_BYTES)
    refuse(source, `its pickle has ${pickle.bytes} bytes, too many for a state dict.`)
  const { value: root } = unpickle(await readZipEntry(source, pickle))
  return { root, storages: (ref) => storageInZip(source, entries.get(`${folder}data/${ref.key}`), ref) }
}

async function storageInZip(source: Source, entry: ZipEntry | undefined, ref: StorageRef): Promise<Place> {
  if (!entry) return refuse(source, `has no storage '${ref.key}'.`)
  checkStorage(source, ref, entry.bytes)
  return entry.isStored ? placeOf(source, entry) : readZipEntry(source, entry)
}

const bytesOfStorage = ({ dtype, length }: StorageRef): number => length * (dtype ? bytesOf(dtype) : 1)

function checkStorage(source: Source, ref: StorageRef, bytes: number): void {
  if (bytesOfStorage(ref) > bytes)
    refuse(source, `storage '${ref.key}' needs ${bytesOfStorage(ref)} bytes, but has ${bytes}.`)
}

/** Pickles one after the other (a magic number, the version, the machine, the content, the storages' keys), then the storages in that order. */
async function openLegacy(source: Source): Promise<Opened> {
  // Where the pickles end is known when they have been read.
  const bytes = await source.read(0, Math.min(source.size, MAX_PICKLE_BYTES))
  let at = 0
  const next = (): Pickled => {
    const { value, end }: Unpickled = unpickle(bytes, at)
    at = end
    return value
  }
  const isLegacy = bytes[0] === 0x80 && next() === LEGACY_MAGIC
  if (!isLegacy) refuse(source, 'is neither a zip archive nor the older form of a PyTorch file.')
  const version = next()
  if (version !== LEGACY_VERSION)
    refuse(source, `is of version ${String(version)} of the older form; ${LEGACY_VERSION} is known.`)
  const machine = next()
  if (machine instanceof Map && machine.get('little_endian') === false) refuse(source, 'is of a big-endian machine.')
  const root = next()
  const keys = next()
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string'))
    return refuse(source, 'has no list of its storages.')
  const refs = storagesIn(source, root)
  const places = new Map<string, number>()
  for (const key of keys) {
    const ref = refs.get(key)
    if (!ref || places.has(key)) return refuse(source, `lists the storage '${key}', which no tensor has, or twice.`)
    const length = Number(new DataView((await source.read(at, 8)).buffer).getBigUint64(0, true))
    checkStorage(source, ref, length * (ref.dtype ? bytesOf(ref.dtype) : 1))
    places.set(key, at + 8)
    at += 8 + bytesOfStorage({ ...ref, length })
    if (at > source.size) refuse(source, `ends within the storage '${key}'.`)
  }
  const storages = (ref: StorageRef) =>
    Promise.resolve(places.get(ref.key) ?? refuse(source, `has no storage '${ref.key}'.`))
  return { root, storages }
}

/** Every value below `root` with the path to it, dictionaries and lists left out. */
function* leavesOf(source: Source, root: Pickled): Generator<{ path: readonly string[]; value: Pickled }> {
  const stack: { path: readonly string[]; value: Pickled }[] = [{ path: [], value: root }]
  for (let visited = 0; stack.length > 0; visited++) {
    const top = stack.pop()!
    if (visited > MAX_LEAVES || top.path.length > MAX_DEPTH) refuse(source, 'its dictionaries are nested without end.')
    if (top.value instanceof Map || Array.isArray(top.value)) {
      const items = [...top.value.entries()].map(([key, value]) => ({ path: [...top.path, keyOf(key)], value }))
      if (items.length + visited + stack.length > MAX_LEAVES) refuse(source, 'its dictionaries have too many entries.')
      for (const item of items.reverse()) stack.push(item)
    } else yield top
  }
}

const keyOf = (key: Pickled): string => (typeof key === 'string' || typeof key === 'number' ? String(key) : '?')

function storagesIn(source: Source, root: Pickled): Map<string, StorageRef> {
  const found = new Map<string, StorageRef>()
  for (const { value } of leavesOf(source, root)) {
    const ref = isTensor(value) ? value.storage : null
    const known = ref && found.get(ref.key)
    if (known && known.dtype !== ref.dtype) refuse(source, `storage '${ref.key}' has two dtypes.`)
    if (ref && !known) found.set(ref.key, ref)
  }
  return found
}

const isTensor = (value: Pickled): value is TensorRef =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'tensor'

function partOf(source: Source, root: Pickled, key: string): Pickled {
  let part: Pickled | undefined = root
  for (const name of key === '' ? [] : key.split('.')) {
    const from: Pickled = part
    part = from instanceof Map ? from.get(name) : undefined
    if (part === undefined) {
      const names = from instanceof Map ? [...from.keys()].slice(0, 20).map(keyOf).join(', ') : 'no names'
      return refuse(source, `has no '${key}'; there are: ${names}.`)
    }
  }
  return part
}

function flatten(
  source: Source,
  root: Pickled,
): { tensors: Map<string, TensorRef>; metadata: Record<string, unknown> } {
  const tensors = new Map<string, TensorRef>()
  const metadata = new Map<string, unknown>()
  for (const { path, value } of leavesOf(source, root)) {
    const name = path.join('.')
    if (isTensor(value)) {
      if (tensors.has(name)) refuse(source, `has two tensors '${name}'.`)
      tensors.set(name, value)
    } else metadata.set(name, typeof value === 'object' && value !== null ? '(not shown)' : value)
  }
  return { tensors, metadata: Object.fromEntries(metadata) }
}

/** One past the last element of its storage that a tensor shows. */
const endOf = ({ shape, strides, offset }: TensorRef): number =>
  shape.includes(0) ? offset : shape.reduce((end, size, axis) => end + (size - 1) * strides[axis]!, offset + 1)

const roomOf = ({ storage, dtype }: TensorRef): number => Math.floor(bytesOfStorage(storage) / bytesOf(dtype))

function checkTensor(source: Source, name: string, ref: TensorRef): void {
  const { shape } = ref
  if (shape.length > MAX_RANK)
    refuse(source, `'${name}' has ${shape.length} dimensions, at most ${MAX_RANK} are possible.`)
  if (endOf(ref) > roomOf(ref)) {
    refuse(source, `'${name}' ${showShape(shape)} needs elements up to ${endOf(ref)} of a storage of ${roomOf(ref)}.`)
  }
  if (!isPossibleShape(shape)) refuse(source, `'${name}' has an impossible shape, ${showShape(shape)}.`)
}

/** A stride of 0 makes any size of one element, and any number of tensors can lie at one place: allocations for nothing. */
function checkSharing(source: Source, refs: readonly TensorRef[]): void {
  const stored = new Map(refs.map(({ storage }) => [storage.key, bytesOfStorage(storage)]))
  const room = [...stored.values()].reduce((sum, bytes) => sum + bytes, 0)
  const shown = refs.reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * bytesOf(dtype), 0)
  if (shown > MAX_SHARING * room + MAX_REPEATED_BYTES)
    refuse(source, `its tensors show ${shown} bytes of storages of ${room} bytes.`)
}

async function readTensor(source: Source, storages: Storages, name: string, ref: TensorRef): Promise<Tensor> {
  const { shape, dtype, offset } = ref
  const width = bytesOf(dtype)
  const place = await storages(ref.storage)
  if (isDense(ref) && typeof place === 'number') return tensorAt(source, place + offset * width, shape, dtype, name)
  const [begin, end] = [offset * width, Math.max(offset, endOf(ref)) * width]
  const bytes =
    typeof place === 'number'
      ? await source.read(place + begin, end - begin)
      : new Uint8Array(place.subarray(begin, end))
  const { buffer } = bytes as Uint8Array<ArrayBuffer>
  const dense = isDense(ref) ? buffer : gatherStrided(buffer, dtype, shape, ref.strides)
  checkBooleans(source, name, dtype, dense)
  return fromBuffer(dense, shape, dtype)
}

function isDense({ shape, strides }: TensorRef): boolean {
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis]! > 1 && strides[axis] !== stride) return false
    stride *= shape[axis]!
  }
  return true
}

/** The elements of a strided window that begins at 0, row-major. */
function gatherStrided(buffer: ArrayBuffer, dtype: DType, shape: Shape, strides: readonly number[]): ArrayBuffer {
  const from = arrayOf(dtype, buffer) as Float64Array
  const to = new ArrayBuffer(sizeOf(shape) * bytesOf(dtype))
  const out = arrayOf(dtype, to) as Float64Array
  const index = shape.map(() => 0)
  let at = 0
  for (let i = 0; i < out.length; i++) {
    out[i] = from[at]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      at -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return to
}
