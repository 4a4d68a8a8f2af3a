/** @file IDX files: dtypes, gzip, MNIST's folder, and files that lie. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { data } from 'tenon'
import type { TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('idx')

const folder = mkdtempSync(join(tmpdir(), 'tenon-idx-'))
test.after(() => rmSync(folder, { recursive: true }))

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

function idx(code: number, shape: readonly number[], content: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length)
  header.set([0, 0, code, shape.length])
  shape.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i))
  return Buffer.concat([header, Buffer.from(content)])
}

const bigEndian = (bytes: number, put: (view: DataView) => void) => {
  const view = new DataView(new ArrayBuffer(bytes))
  put(view)
  return [...new Uint8Array(view.buffer)]
}

const CASES: [dtype: string, code: number, content: number[], values: number[]][] = [
  ['u8', 8, [0, 7, 255], [0, 7, 255]],
  ['i8', 9, [0, 7, 255], [0, 7, -1]],
  ['i16', 11, bigEndian(4, (v) => (v.setInt16(0, -2), v.setInt16(2, 300))), [-2, 300]],
  ['i32', 12, bigEndian(8, (v) => (v.setInt32(0, -2), v.setInt32(4, 70000))), [-2, 70000]],
  ['f32', 13, bigEndian(8, (v) => (v.setFloat32(0, 0.5), v.setFloat32(4, -3))), [0.5, -3]],
  ['f64', 14, bigEndian(8, (v) => v.setFloat64(0, Math.PI)), [Math.PI]],
]

for (const [dtype, code, content, values] of CASES) {
  test(`readIdx: ${dtype}, plain and gzipped`, async () => {
    const bytes = idx(code, [1, values.length], content)
    for (const path of [write('plain', bytes), write('packed.gz', gzipSync(bytes))]) {
      const t = await data.readIdx(path)
      assert.is(t.dtype, dtype)
      assert.equal(t.shape, [1, values.length])
      assert.equal(Array.from((await t.data()) as Float64Array), values)
    }
  })
}

test('readIdx: a file larger than one chunk', async () => {
  const content = Array.from({ length: 300_000 }, (_, i) => i % 251)
  const t = await data.readIdx(write('long.gz', gzipSync(idx(8, [300, 1000], content))))
  assert.equal((await t.data()).subarray(299_000), Uint8Array.from(content.slice(299_000)))
})

const good = idx(8, [2, 2], [1, 2, 3, 4])
const packed = gzipSync(good)
const LIES: [title: string, bytes: Uint8Array, phrase: string][] = [
  ['an empty file', new Uint8Array(0), 'ends in its header'],
  ['a header cut short', good.subarray(0, 7), 'ends in its header'],
  ['another format', Buffer.from('PK not an idx file'), 'does not begin'],
  ['a dtype that is not known', idx(10, [1], [1]), 'does not begin'],
  ['nine axes', idx(8, [1, 1, 1, 1, 1, 1, 1, 1, 1], [1]), '9 dimensions'],
  ['too little data', good.subarray(0, good.length - 1), 'has 3 bytes of data, its header says 4'],
  ['too much data', Buffer.concat([good, Buffer.from([5])]), 'more than the 4 bytes'],
  ['sizes beyond the file', idx(8, [0xffffffff, 0xffffffff], [1]), 'possible or allowed'],
  ['sizes beyond any number', idx(14, Array(8).fill(0xffffffff), [1]), 'possible or allowed'],
  ['sizes beyond what gzip can pack', gzipSync(idx(8, [0x7fffffff], [1])), 'possible or allowed'],
  ['gzip cut short', packed.subarray(0, packed.length - 10), 'cannot be read'],
  [
    'gzip with a wrong checksum',
    Uint8Array.from(packed, (byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte)),
    'cannot be read',
  ],
  ['gzip that goes on and on', gzipSync(Buffer.concat([good, Buffer.alloc(1 << 20)])), 'more than the 4 bytes'],
]

for (const [title, bytes, phrase] of LIES) {
  test(`readIdx: refuses ${title}`, async () => {
    const path = write('lie', bytes)
    const error = (await data.readIdx(path).catch((e: TenonError) => e)) as TenonError
    assert.is(error.code, 'FORMAT')
    assert.match(error.message, path)
    assert.match(error.message, phrase)
  })
}

test('readIdx: refuses more than maxBytes, a file that is not there, unknown options', async () => {
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (e: TenonError) => e.code,
    )
  const path = write('good', good)
  assert.is(await codeOf(data.readIdx(path, { maxBytes: 3 })), 'FORMAT')
  assert.is(await codeOf(data.readIdx(join(folder, 'nowhere'))), 'FORMAT')
  assert.is(await codeOf(data.readIdx(path, { max: 3 } as object)), 'OPTION')
})

test('loadMnist: finds the four files, packed or not, and refuses those that do not fit', async () => {
  const home = join(folder, 'mnist')
  mkdirSync(home)
  const images = (n: number) =>
    idx(
      8,
      [n, 1, 2],
      Array.from({ length: n * 2 }, (_, i) => i),
    )
  const labels = (n: number) =>
    idx(
      8,
      [n],
      Array.from({ length: n }, (_, i) => i),
    )
  write('mnist/train-images-idx3-ubyte', images(3))
  write('mnist/train-labels.idx1-ubyte.gz', gzipSync(labels(3)))
  write('mnist/t10k-images-idx3-ubyte.gz', gzipSync(images(2)))
  const missing = (await data.loadMnist(home).catch((e: TenonError) => e)) as TenonError
  assert.is(missing.code, 'FORMAT')
  assert.match(missing.message, 't10k-labels-idx1-ubyte')
  write('mnist/t10k-labels-idx1-ubyte', labels(2))
  const { train, test } = await data.loadMnist(home)
  assert.equal(
    [train.images.shape, train.labels.shape, test.images.shape, test.labels.shape],
    [[3, 1, 2], [3], [2, 1, 2], [2]],
  )
  write('mnist/t10k-labels-idx1-ubyte', labels(3))
  assert.match(String(await data.loadMnist(home).catch((e: Error) => e)), 't10k: needs u8')
})
