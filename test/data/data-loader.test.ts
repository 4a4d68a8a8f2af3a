/** @file DataLoader on this thread: batches, orders, resuming, prefetch, transforms, bad samples, streams. */
import { data, evaluate, manualSeed, rand, Tensor, tensor, TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('data loader')

const numbers = (n: number) => new data.ArrayDataset(Array.from({ length: n }, (_, i) => i))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function epochOf(loader: AsyncIterable<unknown>): Promise<unknown[]> {
  const batches: unknown[] = []
  for await (const batch of loader) batches.push(await plain(batch))
  return batches
}

const plain = async (x: unknown): Promise<unknown> =>
  x instanceof Tensor ? x.toArray() : Array.isArray(x) ? Promise.all(x.map(plain)) : x

async function failure(work: Promise<unknown> | (() => unknown)): Promise<TenonError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    return error as TenonError
  }
  throw new Error('nothing was thrown')
}

test('batches in order, the last one short or left out; length says how many', async () => {
  const loader = new data.DataLoader(numbers(5), { batchSize: 2 })
  assert.is(loader.length, 3)
  assert.equal(await epochOf(loader), [[0, 1], [2, 3], [4]])
  const whole = new data.DataLoader(numbers(5), { batchSize: 2, dropLast: true })
  assert.is(whole.length, 2)
  assert.equal(await epochOf(whole), [
    [0, 1],
    [2, 3],
  ])
  assert.equal(await epochOf(new data.DataLoader(numbers(0))), [])
})

test('batches are evaluated leaves of the right dtype', async () => {
  const loader = new data.DataLoader([[Float32Array.of(1, 2), data.label(3)]] as [Float32Array, data.NdArray][])
  for await (const [x, y] of loader) {
    assert.ok(x instanceof Tensor && x.value !== null && x.inputs.length === 0)
    assert.equal([x.shape, x.dtype, y.shape, y.dtype], [[1, 2], 'f32', [1], 'i32'])
  }
})

test('shuffle: an order for each epoch, by seed; manualSeed is the default seed', async () => {
  const make = (seed?: number) =>
    new data.DataLoader(numbers(20), { batchSize: 5, shuffle: true, ...(seed === undefined ? {} : { seed }) })
  const loader = make(1)
  const [first, second] = [await epochOf(loader), await epochOf(loader)]
  assert.not.equal(first, second)
  assert.equal(
    (first.flat() as number[]).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i),
  )
  const again = make(1)
  assert.equal([await epochOf(again), await epochOf(again)], [first, second])
  assert.not.equal(await epochOf(make(2)), first)
  manualSeed(1)
  assert.equal(await epochOf(make()), first)
  manualSeed(0)
})

for (const prefetch of [0, 1, 2, 7]) {
  test(`state and load: go on in the middle of an epoch, bit for bit; prefetch ${prefetch}`, async () => {
    const noisy = (x: number, { random }: data.SampleContext) => x + random.uniform()
    const make = () =>
      new data.DataLoader(numbers(23), { batchSize: 4, shuffle: true, seed: 9, prefetch, transform: noisy })
    const full = make()
    const epochs = [await epochOf(full), await epochOf(full)]
    for (const [epoch, batch] of [
      [0, 0],
      [0, 3],
      [1, 5],
      [1, 6],
    ] as const) {
      const loader = make()
      loader.load({ epoch, batch })
      assert.equal(await epochOf(loader), epochs[epoch]!.slice(batch), `${epoch}, ${batch}`)
      assert.equal(loader.state(), { epoch: epoch + 1, batch: 0 })
    }
  })
}

test('state: the batch after the one in hand, whatever is prefetched; an epoch left early is over', async () => {
  const loader = new data.DataLoader(numbers(6), { batchSize: 2, prefetch: 3 })
  assert.equal([loader.state(), loader.epoch], [{ epoch: 0, batch: 0 }, 0])
  const seen: unknown[] = []
  for await (const _ of loader) {
    await pause(2)
    seen.push(loader.state())
  }
  assert.equal(seen, [
    { epoch: 0, batch: 1 },
    { epoch: 0, batch: 2 },
    { epoch: 0, batch: 3 },
  ])
  assert.equal(loader.state(), { epoch: 1, batch: 0 })
  for await (const _ of loader) break
  assert.equal(loader.state(), { epoch: 1, batch: 1 })
  const resumed = new data.DataLoader(numbers(6), { batchSize: 2 })
  resumed.load(loader.state())
  assert.equal(await epochOf(resumed), [
    [2, 3],
    [4, 5],
  ])
  assert.is((await epochOf(loader)).length, 3)
  assert.equal(loader.state(), { epoch: 3, batch: 0 })
  assert.is((await failure(() => loader.load({ epoch: 0, batch: 4 }))).code, 'VALUE')
})

test('prefetch: the next batches are loaded while one is used, no more than asked for', async () => {
  let begun = 0
  const dataset = { length: 20, get: (i: number) => (begun++, i) }
  for await (const _ of new data.DataLoader(dataset, { batchSize: 1, prefetch: 3 })) {
    await pause(20)
    assert.is(begun, 4)
    break
  }
  begun = 0
  for await (const _ of new data.DataLoader(dataset, { batchSize: 1, prefetch: 0 })) {
    await pause(5)
    assert.is(begun, 1)
    break
  }
})

test('prefetch: loading overlaps the work on a batch; waitSeconds is what is left', async () => {
  const slow = { length: 6, get: (i: number) => pause(30).then(() => i) }
  const time = async (prefetch: number) => {
    const loader = new data.DataLoader(slow, { batchSize: 1, prefetch })
    const start = performance.now()
    for await (const _ of loader) await pause(30)
    return { seconds: (performance.now() - start) / 1000, wait: loader.waitSeconds }
  }
  const [without, ahead] = [await time(0), await time(2)]
  assert.ok(without.wait >= 0.17, `waits for each: ${without.wait}`)
  assert.ok(ahead.wait < 0.6 * without.wait, `${ahead.wait} of ${without.wait}`)
  assert.ok(ahead.seconds < without.seconds, `${ahead.seconds} of ${without.seconds}`)
})

test('samplers: decide the order; indices outside are refused', async () => {
  const sampler = { length: 3, order: () => [2, 2, 0] }
  const loader = new data.DataLoader(numbers(3), { batchSize: 2, sampler })
  assert.equal(await epochOf(loader), [[2, 2], [0]])
  assert.is((await failure(() => new data.DataLoader(numbers(3), { sampler, shuffle: true }))).code, 'VALUE')
  const outside = new data.DataLoader(numbers(2), { sampler })
  assert.is((await failure(epochOf(outside))).code, 'INDEX')
  const liar = new data.DataLoader(numbers(3), { sampler: { length: 2, order: () => [0] } })
  assert.match((await failure(epochOf(liar))).message, 'says 2 samples and gave 1')
})

test('TensorDataset: whole batches without asking for samples; a transform asks for each', async () => {
  const dataset = new data.TensorDataset(
    tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    tensor(Int32Array.of(0, 1, 2)),
  )
  let gets = 0
  const counted = Object.assign(Object.create(dataset) as typeof dataset, {
    length: 3,
    get: (i: number) => (gets++, dataset.get(i)),
    batch: (indices: ArrayLike<number>) => dataset.batch(indices),
  })
  assert.equal(await epochOf(new data.DataLoader(counted, { batchSize: 2 })), [
    [
      [
        [1, 2],
        [3, 4],
      ],
      [0, 1],
    ],
    [[[5, 6]], [2]],
  ])
  assert.is(gets, 0)
  const loader = new data.DataLoader(dataset, {
    batchSize: 3,
    transform: ([x, y]) => [x.data[0] as number, y] as const,
  })
  assert.equal(await epochOf(loader), [
    [
      [1, 3, 5],
      [0, 1, 2],
    ],
  ])
})

test("collate: arrays, tensors and texts of one's own; what the function keeps is copied", async () => {
  const kept = new Float32Array(2)
  const collate = (samples: number[]) => {
    kept.set(samples)
    return { x: kept, y: tensor(samples).mul(2), z: samples.map(String) }
  }
  const batches: { x: Tensor; y: Tensor; z: string[] }[] = []
  for await (const batch of new data.DataLoader(numbers(4), { batchSize: 2, collate })) batches.push(batch)
  assert.equal(await Promise.all(batches.map((batch) => batch.x.toArray())), [
    [0, 1],
    [2, 3],
  ])
  assert.ok(batches[1]!.y.value !== null, 'lazy tensors come evaluated')
  assert.equal(await batches[1]!.y.toArray(), [4, 6])
  assert.equal(batches[1]!.z, ['2', '3'])
})

test("transformBatch: tensors in, evaluated ahead; its random numbers are the batch's own", async () => {
  const make = (prefetch: number) =>
    new data.DataLoader(numbers(6), { batchSize: 2, seed: 4, prefetch, transformBatch: (x) => x.add(rand([2])) })
  manualSeed(5)
  const first = await epochOf(make(2))
  const position = await rand([1]).toArray()
  manualSeed(5)
  assert.equal(await rand([1]).toArray(), position, 'the loader did not use up numbers of the user')
  manualSeed(6)
  const resumed = make(0)
  resumed.load({ epoch: 0, batch: 1 })
  assert.equal(await epochOf(resumed), first.slice(1))
  for await (const x of make(1)) assert.ok(x.value !== null)
  manualSeed(0)
})

test('samples of tensors that are not evaluated are', async () => {
  const dataset = new data.MapDataset(
    numbers(3),
    (i) => [tensor([i, i]).mul(2), data.label(i)] as [Tensor, data.NdArray],
  )
  assert.equal(await epochOf(new data.DataLoader(dataset, { batchSize: 3 })), [
    [
      [
        [0, 0],
        [2, 2],
        [4, 4],
      ],
      [0, 1, 2],
    ],
  ])
})

const spoilt = (bad: readonly number[]): data.Dataset<number> => ({
  length: 6,
  get: (i) => (bad.includes(i) ? Promise.reject(new Error('spoilt milk')) : i),
  nameOf: (i) => `carton-${i}`,
})

test('onError throw: names sample, file and reason, and keeps the cause', async () => {
  const error = await failure(epochOf(new data.DataLoader(spoilt([3]), { batchSize: 2 })))
  assert.is(error.code, 'VALUE')
  assert.is(error.message, 'DataLoader: sample 3 (carton-3) cannot be loaded: spoilt milk')
  assert.is((error.cause as Error).message, 'spoilt milk')
  const bad = new data.DataLoader(numbers(3), { transform: (x) => (x === 1 ? JSON.parse('{') : x) as number })
  assert.match((await failure(epochOf(bad))).message, /sample 1 cannot be loaded: .*JSON/)
})

test('onError throw: batches before the bad one come, the process lives, the loader can go on', async () => {
  const loader = new data.DataLoader(spoilt([3]), { batchSize: 2, prefetch: 3 })
  const seen: unknown[] = []
  const run = async () => {
    for await (const batch of loader) seen.push(await plain(batch))
  }
  await failure(run())
  assert.equal(seen, [[0, 1]])
  assert.equal(loader.state(), { epoch: 0, batch: 1 })
  await pause(5)
})

test('onError skip: the sample is left out, an empty batch is no batch; a function is told', async () => {
  const loader = new data.DataLoader(spoilt([1, 4, 5]), { batchSize: 2, onError: 'skip' })
  assert.equal(await epochOf(loader), [[0], [2, 3]])
  assert.is(loader.numSkipped, 3)
  const told: string[] = []
  const telling = new data.DataLoader(spoilt([2]), { batchSize: 3, onError: (error) => told.push(error.message) })
  assert.equal(await epochOf(telling), [
    [0, 1],
    [3, 4, 5],
  ])
  assert.equal(told, ['DataLoader: sample 2 (carton-2) cannot be loaded: spoilt milk'])
})

test('onError skip: also where the dataset makes whole batches', async () => {
  const dataset = { ...spoilt([1]), batch: () => Promise.reject(new Error('as a whole')) }
  const loader = new data.DataLoader(dataset, { batchSize: 6, onError: 'skip' })
  assert.equal(await epochOf(loader), [[0, 2, 3, 4, 5]])
  const error = await failure(epochOf(new data.DataLoader(dataset, { batchSize: 6 })))
  assert.is(error.message, 'DataLoader: no batch of the samples 0, 1, 2, 3, 4, 5: as a whole')
})

test('samples that do not go together: the message names batch and shapes', async () => {
  const dataset = new data.ArrayDataset([new Float32Array(2), new Float32Array(3)])
  const error = await failure(epochOf(new data.DataLoader(dataset)))
  assert.is(error.code, 'SHAPE')
  assert.match(error.message, 'no batch of the samples 0, 1: stack: samples must have one shape, got [2]')
})

test('streams: batches of any iterable, anew each epoch; no length', async () => {
  const loader = new data.DataLoader(
    async function* () {
      for (let i = 0; i < 5; i++) yield i
    },
    { batchSize: 2 },
  )
  assert.is(loader.length, undefined)
  assert.equal(await epochOf(loader), [[0, 1], [2, 3], [4]])
  assert.equal(await epochOf(loader), [[0, 1], [2, 3], [4]])
  assert.equal(await epochOf(new data.DataLoader(new Set([1, 2, 3]), { batchSize: 2, dropLast: true })), [[1, 2]])
})

test('streams: shuffled within a buffer by (seed, epoch), resumed bit for bit', async () => {
  const noisy = (x: number, { random }: data.SampleContext) => x + random.uniform()
  const make = () =>
    new data.DataLoader(
      function* () {
        for (let i = 0; i < 40; i++) yield i
      },
      { batchSize: 4, shuffle: true, shuffleBuffer: 10, seed: 2, transform: noisy },
    )
  const loader = make()
  const epochs = [await epochOf(loader), await epochOf(loader)] as number[][][]
  assert.not.equal(epochs[0], epochs[1])
  assert.equal(
    epochs[0]!
      .flat()
      .map(Math.floor)
      .sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, i) => i),
  )
  const resumed = make()
  resumed.load({ epoch: 1, batch: 6 })
  assert.equal(await epochOf(resumed), epochs[1]!.slice(6))
})

test('streams: errors come at their batch, the source is closed when the loop is left', async () => {
  let isClosed = false
  const source = async function* () {
    try {
      for (let i = 0; i < 100; i++) {
        if (i === 5) throw new TenonError('FORMAT', 'mine', 'row 5 is short.')
        yield i
      }
    } finally {
      isClosed = true
    }
  }
  const seen: unknown[] = []
  const run = async () => {
    for await (const batch of new data.DataLoader(source, { batchSize: 2 })) seen.push(await plain(batch))
  }
  assert.match((await failure(run())).message, 'row 5 is short')
  assert.equal(seen, [
    [0, 1],
    [2, 3],
  ])
  isClosed = false
  for await (const _ of new data.DataLoader(source, { batchSize: 2, prefetch: 0 })) break
  await pause(5)
  assert.ok(isClosed)
})

test("streams: a bad sample is thrown or left out by the transform's error", async () => {
  const transform = (x: number) => {
    if (x === 2) throw new Error('no twos')
    return x
  }
  assert.equal(
    await epochOf(new data.DataLoader(new Set([0, 1, 2, 3]), { batchSize: 2, transform, onError: 'skip' })),
    [[0, 1], [3]],
  )
  assert.match(
    (await failure(epochOf(new data.DataLoader(new Set([2]), { transform })))).message,
    'sample 0 cannot be loaded: no twos',
  )
})

test('what the constructor refuses', async () => {
  const refuse = async (options: object, code: string) =>
    assert.is((await failure(() => new data.DataLoader(numbers(2), options))).code, code, JSON.stringify(options))
  await refuse({ batchsize: 2 }, 'OPTION')
  await refuse({ batchSize: 0 }, 'VALUE')
  await refuse({ prefetch: -1 }, 'VALUE')
  await refuse({ seed: 0.5 }, 'VALUE')
  await refuse({ onError: 'ignore' }, 'VALUE')
  await refuse({ workers: 1 }, 'VALUE')
  assert.is((await failure(() => new data.DataLoader(3 as never))).code, 'VALUE')
  assert.is((await failure(() => new data.DataLoader(new Set([1]), { workers: 1 }))).code, 'VALUE')
  assert.is(
    (await failure(() => new data.DataLoader(new Set([1]), { sampler: data.sequentialSampler(1) }))).code,
    'VALUE',
  )
})

test('the event loop turns between batches, and a training loop runs on the loader', async () => {
  const w = tensor([[1], [2]])
  const x = tensor(
    Float32Array.from({ length: 200 }, (_, i) => i / 200),
    { shape: [100, 2] },
  )
  await evaluate(w, x)
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  let total = 0
  for await (const [batch] of new data.DataLoader(new data.TensorDataset(x), { batchSize: 10, shuffle: true })) {
    total += await batch.matmul(w).sum().item()
    await pause(1)
  }
  clearInterval(timer)
  assert.ok(turns > 5)
  assert.ok(Math.abs(total - (await x.matmul(w).sum().item())) < 1e-3)
})
