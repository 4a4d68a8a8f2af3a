/** @file GGUF: metadata and tensors of every kind that is read, blocks used as they are, and headers that lie. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linear, loadTensors, ones, openGguf, openTensors, plan, saveGguf } from 'tenon'
import type { Tensor, TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { ggufFile, kinds } from './gguf-file.ts'
import type { Item } from './gguf-file.ts'

const test = suite('gguf')

const folder = mkdtempSync(join(tmpdir(), 'tenon-gguf-'))
test.after(() => rmSync(folder, { recursive: true }))
const list = async (t: Tensor) => Array.from((await t.data()) as Float64Array, Number)

const METADATA: Item[] = [
  ['general.architecture', 8, 'llama'],
  ['a.u8', 0, 200],
  ['a.i8', 1, -2],
  ['a.u16', 2, 60000],
  ['a.i16', 3, -300],
  ['a.u32', 4, 4e9],
  ['a.i32', 5, -7],
  ['a.f32', 6, 0.5],
  ['a.bool', 7, true],
  ['a.u64', 10, 2 ** 40],
  ['a.f64', 12, 0.1],
  ['a.words', 9, { type: 8, values: ['one', 'zwei'] }],
]

function write(name: string, bytes: Uint8Array): string {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

for (const version of [2, 3]) {
  test(`version ${version}: metadata, plain tensors, blocks`, async () => {
    const block = Uint8Array.from({ length: 34 }, (_, i) => (i === 1 ? 0x3c : i < 2 ? 0 : i))
    const path = write(
      `v${version}.gguf`,
      ggufFile(
        METADATA,
        [
          {
            name: 'f32',
            sizes: [3, 2],
            type: kinds.f32,
            data: new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer),
          },
          { name: 'f16', sizes: [2], type: kinds.f16, data: new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer) },
          { name: 'bf16', sizes: [2], type: kinds.bf16, data: new Uint8Array(Uint16Array.of(0x3f80, 0xc000).buffer) },
          { name: 'blocks', sizes: [32, 2], type: kinds.q8_0, data: new Uint8Array([...block, ...block]) },
        ],
        version,
      ),
    )
    const file = await openTensors(path)
    assert.is(file.format, 'gguf')
    assert.equal(
      { ...file.metadata, 'a.words': undefined },
      {
        ...Object.fromEntries(METADATA.map(([key, , value]) => [key, value])),
        'a.words': undefined,
      },
    )
    assert.equal(file.metadata['a.words'], ['one', 'zwei'])
    assert.is(file.tensors.get('blocks')!.encoding, 'q8_0')
    await file.close()
    const tensors = await loadTensors(path)
    assert.equal(
      [tensors.get('f32')!.shape, await list(tensors.get('f32')!)],
      [
        [2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
    )
    assert.equal(await list(tensors.get('f16')!), [1, -2])
    assert.equal(await list(tensors.get('bf16')!), [1, -2])
    const w = tensors.get('blocks')!
    const y = linear(ones([1, 32]), w)
    assert.match(String(plan(y)), 'matmulBlocks')
    const total = Array.from({ length: 32 }, (_, i) => i + 2).reduce((a, b) => a + b)
    assert.equal(await list(y), [total, total])
  })
}

const one = { name: 'a', sizes: [2], type: kinds.f32, data: new Uint8Array(8) }
const edit = (bytes: Uint8Array, at: number, ...values: number[]) => {
  bytes.set(values, at)
  return bytes
}
const LIES: [title: string, bytes: Uint8Array, phrase: string][] = [
  ['another version', ggufFile([], [one], 1), 'of version 1'],
  ['a count of tensors beyond the file', edit(ggufFile([], [one]), 12, 1), 'tensors, more than fit'],
  ['a count of metadata beyond the file', edit(ggufFile([], [one]), 20, 1), 'items of metadata, more than fit'],
  ['a text beyond the file', edit(ggufFile([['a', 4, 1]], []), 27, 1), 'bytes in a text, more than fit'],
  ['a list beyond the file', ggufFile([['a', 9, { type: 4, values: [], length: 2 ** 40 }]], []), 'values of a list'],
  ['a type of metadata that is not known', ggufFile([['a', 13, 0]], [one]), 'of type 13'],
  [
    'a key that is there twice',
    ggufFile(
      [
        ['a', 4, 1],
        ['a', 4, 1],
      ],
      [],
    ),
    "'a' is in its metadata twice",
  ],
  ['a tensor that is there twice', ggufFile([], [one, one]), "'a' is there twice"],
  ['a type of ggml that is not known', ggufFile([], [{ ...one, type: 6 }]), "ggml's type 6"],
  ['a shape beyond the file', ggufFile([], [{ ...one, sizes: [2 ** 40] }]), 'lies at'],
  ['a shape that overflows', ggufFile([], [{ ...one, sizes: [2 ** 40, 2 ** 40] }]), 'impossible shape'],
  ['blocks that are not whole', ggufFile([], [{ ...one, sizes: [33], type: kinds.q8_0 }]), 'no whole blocks'],
  ['an alignment of 0', ggufFile([['general.alignment', 4, 0]], [one]), 'aligned to 0'],
  ['an offset that is not aligned', ggufFile([], [{ ...one, offset: 4 }]), 'no multiple of 32'],
  ['an offset beyond the file', ggufFile([], [{ ...one, offset: 2 ** 50 }]), 'lies at'],
  ['nine dimensions', ggufFile([], [{ ...one, sizes: [2, 1, 1, 1, 1, 1, 1, 1, 1] }]), '9 dimensions'],
  ['a header that ends', ggufFile([], [one]).subarray(0, 40), 'ends in its header'],
]
for (const [title, bytes, phrase] of LIES) {
  test(`a file with ${title}`, async () => {
    const error = (await openGguf(write('lie.gguf', bytes)).catch((e: TenonError) => e)) as TenonError
    assert.is(error.code, 'FORMAT', String(error))
    assert.match(error.message, phrase)
  })
}

test('saveGguf: metadata of any length', async () => {
  const path = join(folder, 'long.gguf')
  const words = Array.from({ length: 30_000 }, (_, i) => `word${i}`)
  const metadata = { 'a.flag': true, 'a.words': words, 'a.numbers': Float32Array.from({ length: 30_000 }, (_, i) => i) }
  await saveGguf(path, { x: ones([2]) }, { metadata })
  const file = (await openGguf(path)) as unknown as { metadata: Record<string, unknown> }
  assert.equal(file.metadata['a.words'], words)
  assert.is((file.metadata['a.numbers'] as number[])[29_999], 29_999)
  assert.is(file.metadata['a.flag'], true)
})
