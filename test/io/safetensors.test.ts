/** @file safetensors: round trips, alignment, and files that lie. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  cast,
  dtypes,
  evaluate,
  inspectSafetensors,
  loadSafetensors,
  nn,
  parseSafetensors,
  randn,
  saveSafetensors,
  tensor,
  zeros,
} from 'tenon'
import type { TenonError, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('safetensors')

const folder = mkdtempSync(join(tmpdir(), 'tenon-safetensors-'))
test.after(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

const list = async (t: Tensor) => Array.from((await t.data()) as Float64Array)

/** A file from a header (an object, or JSON as it is) and so many bytes of data. */
function fileOf(header: unknown, dataBytes: number, headerBytes?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, headerBytes ?? BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}

test('round trip: every dtype, scalars and empty tensors', async () => {
  const values = [
    [1, 0, 1],
    [0, 1, 1],
  ]
  const tensors: Record<string, Tensor> = { scalar: tensor(3.5), empty: zeros([0, 4]), last: tensor([true, false]) }
  for (const dtype of dtypes) tensors[`of ${dtype}`] = cast(tensor(values), dtype)
  await saveSafetensors(at('all'), tensors, { made: 'by a test', ünï: '☃ "quoted"' })
  const loaded = await loadSafetensors(at('all'))
  assert.equal([...loaded.keys()], Object.keys(tensors))
  for (const [name, t] of Object.entries(tensors)) {
    const copy = loaded.get(name)!
    assert.is(copy.dtype, t.dtype)
    assert.equal(copy.shape, t.shape)
    assert.equal(await list(copy), await list(t), name)
  }
  const { metadata, tensors: entries } = await inspectSafetensors(at('all'))
  assert.equal(metadata, { made: 'by a test', ünï: '☃ "quoted"' })
  assert.is(entries.find(({ name }) => name === 'of i16')!.dtype, 'i16')
})

test('save: the data is aligned, for every tensor', async () => {
  await saveSafetensors(at('aligned'), {
    a: tensor([true]),
    b: tensor([1, 2], { dtype: 'f64' }),
    c: tensor([1n]),
    d: tensor([1, 2, 3]),
  })
  const bytes = readFileSync(at('aligned'))
  const start = 8 + Number(bytes.readBigUInt64LE())
  assert.is(start % 64, 0)
  const width = { a: 1, b: 8, c: 8, d: 4 } as Record<string, number>
  for (const { name, begin } of (await inspectSafetensors(at('aligned'))).tensors) assert.is(begin % width[name]!, 0)
  assert.is(parseSafetensors(bytes).size, 4)
})

test('save: any name but one', async () => {
  const names = ['', '__proto__', 'constructor', 'a"b\\c\n', '☃', '0']
  await saveSafetensors(at('names'), new Map(names.map((name, i) => [name, tensor([i])] as const)))
  const loaded = await loadSafetensors(at('names'))
  for (const [i, name] of names.entries()) assert.equal(await list(loaded.get(name)!), [i])
  const error = await saveSafetensors(at('bad'), { __metadata__: tensor([1]) }).catch((e: TenonError) => e)
  assert.is((error as TenonError).code, 'VALUE')
})

test('save: replaces a file as a whole, and leaves nothing beside it', async () => {
  await saveSafetensors(at('same'), { a: tensor([1]) })
  await saveSafetensors(at('same'), { b: tensor([2]) })
  assert.equal([...(await loadSafetensors(at('same'))).keys()], ['b'])
  const error = await saveSafetensors(join(folder, 'missing', 'x'), { a: tensor([1]) }).catch((e: Error) => e)
  assert.instance(error, Error)
  assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')))
})

test('a model: saved and loaded into another one', async () => {
  const make = () => new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.BatchNorm2d(2))
  const [a, b] = [make(), make()]
  await a.forward(randn([2, 1, 5, 5])).data()
  await saveSafetensors(at('model'), a.stateDict())
  await b.loadStateDict(await loadSafetensors(at('model')))
  const x = randn([1, 1, 5, 5])
  const [y, z] = [a.eval().forward(x), b.eval().forward(x)]
  await evaluate(y, z)
  assert.equal(await list(y), await list(z))
})

const one = (changes: object = {}) => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes } })
const two = (first: readonly number[], second: readonly number[]) => ({
  a: { dtype: 'U8', shape: [first[1]! - first[0]!], data_offsets: first },
  b: { dtype: 'U8', shape: [second[1]! - second[0]!], data_offsets: second },
})

const LIES: [title: string, bytes: Uint8Array, phrase: string][] = [
  ['an empty file', new Uint8Array(0), 'too few'],
  ['a file of 7 bytes', new Uint8Array(7), 'too few'],
  ['a header longer than the file', fileOf(one(), 8, 1000n), 'there is room for'],
  ['a header of 2^63 bytes', fileOf(one(), 8, 2n ** 63n), 'there is room for'],
  ['a header of no bytes', fileOf(one(), 8, 0n), 'does not begin with {'],
  ['a header cut short', fileOf(one(), 8, 20n), 'not JSON'],
  ['a header that is a list', fileOf('[]', 0), 'does not begin with {'],
  ['a header that is no JSON', fileOf('{"a": nope}', 0), 'not JSON'],
  ['a header that is not UTF-8', new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d]), 'UTF-8'],
  ['text behind the header', fileOf(`${JSON.stringify(one())}x`, 8), 'not JSON'],
  [
    'a name that is there twice',
    fileOf(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}',
      1,
    ),
    "'a' is there twice",
  ],
  ['an entry that is a number', fileOf({ a: 1 }, 0), "'a' is no object"],
  ['an entry that is null', fileOf({ a: null }, 0), "'a' is no object"],
  ['a dtype that is not known', fileOf(one({ dtype: 'F8_E4M3' }), 8), 'F8_E4M3'],
  ['a dtype that every object has', fileOf(one({ dtype: 'constructor' }), 8), 'constructor'],
  ['a dtype that is no text', fileOf(one({ dtype: ['F32'] }), 8), 'dtype'],
  ['a shape that is missing', fileOf(one({ shape: undefined }), 8), 'shape'],
  ['a negative size', fileOf(one({ shape: [-2] }), 8), 'shape'],
  ['a size that is no integer', fileOf(one({ shape: [2.5] }), 8), 'shape'],
  ['a shape of nine axes', fileOf(one({ shape: [2, 1, 1, 1, 1, 1, 1, 1, 1] }), 8), 'at most 8'],
  ['a shape that needs more bytes', fileOf(one({ shape: [3] }), 8), 'needs 12 bytes'],
  ['a shape whose size overflows', fileOf(one({ shape: [2 ** 32, 2 ** 32, 2 ** 32] }), 8), 'bytes for F32'],
  ['offsets that are missing', fileOf(one({ data_offsets: undefined }), 8), 'data_offsets'],
  ['one offset', fileOf(one({ data_offsets: [8] }), 8), 'data_offsets'],
  ['offsets that are texts', fileOf(one({ data_offsets: ['0', '8'] }), 8), 'data_offsets'],
  ['offsets in the wrong order', fileOf(one({ data_offsets: [8, 0] }), 8), 'lies at [8, 0)'],
  ['offsets beyond the file', fileOf(one({ data_offsets: [0, 16], shape: [4] }), 8), 'lies at [0, 16) of 8 bytes'],
  ['a hole before the data', fileOf(one({ data_offsets: [4, 12] }), 12), 'begins at byte 4'],
  ['a hole in between', fileOf(two([0, 4], [5, 8]), 8), 'begins at byte 5'],
  ['an overlap', fileOf(two([0, 4], [3, 8]), 8), 'begins at byte 3'],
  ['bytes that belong to nothing', fileOf(one(), 9), 'has 9 bytes of data'],
  ['data without tensors', fileOf({}, 1), 'has 1 bytes of data'],
  ['metadata that are no texts', fileOf({ __metadata__: { a: 1 } }, 0), '__metadata__'],
  ['metadata that are a list', fileOf({ __metadata__: ['a'] }, 0), '__metadata__'],
]

for (const [title, bytes, phrase] of LIES) {
  test(`refused: ${title}`, async () => {
    writeFileSync(at('lie'), bytes)
    const fromFile = (await loadSafetensors(at('lie')).catch((e: TenonError) => e)) as TenonError
    assert.is(fromFile.code, 'FORMAT')
    assert.match(fromFile.message, at('lie'))
    assert.match(fromFile.message, phrase)
    assert.throws(
      () => parseSafetensors(bytes, 'memory'),
      (e: TenonError) => e.code === 'FORMAT' && e.message.includes(phrase) && e.message.includes('memory'),
    )
  })
}

test('refused: a file that is not there, bools that are none, a truncated copy', async () => {
  const codeOf = (path: string) =>
    loadSafetensors(path).then(
      () => 'none',
      (e: TenonError) => e.code,
    )
  assert.is(await codeOf(at('nowhere')), 'FORMAT')
  const bools = fileOf({ a: { dtype: 'BOOL', shape: [2], data_offsets: [0, 2] } }, 2)
  bools[bools.length - 1] = 2
  assert.throws(() => parseSafetensors(bytes(bools)), /other than 0 and 1/)
  await saveSafetensors(at('cut'), { a: zeros([100]) })
  for (const size of [463, 70, 64, 9, 8]) {
    truncateSync(at('cut'), size)
    assert.is(await codeOf(at('cut')), 'FORMAT')
  }
})

/** Inside of something larger, at an odd place: views are parsed too. */
function bytes(inner: Uint8Array): Uint8Array {
  const outer = new Uint8Array(inner.length + 3)
  outer.set(inner, 3)
  return outer.subarray(3)
}

test('accepted: spaces behind the header, metadata only, entries out of order', () => {
  assert.is(parseSafetensors(fileOf('{}   ', 0)).size, 0)
  assert.is(parseSafetensors(fileOf({ __metadata__: { a: 'b' } }, 0)).size, 0)
  assert.equal([...parseSafetensors(bytes(fileOf(two([4, 8], [0, 4]), 8))).keys()], ['a', 'b'])
  // Names are compared, not what they contain: braces and quotes in them are text.
  assert.is(
    parseSafetensors(
      fileOf(
        {
          '{"a": [': { dtype: 'U8', shape: [0], data_offsets: [0, 0] },
          'a"': { dtype: 'U8', shape: [0], data_offsets: [0, 0] },
        },
        0,
      ),
    ).size,
    2,
  )
})
