/** @file A worker_thread that runs a TypeScript file: tsx's hooks do not reach workers by themselves on Node 20. */
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Like `new Worker(url, options)`, for a .ts file.
 * @param url from `new URL('./file.ts', import.meta.url)`
 */
export function startWorker(url: URL, options: WorkerOptions = {}): Worker {
  const code = `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(url.href)})))`
  return new Worker(code, { ...options, eval: true })
}
