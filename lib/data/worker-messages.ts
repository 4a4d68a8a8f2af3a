/** @file What the loader and its workers say to each other: setup, requests, replies. Only plain data and buffers that change hands. */
import { evaluate } from '../engine/evaluate.ts'
import { TenonError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { copyArray, isFresh, isNdArray, mapLeaves, markFresh, tensorsOf, viewOf } from './arrays.ts'
import type { NdArray } from './arrays.ts'
import type { BatchRequest, LoadedBatch } from './load-batch.ts'
import type { ModuleSource } from './module-source.ts'

/** What a worker is started with. */
export interface WorkerSetup {
  readonly dataset: ModuleSource
  readonly transform: ModuleSource | undefined
  readonly collate: ModuleSource | undefined
  readonly skips: boolean
}

export interface WorkerRequest extends BatchRequest {
  readonly id: number
}

/** An error as plain data: a clone would lose its class and code. */
export interface PlainError {
  readonly code: ErrorCode
  readonly op: string
  readonly message: string
  readonly stack: string
}

export type WorkerReply =
  | { readonly id: number; readonly batch: unknown; readonly skipped: readonly PlainError[] }
  | { readonly id: number; readonly error: PlainError }

export function plainError(error: unknown): PlainError {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  if (!(error instanceof TenonError))
    return { code: 'VALUE', op: 'DataLoader', message: error instanceof Error ? error.message : String(error), stack }
  return { code: error.code, op: error.op, message: error.message.slice(error.op.length + 2), stack }
}

/** The error again, with the worker's own stack as its cause. */
export function errorOf({ code, op, message, stack }: PlainError): TenonError {
  return new TenonError(code, op, message, { cause: stack ? `in a worker: ${stack}` : undefined })
}

/** The reply with a batch, and the buffers that change hands with it. */
export async function packBatch(
  id: number,
  { batch, skipped }: LoadedBatch,
): Promise<{ reply: WorkerReply; buffers: ArrayBuffer[] }> {
  const tensors = tensorsOf(batch)
  if (tensors.length > 0) await evaluate(...tensors)
  const buffers = new Set<ArrayBuffer>()
  const give = (array: NdArray): NdArray => {
    const own = isFresh(array) ? array : copyArray(array)
    buffers.add(own.data.buffer as ArrayBuffer)
    return own
  }
  const packed = mapLeaves(batch, (leaf) => {
    return leaf instanceof Tensor || isNdArray(leaf) ? give(viewOf(leaf)!) : leaf
  })
  return { reply: { id, batch: packed, skipped: skipped.map(plainError) }, buffers: [...buffers] }
}

/** The batch of a reply: its buffers are nobody else's. */
export function unpackBatch(reply: Extract<WorkerReply, { batch: unknown }>): LoadedBatch {
  mapLeaves(reply.batch, (leaf) => isNdArray(leaf) && markFresh(leaf))
  return { batch: reply.batch, skipped: reply.skipped.map(errorOf) }
}
