/** @file Models in several safetensors files: `model.safetensors.index.json` says which tensor is where, as transformers writes it. */
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bytesOf } from '../dtype.ts'
import { checkInteger, checkOptions } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import type { TensorLike } from '../ops/table.ts'
import { sizeOf } from '../shape.ts'
import { entriesOf, namedTensors, openSafetensors, saveSafetensors } from './safetensors.ts'
import type { SaveOptions, Tensors } from './safetensors.ts'
import { bytesSource, fileSource, refuse } from './source.ts'
import type { OpenOptions, Source } from './source.ts'
import { TensorFile } from './tensor-file.ts'
import type { TensorInfo } from './tensor-file.ts'
import { writeAside } from './write-aside.ts'

export const SINGLE = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'
const MAX_INDEX_BYTES = 100_000_000
/** A file beside the index: no folders, nothing hidden. */
const SHARD_NAME = /^[^./\\:\0][^/\\:\0]*$/

/** Opens all files that an index names. FORMAT when they do not have what it says. */
export async function openSharded(indexPath: string, options: OpenOptions = {}): Promise<TensorFile> {
  const source = await fileSource('safetensors', indexPath)
  let parsed: ShardIndex
  try {
    parsed = await readIndex(source)
  } finally {
    await source.close()
  }
  const files = new Map<string, TensorFile>()
  const close = async () => {
    for (const file of files.values()) await file.close()
  }
  try {
    for (const name of new Set(parsed.places.values()))
      files.set(name, await openSafetensors(join(dirname(indexPath), name), options))
    const tensors = new Map<string, TensorInfo>()
    for (const [name, place] of parsed.places) {
      const info = files.get(place)!.tensors.get(name)
      if (!info) return refuse(source, `says that '${name}' is in ${place}, but it is not there.`)
      tensors.set(name, info)
    }
    const read = (name: string) => files.get(parsed.places.get(name)!)!.read(name)
    return new TensorFile({ format: 'safetensors', path: indexPath, metadata: parsed.metadata, tensors, read, close })
  } catch (error) {
    await close()
    throw error
  }
}

interface ShardIndex {
  readonly metadata: Readonly<Record<string, unknown>>
  /** The file of each tensor. */
  readonly places: ReadonlyMap<string, string>
}

/** @internal Of bytes, for tests. */
export const parseShardIndex = (bytes: Uint8Array, name: string): Promise<ShardIndex> =>
  readIndex(bytesSource('safetensors', name, bytes))

async function readIndex(source: Source): Promise<ShardIndex> {
  if (source.size > MAX_INDEX_BYTES) refuse(source, `has ${source.size} bytes, too many for an index.`)
  const bytes = await source.read(0, source.size)
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    return refuse(source, `is not JSON: ${(error as Error).message}.`)
  }
  const { weight_map: map, metadata = {} } = (isRecord(json) ? json : {}) as Record<string, unknown>
  if (!isRecord(map) || !isRecord(metadata)) return refuse(source, 'needs a weight_map from names to files.')
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || !SHARD_NAME.test(file))
      refuse(source, `says that '${name}' is in ${JSON.stringify(file)}, which is no file beside it.`)
  }
  return { metadata, places: new Map(Object.entries(map as Record<string, string>)) }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export interface SaveWeightsOptions extends SaveOptions {
  /** A file gets no more than this, unless one tensor has more. Default: 5e9, as transformers. */
  maxShardBytes?: number
  /** Free texts beside the tensors. */
  metadata?: Readonly<Record<string, string>>
}

/** Writes model.safetensors into a folder, or several files and their index; removes what an earlier save left of the other kind. */
export async function saveWeights(folder: string, tensors: Tensors, options: SaveWeightsOptions = {}): Promise<void> {
  checkOptions('saveWeights', options, ['maxShardBytes', 'metadata', 'stream'])
  const { maxShardBytes = 5e9, metadata = { format: 'pt' }, stream = false } = options
  checkInteger('saveWeights', 'maxShardBytes', maxShardBytes, 1)
  const named = stream ? entriesOf(tensors) : namedTensors('saveWeights', tensors)
  // All are what they are now, whichever file they come to.
  if (!stream) await evaluate(...named.map(([, t]) => t))
  const shards = split(named, maxShardBytes)
  const names = shards.map((_, i) => shardName(i + 1, shards.length))
  for (const [i, shard] of shards.entries())
    await saveSafetensors(join(folder, names[i]!), new Map(shard), metadata, { stream })
  if (shards.length > 1) {
    const places = shards.flatMap((shard, i) => shard.map(([name]) => [name, names[i]!] as const))
    const total = shards.flat().reduce((sum, [, t]) => sum + bytesIn(t), 0)
    const items = places.map(([name, file]) => `${JSON.stringify(name)}: ${JSON.stringify(file)}`)
    const text = `{"metadata": {"total_size": ${total}}, "weight_map": {\n${items.join(',\n')}\n}}\n`
    await writeAside(join(folder, INDEX), [new TextEncoder().encode(text)])
  } else await rm(join(folder, INDEX), { force: true })
  const isOlder = (name: string) => /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name) && !names.includes(name)
  for (const name of await readdir(folder)) if (isOlder(name)) await rm(join(folder, name))
}

const shardName = (number: number, of: number): string => {
  const digits = (n: number) => String(n).padStart(5, '0')
  return of === 1 ? SINGLE : `model-${digits(number)}-of-${digits(of)}.safetensors`
}

const bytesIn = ({ shape, dtype }: TensorInfo): number => sizeOf(shape) * bytesOf(dtype)

function split(named: readonly [string, TensorLike][], most: number): (readonly [string, TensorLike])[][] {
  const shards: (readonly [string, TensorLike])[][] = [[]]
  let bytes = 0
  for (const item of named) {
    const own = bytesIn(item[1])
    if (bytes > 0 && bytes + own > most) {
      shards.push([])
      bytes = 0
    }
    shards[shards.length - 1]!.push(item)
    bytes += own
  }
  return shards
}
