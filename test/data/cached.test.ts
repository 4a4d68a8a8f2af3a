/** @file cached: each sample is read once, copies are given, and there is a limit. */
import { data, TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('cached')

/** Counts how often each sample is read; sample i is [i, i + 1]. */
function counting(length: number, isAsync = false) {
  const reads = new Array<number>(length).fill(0)
  const dataset: data.Dataset<{ x: Float32Array; name: string }> = {
    length,
    get(i) {
      reads[i]!++
      const sample = { x: Float32Array.of(i, i + 1), name: `${i}` }
      return isAsync ? Promise.resolve(sample) : sample
    },
    nameOf: (i) => `sample ${i}`,
  }
  return { dataset, reads }
}

for (const isAsync of [false, true]) {
  test(`each sample is read once; ${isAsync ? 'asynchronous' : 'synchronous'}`, async () => {
    const { dataset, reads } = counting(3, isAsync)
    const kept = data.cached(dataset)
    for (const i of [0, 2, 0, 2, 2]) assert.equal([...(await kept.get(i)).x], [i, i + 1])
    assert.equal(reads, [1, 0, 1])
    assert.is(kept.nameOf!(1), 'sample 1')
  })
}

test('what is given is a copy', async () => {
  const kept = data.cached(counting(1).dataset)
  ;(await kept.get(0)).x[0] = 99
  ;(await kept.get(0)).x[0] = 98
  assert.equal([...(await kept.get(0)).x], [0, 1])
})

test('maxBytes: what comes after that is read each time', async () => {
  const { dataset, reads } = counting(3)
  // 8 bytes of numbers and 2 of text each.
  const kept = data.cached(dataset, { maxBytes: 25 })
  for (let round = 0; round < 3; round++) for (let i = 0; i < 3; i++) await kept.get(i)
  assert.equal(reads, [1, 1, 3])
})

test('an index out of range, and what is no dataset, are refused', () => {
  const kept = data.cached(counting(2).dataset)
  assert.throws(
    () => kept.get(2),
    (error: TenonError) => error.code === 'INDEX',
  )
  assert.throws(() => data.cached(5 as never), /needs a dataset/)
  assert.throws(() => data.cached(counting(1).dataset, { maxBytes: -1 }), /maxBytes/)
})

test('a DataLoader gives the same batches as without it, in every epoch', async () => {
  const { dataset, reads } = counting(7)
  const loader = (of: typeof dataset) => new data.DataLoader(of, { batchSize: 3, shuffle: true, seed: 4 })
  const [plain, kept] = [loader(dataset), loader(data.cached(counting(7).dataset))]
  for (let epoch = 0; epoch < 3; epoch++) {
    const batches = [[], []] as number[][][]
    for (const [k, from] of [plain, kept].entries())
      for await (const batch of from) batches[k]!.push([...(await batch.x.data())].map(Number))
    assert.equal(batches[1], batches[0])
  }
  assert.equal(reads, new Array(7).fill(3))
})
