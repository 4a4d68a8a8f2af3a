/** @file Writes GGUF files for tests, true and lying ones. */

export const kinds = { f32: 0, f16: 1, q4_0: 2, q8_0: 8, q4_K: 12, q6_K: 14, bf16: 30 }

type Value = number | boolean | string | { type: number; values: readonly Value[]; length?: number }
export type Item = readonly [key: string, type: number, value: Value]

export interface Stored {
  readonly name: string
  /** The fastest axis first. */
  readonly sizes: readonly number[]
  readonly type: number
  readonly data: Uint8Array
  /** Where it says that its data is; default: where it is. */
  readonly offset?: number
}

const ALIGNMENT = 32

export function ggufFile(metadata: readonly Item[], tensors: readonly Stored[], version = 3): Uint8Array {
  const bytes: number[] = [0x47, 0x47, 0x55, 0x46]
  const number = (width: number, set: (view: DataView) => void) => {
    const view = new DataView(new ArrayBuffer(width))
    set(view)
    bytes.push(...new Uint8Array(view.buffer))
  }
  const u32 = (n: number) => number(4, (view) => view.setUint32(0, n, true))
  const u64 = (n: number) => number(8, (view) => view.setBigUint64(0, BigInt(n), true))
  const text = (s: string) => {
    const encoded = new TextEncoder().encode(s)
    u64(encoded.length)
    bytes.push(...encoded)
  }
  const writers: Record<number, (value: never) => void> = {
    0: (n: number) => bytes.push(n),
    1: (n: number) => bytes.push(n & 255),
    2: (n: number) => number(2, (view) => view.setUint16(0, n, true)),
    3: (n: number) => number(2, (view) => view.setInt16(0, n, true)),
    4: u32,
    5: (n: number) => number(4, (view) => view.setInt32(0, n, true)),
    6: (n: number) => number(4, (view) => view.setFloat32(0, n, true)),
    7: (b: boolean) => bytes.push(Number(b)),
    8: text,
    9: (list: { type: number; values: never[]; length?: number }) => {
      u32(list.type)
      u64(list.length ?? list.values.length)
      list.values.forEach(writers[list.type]!)
    },
    10: u64,
    12: (n: number) => number(8, (view) => view.setFloat64(0, n, true)),
  }
  u32(version)
  u64(tensors.length)
  u64(metadata.length)
  for (const [key, type, value] of metadata) {
    text(key)
    u32(type)
    writers[type]?.(value as never)
  }
  let offset = 0
  const align = (n: number) => Math.ceil(n / ALIGNMENT) * ALIGNMENT
  for (const t of tensors) {
    text(t.name)
    u32(t.sizes.length)
    t.sizes.forEach(u64)
    u32(t.type)
    u64(t.offset ?? offset)
    offset = align(offset + t.data.length)
  }
  const start = align(bytes.length)
  const file = new Uint8Array(start + offset)
  file.set(bytes)
  offset = start
  for (const { data } of tensors) {
    file.set(data, offset)
    offset = align(offset + data.length)
  }
  return file
}
