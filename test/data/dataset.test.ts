/** @file Datasets: in memory, of tensors, mapped, subset, take, concat, split. */
import { data, evaluate, tensor, TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('datasets')

const errorOf = (work: () => unknown): TenonError => {
  try {
    work()
  } catch (error) {
    return error as TenonError
  }
  throw new Error('nothing was thrown')
}

const numbers = (n: number) => new data.ArrayDataset(Array.from({ length: n }, (_, i) => i))
const all = async <S>(dataset: data.Dataset<S>): Promise<S[]> =>
  Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.get(i)))

test('ArrayDataset: samples by index; INDEX outside', () => {
  const dataset = new data.ArrayDataset(['a', 'b'])
  assert.is(dataset.length, 2)
  assert.is(dataset.get(1), 'b')
  for (const index of [-1, 2, 0.5, NaN]) assert.is(errorOf(() => dataset.get(index)).code, 'INDEX')
})

const DTYPES = [Float64Array, Float32Array, Int32Array, Uint8Array, BigInt64Array, Int16Array] as const

for (const Type of DTYPES) {
  test(`TensorDataset: gathers rows and scalars of ${Type.name}`, async () => {
    const value = (i: number) => (Type === BigInt64Array ? BigInt(i) : i)
    const make = (n: number) =>
      (Type as unknown as { from(list: unknown[]): Float32Array }).from(Array.from({ length: n }, (_, i) => value(i)))
    const dataset = new data.TensorDataset(tensor(make(24), { shape: [6, 2, 2] }), tensor(make(6)))
    const [x, y] = await dataset.batch([5, 0, 1, 2, 0])
    assert.equal([x.shape, y.shape], [[5, 2, 2], [5]])
    assert.equal(
      Array.from(x.data as Float32Array),
      [20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3].map(value),
    )
    assert.equal(Array.from(y.data as Float32Array), [5, 0, 1, 2, 0].map(value))
    const [one, scalar] = await dataset.get(3)
    assert.equal([one.shape, Array.from(one.data as Float32Array)], [[2, 2], [12, 13, 14, 15].map(value)])
    assert.equal(scalar.shape, [])
  })
}

test('TensorDataset: keeps bool and f16, evaluates what is not evaluated yet', async () => {
  const x = tensor([[1], [2]], { dtype: 'f16' })
  const dataset = new data.TensorDataset(x, tensor([1, 2]).add(1), tensor([true, false]))
  const [a, b, c] = await dataset.batch([1, 0])
  assert.equal([a.dtype, b.dtype, c.dtype], ['f16', 'f32', 'bool'])
  assert.equal(Array.from(b.data as Float32Array), [3, 2])
  assert.equal(Array.from(c.data as Uint8Array), [0, 1])
})

test('TensorDataset: its batches are copies that nobody can reach the tensor through', async () => {
  const x = tensor([[1], [2]])
  await evaluate(x)
  const dataset = new data.TensorDataset(x)
  const [batch] = await dataset.batch([0, 1])
  batch.data[0] = 9
  assert.equal(await x.toArray(), [[1], [2]])
})

test('TensorDataset: refuses sizes that differ, scalars, other things, indices outside', () => {
  const x = tensor([1, 2])
  assert.is(errorOf(() => new data.TensorDataset(x, tensor([1]))).code, 'SHAPE')
  assert.is(errorOf(() => new data.TensorDataset(tensor(1))).code, 'SHAPE')
  assert.is(errorOf(() => new data.TensorDataset()).code, 'VALUE')
  assert.is(errorOf(() => new data.TensorDataset([1] as never)).code, 'VALUE')
  assert.is(errorOf(() => new data.TensorDataset(x).batch([2])).code, 'INDEX')
  assert.is(errorOf(() => new data.TensorDataset(x).get(-1)).code, 'INDEX')
})

test('MapDataset: the function gets sample and index, synchronous or not', async () => {
  const tens = new data.MapDataset(numbers(3), (x, i) => x * 10 + i)
  assert.is(tens.get(2), 22)
  const later = new data.MapDataset(new data.MapDataset(numbers(3), async (x) => x + 1), (x) => x * 2)
  assert.equal(await all(later), [2, 4, 6])
})

test('subset, take, concat: samples, names, errors', async () => {
  assert.equal(await all(data.subset(numbers(5), [4, 0, 4])), [4, 0, 4])
  assert.equal(await all(data.take(numbers(5), 2)), [0, 1])
  assert.equal(await all(data.take(numbers(5), 9, 3)), [3, 4])
  const both = data.concat(numbers(2), numbers(0), numbers(3))
  assert.equal(await all(both), [0, 1, 0, 1, 2])
  assert.is(errorOf(() => both.get(5)).code, 'INDEX')
  assert.is(errorOf(() => data.subset(numbers(2), [2])).code, 'INDEX')
  assert.is(errorOf(() => data.subset([1] as never, [0])).code, 'VALUE')
  assert.is(errorOf(() => data.concat()).code, 'VALUE')
})

test('subset: hands whole batches to the inner dataset', async () => {
  const part = data.subset(data.subset(new data.TensorDataset(tensor([10, 11, 12, 13])), [3, 1, 0]), [2, 0])
  const [batch] = (await part.batch!([0, 1])) as [data.NdArray]
  assert.equal(Array.from(batch.data as Float32Array), [10, 13])
})

test('split: parts by count or share, nothing twice, nothing lost, the same again for the same seed', async () => {
  for (const sizes of [[0.8], [0.8, 0.2], [80], [80, 20]]) {
    const parts = data.split(numbers(100), sizes, { seed: 1 })
    assert.equal(
      parts.map((part) => part.length),
      [80, 20],
      String(sizes),
    )
    const indices = (await Promise.all(parts.map(all))).flat()
    assert.equal(
      [...indices].sort((a, b) => a - b),
      await all(numbers(100)),
    )
    assert.not.equal(indices, await all(numbers(100)))
  }
  const first = async (seed: number) => all(data.split(numbers(30), [0.5], { seed })[0]!)
  assert.equal(await first(1), await first(1))
  assert.not.equal(await first(1), await first(2))
  const plain = data.split(numbers(10), [3, 3], { shuffle: false })
  assert.equal(await Promise.all(plain.map(all)), [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8, 9],
  ])
  assert.equal(
    data.split(numbers(3), [1 / 3, 1 / 3, 1 / 3]).map((part) => part.length),
    [1, 1, 1],
  )
})

test('split: stratified parts have the same share of each class', async () => {
  const classes = Array.from({ length: 100 }, (_, i) => (i < 90 ? 'common' : 'rare'))
  for (const sizes of [[0.8], [80, 20]]) {
    const parts = data.split(numbers(100), sizes, { stratify: classes, seed: 5 })
    const rare = await Promise.all(parts.map(async (part) => (await all(part)).filter((i) => i >= 90).length))
    assert.equal(
      [parts.map((part) => part.length), rare],
      [
        [80, 20],
        [8, 2],
      ],
    )
  }
})

test('split: refuses more than there is, and classes that do not fit', () => {
  assert.match(errorOf(() => data.split(numbers(3), [2, 2])).message, 'more than the 3 samples')
  assert.is(errorOf(() => data.split(numbers(3), [-1])).code, 'VALUE')
  assert.is(errorOf(() => data.split(numbers(3), [1.5])).code, 'VALUE')
  assert.is(errorOf(() => data.split(numbers(3), [1], { stratify: [1] })).code, 'SHAPE')
  assert.is(errorOf(() => data.split(numbers(3), [1], { stratified: [1] } as object)).code, 'OPTION')
})

test('label and ndarray: what they refuse', () => {
  assert.is(errorOf(() => data.label(1.5)).code, 'VALUE')
  assert.is(errorOf(() => data.label(2 ** 31)).code, 'VALUE')
  assert.is(errorOf(() => data.ndarray(new Float32Array(3), [2])).code, 'SHAPE')
  assert.is(errorOf(() => data.ndarray(new Float32Array(2), [2], 'f64')).code, 'DTYPE')
})

test('fromModule: refuses what is no file, no function, nothing', async () => {
  const url = new URL('./worker-modules.ts', import.meta.url)
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (e: TenonError) => e.code,
    )
  assert.is(await codeOf(data.fromModule('https://example.org/x.js', 'a')), 'VALUE')
  assert.is(await codeOf(data.fromModule('./worker-modules.ts', 'a')), 'VALUE')
  assert.is(await codeOf(data.fromModule(url, 'nothing')), 'VALUE')
  assert.is(await codeOf(data.fromModule(url, 'notAFunction')), 'VALUE')
  assert.is((await data.fromModule<data.Dataset>(url, 'Threads', { length: 3 })).length, 3)
})
