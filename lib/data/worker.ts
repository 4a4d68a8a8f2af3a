/** @file What runs in a worker of the DataLoader: makes its own dataset, answers requests for batches. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../errors.ts'
import { stack } from './collate.ts'
import type { Dataset } from './dataset.ts'
import { loadBatch } from './load-batch.ts'
import type { BatchMaker } from './load-batch.ts'
import { make } from './module-source.ts'
import type { ModuleSource } from './module-source.ts'
import { packBatch, plainError } from './worker-messages.ts'
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-messages.ts'

assert(parentPort, 'internal: this file runs in a worker')
const port = parentPort
const maker = prepare((workerData as { setup: WorkerSetup }).setup)
// Told with each request.
maker.catch(() => {})

port.on('message', (request: WorkerRequest) => void answer(request))

async function prepare({ dataset, transform, collate, skips }: WorkerSetup): Promise<BatchMaker> {
  const functionOf = async (source: ModuleSource | undefined) => source && ((await make(source)) as never)
  return {
    dataset: (await make(dataset)) as Dataset,
    transform: await functionOf(transform),
    collate: (await functionOf(collate)) ?? stack,
    skips,
  }
}

async function answer(request: WorkerRequest): Promise<void> {
  try {
    const { reply, buffers } = await packBatch(request.id, await loadBatch(await maker, request))
    port.postMessage(reply, buffers)
  } catch (error) {
    port.postMessage({ id: request.id, error: plainError(error) } satisfies WorkerReply)
  }
}
