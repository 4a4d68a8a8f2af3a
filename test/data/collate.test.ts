/** @file Collate: stacking, padding, buckets, and samples that do not go together. */
import { data, tensor } from 'tenon'
import type { TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('collate')

const plain = (x: unknown): unknown => {
  if (Array.isArray(x)) return x.map(plain)
  if (x === null || typeof x !== 'object') return x
  if ('data' in x && 'shape' in x)
    return { ...(x as data.NdArray), data: Array.from((x as data.NdArray).data as Float32Array) }
  return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, plain(value)]))
}

const STACKED: [title: string, samples: unknown[], batch: unknown][] = [
  ['numbers as f32', [1, 2.5], { data: [1, 2.5], shape: [2], dtype: 'f32' }],
  ['bigints as i64', [1n, -2n], { data: [1n, -2n], shape: [2], dtype: 'i64' }],
  ['booleans as bool', [true, false], { data: [1, 0], shape: [2], dtype: 'bool' }],
  ['labels as i32', [data.label(3), data.label(4)], { data: [3, 4], shape: [2], dtype: 'i32' }],
  ['strings as a list', ['a', 'b'], ['a', 'b']],
  ['typed arrays', [Uint8Array.of(1, 2), Uint8Array.of(3, 4)], { data: [1, 2, 3, 4], shape: [2, 2], dtype: 'u8' }],
  [
    'arrays with a shape',
    [data.ndarray(Int16Array.of(1, 2), [2, 1])],
    { data: [1, 2], shape: [1, 2, 1], dtype: 'i16' },
  ],
  [
    'views of larger buffers',
    [new Float32Array([9, 1, 2, 9]).subarray(1, 3)],
    { data: [1, 2], shape: [1, 2], dtype: 'f32' },
  ],
  ['tensors', [tensor([1, 2]), tensor([3, 4])], { data: [1, 2, 3, 4], shape: [2, 2], dtype: 'f32' }],
  [
    'tuples and objects, field by field',
    [
      [{ a: 1, b: 'x' }, 2],
      [{ a: 3, b: 'y' }, 4],
    ],
    [
      { a: { data: [1, 3], shape: [2], dtype: 'f32' }, b: ['x', 'y'] },
      { data: [2, 4], shape: [2], dtype: 'f32' },
    ],
  ],
  ['arrays of no elements', [new Float32Array(0), new Float32Array(0)], { data: [], shape: [2, 0], dtype: 'f32' }],
]

for (const [title, samples, batch] of STACKED) {
  test(`stack: ${title}`, () => assert.equal(plain(data.stack(samples)), batch))
}

const errorOf = (work: () => unknown): TenonError => {
  try {
    work()
  } catch (error) {
    return error as TenonError
  }
  throw new Error('nothing was thrown')
}

const REFUSED: [title: string, samples: unknown[], code: string, phrase: string][] = [
  ['shapes that differ', [new Float32Array(2), new Float32Array(3)], 'SHAPE', 'got [2] and, at 1 in the batch, [3]'],
  ['dtypes that differ', [new Float32Array(2), new Uint8Array(2)], 'DTYPE', 'got f32 and, at 1 in the batch, u8'],
  ['a number among labels', [data.label(1), 2], 'DTYPE', 'i32'],
  ['tuples of unequal length', [[1, 2], [1]], 'SHAPE', 'one length'],
  ['a field that is missing', [{ a: { b: 1 } }, { a: { c: 1 } }], 'SHAPE', 'field a.b: not every sample'],
  ['a field that only a prototype has', [{ toString: 1 }, {}], 'SHAPE', 'field toString'],
  ['what no tensor is made of', [new Date()], 'DTYPE', 'a batch of Date'],
  ['nothing', [undefined], 'DTYPE', 'undefined'],
  ['strings among numbers', ['a', 1], 'DTYPE', 'some are not'],
]

for (const [title, samples, code, phrase] of REFUSED) {
  test(`stack: refuses ${title}`, () => {
    const error = errorOf(() => data.stack(samples))
    assert.is(error.code, code)
    assert.match(error.message, phrase)
  })
}

const tokens = (...ids: number[]) => Int32Array.from(ids)

test('padded: fills to the longest and gives lengths, in tuples, objects and alone', () => {
  const x = { data: [1, 2, 3, 4, 0, 0], shape: [2, 3], dtype: 'i32' }
  const lengths = { data: [3, 1], shape: [2], dtype: 'i32' }
  const y = { data: [7, 8], shape: [2], dtype: 'f32' }
  const a = tokens(1, 2, 3)
  const b = tokens(4)
  assert.equal(plain(data.padded()([a, b])), [x, lengths])
  assert.equal(
    plain(
      data.padded()([
        [a, 7],
        [b, 8],
      ]),
    ),
    [x, y, lengths],
  )
  assert.equal(
    plain(
      data.padded()([
        { x: a, y: 7 },
        { x: b, y: 8 },
      ]),
    ),
    { x, xLengths: lengths, y },
  )
  assert.equal(
    plain(
      data.padded({ lengths: false })([
        [a, 7],
        [b, 8],
      ]),
    ),
    [x, y],
  )
})

test('padded: value, further axes, chosen fields', () => {
  const rows = (n: number) => data.ndarray(new Float32Array(2 * n).fill(1), [n, 2])
  assert.equal(plain(data.padded({ value: -1, lengths: false })([rows(1), rows(2)])), {
    data: [1, 1, -1, -1, 1, 1, 1, 1],
    shape: [2, 2, 2],
    dtype: 'f32',
  })
  const [, y] = data.padded({ fields: [0], lengths: false })([
    [tokens(1), tokens(5, 6)],
    [tokens(1, 2), tokens(7, 8)],
  ]) as data.NdArray[]
  assert.equal(y!.shape, [2, 2])
  assert.equal(plain(data.padded({ value: 2, lengths: false })([BigInt64Array.of(1n), BigInt64Array.of(3n, 4n)])), {
    data: [1n, 2n, 3n, 4n],
    shape: [2, 2],
    dtype: 'i64',
  })
})

const LENGTHS: [options: data.PaddedOptions, longest: number, length: number][] = [
  [{}, 5, 5],
  [{ multipleOf: 4 }, 5, 8],
  [{ multipleOf: 4 }, 8, 8],
  [{ buckets: [8, 4, 16] }, 5, 8],
  [{ buckets: [4, 8] }, 9, 9],
  [{ buckets: [4, 8], multipleOf: 8 }, 9, 16],
  [{ maxLength: 3 }, 5, 3],
  [{ maxLength: 6, multipleOf: 4 }, 9, 6],
]

for (const [options, longest, length] of LENGTHS) {
  test(`padded: ${JSON.stringify(options)} makes ${length} of ${longest}`, () => {
    const [x, lengths] = data.padded(options)([new Int32Array(longest), tokens(1)]) as [data.NdArray, data.NdArray]
    assert.equal(x.shape, [2, length])
    assert.equal(Array.from(lengths.data as Int32Array), [Math.min(longest, options.maxLength ?? Infinity), 1])
  })
}

test('padded: refuses what it cannot pad', () => {
  const rows = (n: number, m: number) => data.ndarray(new Float32Array(n * m), [n, m])
  assert.match(errorOf(() => data.padded()([rows(1, 2), rows(1, 3)])).message, 'only the first axis may differ')
  assert.match(errorOf(() => data.padded({ fields: [1] })([[tokens(1), 3]])).message, 'field 1: needs arrays')
  assert.is(errorOf(() => data.padded()([tokens(1), new Float32Array(1)])).code, 'DTYPE')
  assert.is(errorOf(() => data.padded({ multipleOf: 0 })).code, 'VALUE')
  assert.is(errorOf(() => data.padded({ bucket: [1] } as object)).code, 'OPTION')
})
