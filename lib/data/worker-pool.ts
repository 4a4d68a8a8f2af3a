/** @file The workers of a DataLoader: started when first needed, given requests, never in the way of the process's end. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { TenonError } from '../errors.ts'
import type { BatchRequest, LoadedBatch } from './load-batch.ts'
import { errorOf, unpackBatch } from './worker-messages.ts'
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-messages.ts'

interface Waiting {
  readonly indices: ArrayLike<number>
  readonly resolve: (loaded: LoadedBatch) => void
  readonly reject: (error: unknown) => void
}

interface Member {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
}

/** Threads that load batches. What a batch holds does not depend on which of them loads it. */
export class WorkerPool {
  readonly #size: number
  readonly #setup: WorkerSetup
  #members: Member[] = []
  #nextId = 0

  constructor(size: number, setup: WorkerSetup) {
    this.#size = size
    this.#setup = setup
  }

  /** Has the least busy worker load a batch. */
  load({ seed, epoch, indices }: BatchRequest): Promise<LoadedBatch> {
    while (this.#members.length < this.#size) this.#start()
    const member = this.#members.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a))
    const request: WorkerRequest = { id: this.#nextId++, seed, epoch, indices: Int32Array.from(indices) }
    return new Promise((resolve, reject) => {
      // Only a worker that somebody waits for keeps the process alive.
      if (member.waiting.size === 0) member.worker.ref()
      member.waiting.set(request.id, { indices, resolve, reject })
      member.worker.postMessage(request)
    })
  }

  /** Ends the workers. What they were loading fails with ABORTED. */
  async close(): Promise<void> {
    const members = this.#members
    this.#members = []
    for (const { waiting } of members)
      rejectAll(waiting, () => new TenonError('ABORTED', 'DataLoader', 'the loader was closed.'))
    await Promise.all(members.map(({ worker }) => worker.terminate()))
  }

  #start(): void {
    const member: Member = { worker: startWorker(this.#setup), waiting: new Map() }
    const { worker, waiting } = member
    worker.unref()
    worker.on('message', (reply: WorkerReply) => {
      const one = waiting.get(reply.id)
      // Sent before the loader was closed.
      if (!one) return
      waiting.delete(reply.id)
      if (waiting.size === 0) worker.unref()
      if ('error' in reply) one.reject(errorOf(reply.error))
      else one.resolve(unpackBatch(reply))
    })
    worker.on('error', (error) => this.#bury(member, error.message, error))
    worker.on('exit', (code) => this.#bury(member, `it exited with code ${code}`))
    this.#members.push(member)
  }

  /** A worker that is no more: what it was loading fails, the next request starts another. */
  #bury(member: Member, reason: string, cause?: unknown): void {
    this.#members = this.#members.filter((other) => other !== member)
    const code = (cause as { code?: string })?.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'MEMORY' : 'NATIVE'
    rejectAll(member.waiting, ({ indices }) => {
      const samples = Array.from(indices).slice(0, 8).join(', ')
      return new TenonError(
        code,
        'DataLoader',
        `a worker ended while it loaded the samples ${samples}${indices.length > 8 ? ', ...' : ''}: ${reason}.`,
        { cause },
      )
    })
  }
}

function rejectAll(waiting: Map<number, Waiting>, errorFor: (one: Waiting) => TenonError): void {
  for (const one of waiting.values()) one.reject(errorFor(one))
  waiting.clear()
}

/** TypeScript in a worker: newer Nodes read it by themselves, older ones where tsx runs the program, whose hooks stay outside of workers. */
function startWorker(setup: WorkerSetup): Worker {
  const isSource = import.meta.url.endsWith('.ts')
  const entry = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url)
  const modules = [entry.href, ...[setup.dataset, setup.transform, setup.collate].map((source) => source?.module ?? '')]
  const typed = modules.find((module) => /\.[cm]?ts$/.test(module))
  const hooks = typed && !('typescript' in process.features && process.features.typescript) ? findTsx(typed) : null
  if (!hooks) return new Worker(entry, { workerData: { setup } })
  const code = `import(${JSON.stringify(hooks)}).then(({ register }) => (register(), import(${JSON.stringify(entry.href)})))`
  return new Worker(code, { eval: true, workerData: { setup } })
}

/** The module of tsx that registers its hooks, as seen from a file; null where it is not installed. */
function findTsx(file: string): string | null {
  try {
    // The module beside what require() would get: that one does not find its own hooks when it is imported.
    return pathToFileURL(
      createRequire(file)
        .resolve('tsx/esm/api')
        .replace(/\.cjs$/, '.mjs'),
    ).href
  } catch {
    return null
  }
}
