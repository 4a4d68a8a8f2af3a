/** @file What PyTorch's side writes, read without tenon: safetensors of f32 and i64. */

export interface GivenTensor {
  readonly data: Float32Array | BigInt64Array
  readonly shape: readonly number[]
}

interface Entry {
  readonly dtype: string
  readonly shape: number[]
  readonly data_offsets: [from: number, to: number]
}

export function readTensors(file: Buffer): Record<string, GivenTensor> {
  const start = 8 + Number(file.readBigUInt64LE())
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<string, Entry>
  const tensors = Object.entries(header).map(
    ([
      key,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]): [string, GivenTensor] => {
      // A copy, for arrays of numbers begin at multiples of their size.
      const { buffer } = new Uint8Array(file.subarray(start + from, start + to))
      return [key, { shape, data: dtype === 'I64' ? new BigInt64Array(buffer) : new Float32Array(buffer) }]
    },
  )
  return Object.fromEntries(tensors)
}
