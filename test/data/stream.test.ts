/** @file Streams: what they are made of, their methods, shards. */
import { data } from 'tenon'
import type { TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('streams')

const count = (n: number) => data.Stream.from(() => Array.from({ length: n }, (_, i) => i))
const all = async <S>(stream: AsyncIterable<S>): Promise<S[]> => {
  const samples: S[] = []
  for await (const sample of stream) samples.push(sample)
  return samples
}
const inEpoch = async <S>(stream: data.Stream<S>, epoch: number, seed = 0): Promise<S[]> => {
  const samples: S[] = []
  for await (const sample of stream.open({ seed, epoch })) samples.push(sample)
  return samples
}

test('map, filter, take, skip, concat; synchronous and not', async () => {
  const stream = count(10)
    .map(async (x, position) => x * 10 + position)
    .filter((x) => x % 2 === 1)
  assert.equal(await all(stream), [11, 33, 55, 77, 99])
  assert.equal(await all(stream.skip(1).take(2)), [33, 55])
  assert.equal(await all(stream.take(0)), [])
  assert.equal(await all(data.Stream.concat(count(2), count(1))), [0, 1, 0])
  const dataset = await stream.collect()
  assert.equal([dataset.length, dataset.get(4)], [5, 99])
})

test('take: closes what it does not read to the end', async () => {
  let isClosed = false
  const endless = new data.Stream(function* () {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      isClosed = true
    }
  })
  assert.equal(await all(endless.map((x) => x).take(3)), [0, 1, 2])
  assert.ok(isClosed)
})

test('shuffle: all samples, an order by (seed, epoch), none further ahead than the buffer', async () => {
  const stream = count(100).shuffle(10)
  const first = await inEpoch(stream, 0)
  assert.equal(
    [...first].sort((a, b) => a - b),
    await all(count(100)),
  )
  assert.ok(first.every((x, position) => x <= position + 10))
  assert.equal(await inEpoch(stream, 0), first)
  assert.not.equal(await inEpoch(stream, 1), first)
  assert.not.equal(await inEpoch(stream, 0, 1), first)
  assert.not.equal(first, await all(count(100)))
})

test('from: an iterator can be read once, says so the second time', async () => {
  const stream = data.Stream.from([1, 2][Symbol.iterator]())
  assert.equal(await all(stream), [1, 2])
  const error = (await all(stream).catch((e: TenonError) => e)) as TenonError
  assert.is(error.code, 'VALUE')
  assert.match(error.message, 'Give a function')
  const list = data.Stream.from([1])
  assert.equal([await all(list), await all(list)], [[1], [1]])
})

test('shards: files one after the other, in an order by (seed, epoch) when asked', async () => {
  const files = ['a', 'b', 'c', 'd', 'e']
  const read = (file: string) => [`${file}1`, `${file}2`]
  const plain = data.shards(files, read)
  assert.equal(await inEpoch(plain, 3), files.flatMap(read))
  const shuffled = data.shards(files, read, { shuffleFiles: true })
  const orders = await Promise.all([0, 1, 2, 3].map((epoch) => inEpoch(shuffled, epoch)))
  assert.equal(await inEpoch(shuffled, 1), orders[1])
  assert.ok(new Set(orders.map(String)).size > 1)
  for (const order of orders) assert.equal([...order].sort(), files.flatMap(read))
})
