/** @file npy files: dtypes, orders, versions, and files that lie. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { data } from 'tenon'
import type { TenonError, TypedArray } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('npy')

/** What numpy.save writes. */
function npy(
  descr: string,
  shape: readonly number[],
  content: TypedArray,
  { fortran = false, version = 1 } = {},
): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }`
  const prefix = version === 1 ? 10 : 12
  const header = text.padEnd(Math.ceil((prefix + text.length + 1) / 64) * 64 - prefix - 1) + '\n'
  const start = Buffer.alloc(prefix)
  start.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  if (version === 1) start.writeUInt16LE(header.length, 8)
  else start.writeUInt32LE(header.length, 8)
  return Buffer.concat([
    start,
    Buffer.from(header, 'latin1'),
    new Uint8Array(content.buffer, content.byteOffset, content.byteLength),
  ])
}

const CASES: [descr: string, content: TypedArray, dtype: string, values: unknown[]][] = [
  ['<f8', Float64Array.of(0.1, -2), 'f64', [0.1, -2]],
  ['<f4', Float32Array.of(0.5, -2), 'f32', [0.5, -2]],
  ['<f2', Uint16Array.of(0x3c00, 0xc000), 'f16', [1, -2]],
  ['<i8', BigInt64Array.of(5n, -(2n ** 60n)), 'i64', [5n, -(2n ** 60n)]],
  ['<i4', Int32Array.of(5, -7), 'i32', [5, -7]],
  ['<i2', Int16Array.of(5, -7), 'i16', [5, -7]],
  ['|i1', Int8Array.of(5, -7), 'i8', [5, -7]],
  ['<u4', Uint32Array.of(5, 2 ** 32 - 1), 'u32', [5, 2 ** 32 - 1]],
  ['|u1', Uint8Array.of(5, 255), 'u8', [5, 255]],
  ['|b1', Uint8Array.of(1, 0), 'bool', [true, false]],
  ['>i2', Uint8Array.of(0, 5, 0xff, 0xf9), 'i16', [5, -7]],
  ['>f8', new Uint8Array([...new Uint8Array(Float64Array.of(0.1).buffer)].reverse()), 'f64', [0.1]],
]

for (const [descr, content, dtype, values] of CASES) {
  test(`readNpy: ${descr}`, async () => {
    const t = data.parseNpy(npy(descr, [values.length], content))
    assert.is(t.dtype, dtype)
    assert.equal(await t.toArray(), values)
  })
}

test('readNpy: shapes, both orders, versions of the format, from a file', async () => {
  const content = Float32Array.of(1, 2, 3, 4, 5, 6)
  const rows = [
    [1, 2, 3],
    [4, 5, 6],
  ]
  for (const version of [1, 2, 3])
    assert.equal(await data.parseNpy(npy('<f4', [2, 3], content, { version })).toArray(), rows)
  const columns = Float32Array.of(1, 4, 2, 5, 3, 6)
  assert.equal(await data.parseNpy(npy('<f4', [2, 3], columns, { fortran: true })).toArray(), rows)
  assert.equal(await data.parseNpy(npy('<f4', [], Float32Array.of(7))).toArray(), 7)
  assert.equal(data.parseNpy(npy('<f4', [0, 3], new Float32Array(0))).shape, [0, 3])
  const folder = mkdtempSync(join(tmpdir(), 'tenon-npy-'))
  writeFileSync(join(folder, 'x.npy'), npy('<f4', [2, 3], content))
  assert.equal(await (await data.readNpy(join(folder, 'x.npy'))).toArray(), rows)
  const failure = (await data.readNpy(join(folder, 'x.npy'), { maxBytes: 10 }).catch((e) => e)) as TenonError
  assert.match(failure.message, 'more than the 10 that are allowed')
  rmSync(folder, { recursive: true })
})

const good = npy('<f4', [2], Float32Array.of(1, 2))
const text = (header: string) => {
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0])
  return Buffer.concat([start, Buffer.from(header, 'latin1')])
}

const LIES: [title: string, bytes: Uint8Array, phrase: string][] = [
  ['nothing', new Uint8Array(0), 'does not begin'],
  ['another file', Buffer.from('PK\x03\x04 and so on and on'), 'does not begin'],
  ['an unknown version', Uint8Array.from(good, (b, i) => (i === 6 ? 9 : b)), 'version 9'],
  ['half a header', good.subarray(0, 40), 'ends in its header'],
  ['a header longer than the file', Uint8Array.from(good, (b, i) => (i === 9 ? 255 : b)), 'ends in its header'],
  ['too little data', good.subarray(0, good.length - 1), 'says [2] of f32, 8 bytes, and has 7'],
  ['too much data', Buffer.concat([good, Buffer.of(1)]), '8 bytes, and has 9'],
  ['sizes beyond the file', npy('<f4', [2 ** 40], new Float32Array(1)), 'and has 4'],
  ['sizes beyond any number', npy('<f8', [2 ** 50, 2 ** 50], new Float64Array(1)), 'impossible shape'],
  ['Python objects', npy('|O', [1], new Uint8Array(8)), "holds '|O'"],
  ['complex numbers', npy('<c8', [1], new Uint8Array(8)), "holds '<c8'"],
  ['records', text("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,), }"), 'Records'],
  [
    'a program for a shape',
    text("{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os'),), }"),
    'needs descr',
  ],
  ['nine axes', npy('<f4', Array<number>(9).fill(1), new Float32Array(1)), '9 dimensions'],
]

for (const [title, bytes, phrase] of LIES) {
  test(`readNpy: refuses ${title}`, () => {
    assert.throws(
      () => data.parseNpy(bytes, 'lie.npy'),
      (error: TenonError) =>
        error.code === 'FORMAT' && error.message.includes('lie.npy') && error.message.includes(phrase),
    )
  })
}
