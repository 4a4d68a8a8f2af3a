/** @file DataLoader with worker_threads: the same batches as without, buffers that change hands, errors, ends of workers. */
import { data } from 'tenon'
import type { Tensor, TenonError } from 'tenon'
import { threadId } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('data loader workers')

type Pair = [data.NdArray, data.NdArray]

const modules = new URL('./worker-modules.ts', import.meta.url)
const pairs = (options: { length: number; bad?: number; fatal?: number }) =>
  data.fromModule<data.Dataset<Pair>>(modules, 'makePairs', options)

async function epochOf(loader: AsyncIterable<unknown>): Promise<unknown[]> {
  const batches: unknown[] = []
  for await (const batch of loader) batches.push(await Promise.all((batch as Tensor[]).map((t) => t.toArray())))
  return batches
}

const failure = (work: Promise<unknown>): Promise<TenonError> =>
  work.then(
    () => assert.unreachable('nothing was thrown') as never,
    (error: TenonError) => error,
  )

test('the same batches in the same order as without workers, resumed too', async () => {
  const dataset = await pairs({ length: 21 })
  const transform = await data.fromModule<(sample: Pair, context: data.SampleContext) => Pair>(modules, 'makeNoise', {
    scale: 0.5,
  })
  const make = (workers: number) =>
    new data.DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 3, transform, workers })
  const [alone, many] = [make(0), make(2)]
  const expected = [await epochOf(alone), await epochOf(alone)]
  assert.equal([await epochOf(many), await epochOf(many)], expected)
  many.load({ epoch: 1, batch: 2 })
  assert.equal(await epochOf(many), expected[1]!.slice(2))
  await many.close()
})

test('workers load, not this thread; several at a time', async () => {
  const dataset = await data.fromModule<data.Dataset<number>>(modules, 'Threads', { length: 12 })
  const loader = new data.DataLoader(dataset, { batchSize: 1, workers: 2 })
  const threads = new Set<number>()
  for await (const x of loader) threads.add(await x.item())
  assert.not.ok(threads.has(threadId))
  assert.is(threads.size, 2)
  await loader.close()
})

test('collate: padded, and a function that keeps its array', async () => {
  const dataset = await pairs({ length: 4 })
  const lengths: unknown[] = []
  const loader = new data.DataLoader(dataset, {
    batchSize: 2,
    workers: 1,
    collate: data.padded({ multipleOf: 4 }) as (samples: Pair[]) => [data.NdArray, data.NdArray, data.NdArray],
  })
  for await (const [x, y, n] of loader) lengths.push(x.shape, y.shape, await n.toArray())
  assert.equal(lengths, [[2, 4], [2], [2, 2], [2, 4], [2], [2, 2]])
  await loader.close()
  const collate = await data.fromModule<(samples: Pair[]) => { sum: Float32Array; count: string }>(modules, 'makeSum')
  const sums: unknown[] = []
  const summing = new data.DataLoader(dataset, { batchSize: 2, workers: 1, collate })
  for await (const { sum, count } of summing) sums.push(await sum.toArray(), count)
  assert.equal(sums, [[1, 2], '2', [5, 6], '2'])
  await summing.close()
})

test('subset, split and concat of what workers can make go into workers', async () => {
  const dataset = await pairs({ length: 6 })
  const [train] = data.split(data.concat(dataset, dataset), [0.5], { seed: 1 })
  const make = (workers: number) => new data.DataLoader(train!, { batchSize: 3, workers })
  const loader = make(1)
  assert.equal(await epochOf(loader), await epochOf(make(0)))
  await loader.close()
})

test("a bad sample: the error names sample and file, with code and the worker's stack; or it is left out", async () => {
  const dataset = await pairs({ length: 6, bad: 3 })
  const loader = new data.DataLoader(dataset, { batchSize: 2, workers: 2 })
  const error = await failure(epochOf(loader))
  assert.is(error.code, 'VALUE')
  assert.is(error.message, 'DataLoader: sample 3 (carton-3) cannot be loaded: spoilt milk')
  assert.match(String(error.cause), 'in a worker')
  await loader.close()
  const told: string[] = []
  const skipping = new data.DataLoader(dataset, { batchSize: 2, workers: 2, onError: (e) => told.push(e.message) })
  assert.is((await epochOf(skipping)).length, 3)
  assert.equal([told.length, skipping.numSkipped], [1, 1])
  assert.match(told[0]!, 'sample 3 (carton-3)')
  await skipping.close()
})

test('a worker that ends: the error says what it was loading; others go on when asked again', async () => {
  const dataset = await pairs({ length: 6, fatal: 2 })
  const loader = new data.DataLoader(dataset, { batchSize: 2, workers: 1, prefetch: 0 })
  const error = await failure(epochOf(loader))
  assert.is(error.code, 'NATIVE')
  assert.match(error.message, 'a worker ended while it loaded the samples 2, 3: it exited with code 7')
  loader.load({ epoch: 0, batch: 2 })
  assert.is((await epochOf(loader)).length, 1)
  await loader.close()
})

test('close: what was under way fails with ABORTED, the loader can be used again', async () => {
  const dataset = await pairs({ length: 400 })
  const loader = new data.DataLoader(dataset, { batchSize: 2, workers: 1 })
  const run = async () => {
    for await (const _ of loader) void loader.close()
  }
  assert.is((await failure(run())).code, 'ABORTED')
  loader.load({ epoch: 0, batch: 199 })
  assert.equal((await epochOf(loader)).length, 1)
  await loader[Symbol.asyncDispose]()
})

test('functions and datasets that cannot cross threads are refused with the cure', () => {
  const refuse = (make: () => unknown) => {
    try {
      make()
    } catch (error) {
      return (error as Error).message
    }
    return 'nothing was thrown'
  }
  assert.match(
    refuse(() => new data.DataLoader([1], { workers: 1 })),
    /cannot make the dataset .*fromModule/,
  )
  const own = data.subset(new data.ArrayDataset([1]), [0])
  assert.match(
    refuse(() => new data.DataLoader(own, { workers: 1 })),
    'the dataset',
  )
})

test('an idle loader with workers does not keep the process alive', async () => {
  const loader = new data.DataLoader(await pairs({ length: 4 }), { batchSize: 2, workers: 1 })
  for await (const _ of loader) break
})
