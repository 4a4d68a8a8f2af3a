/** @file Files of tensors in all formats: opened by their beginning, mapped, read one by one, sharded, streamed, written and converted. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  assign,
  cast,
  dtypes,
  evaluate,
  loadNpz,
  loadSafetensors,
  loadTensors,
  nn,
  openSharded,
  openTensors,
  optim,
  randn,
  saveNpy,
  saveNpz,
  saveSafetensors,
  saveTensors,
  saveWeights,
  sum,
  tensor,
  Variable,
  zeros,
} from 'tenon'
import type { Tensor, TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { variableRow } from '../../lib/graph/variable.ts'
import { suite } from '../support/suite.ts'

const test = suite('files of tensors')

const folder = mkdtempSync(join(tmpdir(), 'tenon-files-'))
test.after(() => rmSync(folder, { recursive: true }))
const at = (...names: string[]) => join(folder, ...names)
const list = async (t: Tensor) => Array.from((await t.data()) as Float64Array, Number)
const isMapped = (t: Tensor) => t.row === variableRow
const errorOf = async (work: Promise<unknown>) => (await work.catch((e: TenonError) => e)) as TenonError

/** Large enough to be mapped. */
const LARGE = [64, 1024]
const canMap = process.platform !== 'win32'

test('safetensors: large tensors are mapped, small ones and copies are not', async () => {
  await saveSafetensors(at('large'), { large: randn(LARGE), small: randn([4]) })
  const mapped = await loadSafetensors(at('large'))
  const copied = await loadSafetensors(at('large'), { mmap: false })
  assert.equal([...mapped.values()].map(isMapped), [canMap, false])
  assert.equal([...copied.values()].map(isMapped), [false, false])
  assert.equal(await list(sum(mapped.get('large')!)), await list(sum(copied.get('large')!)))
  assert.equal(await list(mapped.get('large')!), await list(copied.get('large')!))
})

test('safetensors: what is written to a mapped parameter reaches neither the file nor what else was loaded', async () => {
  await saveSafetensors(at('model'), { weight: zeros(LARGE), bias: zeros([64]) })
  const before = readFileSync(at('model'))
  const state = await loadSafetensors(at('model'))
  const [a, b] = [new nn.Linear(1024, 64), new nn.Linear(1024, 64)]
  await a.loadStateDict(state)
  await b.loadStateDict(state)
  if (canMap) assert.type(a.weight.storage, 'object')
  const optimizer = new optim.SGD(a.parameters(), { lr: 0.5 })
  sum(a.forward(tensor(new Float32Array(1024).fill(1), { shape: [1, 1024] }))).backward()
  await optimizer.step()
  assert.equal(await list(sum(a.weight)), [-0.5 * 64 * 1024])
  assert.equal(await list(sum(b.weight)), [0])
  assert.equal(await list(sum(state.get('weight')!)), [0])
  assert.ok(before.equals(readFileSync(at('model'))))
})

test('safetensors: a model saves over the file it is mapped from', async () => {
  const x = randn(LARGE)
  await saveSafetensors(at('self'), { weight: x })
  const state = await loadSafetensors(at('self'))
  const weight = new Variable(zeros(LARGE))
  await evaluate(assign(weight, state.get('weight')!.add(1)))
  await saveSafetensors(at('self'), { weight, old: state.get('weight')! })
  const again = await loadSafetensors(at('self'))
  assert.equal(await list(again.get('old')!), await list(x))
  assert.equal(await list(again.get('weight')!), await list(x.add(1)))
})

test('safetensors: a stream is the same file; a variable written meanwhile stops it and leaves none', async () => {
  const [v, w] = [new Variable(randn(LARGE)), new Variable(randn(LARGE))]
  await saveSafetensors(at('whole'), { v, w })
  await saveSafetensors(at('stream'), { v, w }, {}, { stream: true })
  assert.ok(readFileSync(at('whole')).equals(readFileSync(at('stream'))))
  const saving = errorOf(saveSafetensors(at('late'), { v, w }, {}, { stream: true }))
  await evaluate(assign(w, zeros(LARGE)))
  const error = await saving
  if (error) assert.is(error.code, 'STALE')
  assert.is(readdirSync(folder).includes('late'), !error)
  assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')))
})

test('shards: written with their index, read as one, replaced by a single file', async () => {
  mkdirSync(at('sharded'))
  const tensors = { a: randn([64]), b: randn([64]), c: randn([64]) }
  await saveWeights(at('sharded'), tensors, { maxShardBytes: 600 })
  assert.equal(readdirSync(at('sharded')).sort(), [
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
  ])
  const index = JSON.parse(readFileSync(at('sharded', 'model.safetensors.index.json'), 'utf8')) as object
  const [first, second] = readdirSync(at('sharded')).sort()
  assert.equal(index, { metadata: { total_size: 768 }, weight_map: { a: first, b: first, c: second } })
  const loaded = await loadTensors(at('sharded'))
  for (const [name, t] of Object.entries(tensors)) assert.equal(await list(loaded.get(name)!), await list(t))
  await saveWeights(at('sharded'), tensors, { stream: true })
  assert.equal(readdirSync(at('sharded')), ['model.safetensors'])
  assert.is((await loadTensors(at('sharded'))).size, 3)
})

const INDICES: [title: string, index: unknown, phrase: string][] = [
  ['no map', {}, 'weight_map'],
  ['a list', [], 'weight_map'],
  ['a file outside', { weight_map: { a: '../model.safetensors' } }, 'no file beside it'],
  ['an absolute path', { weight_map: { a: '/etc/passwd' } }, 'no file beside it'],
  ['a drive', { weight_map: { a: 'c:x' } }, 'no file beside it'],
  ['a number', { weight_map: { a: 1 } }, 'no file beside it'],
  ['a file that is missing', { weight_map: { a: 'none.safetensors' } }, 'no such file'],
  ['a tensor that is missing', { weight_map: { z: 'one.safetensors' } }, "'z' is in one.safetensors"],
]
for (const [title, index, phrase] of INDICES) {
  test(`shards: an index with ${title}`, async () => {
    await saveSafetensors(at('one.safetensors'), { a: tensor([1]) })
    writeFileSync(at('bad.safetensors.index.json'), JSON.stringify(index))
    const error = await errorOf(openSharded(at('bad.safetensors.index.json')))
    assert.is(error.code, 'FORMAT')
    assert.match(error.message, phrase)
  })
}

test('npz and npy: every dtype there and back, bf16 as f32', async () => {
  const tensors = Object.fromEntries(dtypes.map((dtype) => [dtype, cast(tensor([[1, 0, 1]]), dtype)]))
  await saveNpz(at('all.npz'), { ...tensors, scalar: tensor(2.5), 'of/a.b': tensor([1, 2]) })
  const loaded = await loadNpz(at('all.npz'))
  assert.equal([...loaded.keys()], [...dtypes, 'scalar', 'of/a.b'])
  for (const dtype of dtypes) {
    const copy = loaded.get(dtype)!
    assert.equal([copy.dtype, copy.shape, await list(copy)], [dtype === 'bf16' ? 'f32' : dtype, [1, 3], [1, 0, 1]])
  }
  assert.equal(await list(loaded.get('scalar')!), [2.5])
  await saveNpy(at('one.npy'), tensor([1, 2, 3]))
  const file = await openTensors(at('one.npy'))
  assert.equal([file.format, [...file.tensors.keys()]], ['npy', ['one']])
  assert.equal(await list(await file.read('one')), [1, 2, 3])
  await file.close()
})

test('openTensors: knows each format by how it begins', async () => {
  const torch = fileURLToPath(new URL('../fixtures/torch/', import.meta.url))
  const t = { x: tensor([1, 2]) }
  await saveTensors(at('a.safetensors'), t)
  await saveTensors(at('a.npz'), t)
  await saveTensors(at('a.npy'), t)
  const formats = []
  for (const path of [
    at('a.safetensors'),
    at('a.npz'),
    at('a.npy'),
    `${torch}zip.pt`,
    `${torch}legacy.pt`,
    `${torch}arrays.npz`,
  ]) {
    const file = await openTensors(path)
    formats.push(file.format)
    await file.readAll()
    await file.close()
  }
  assert.equal(formats, ['safetensors', 'npz', 'npy', 'torch', 'torch', 'npz'])
  writeFileSync(at('text'), 'hello, this is no file of tensors')
  assert.match((await errorOf(openTensors(at('text')))).message, 'no format that is known')
  assert.match((await errorOf(openTensors(at('none')))).message, 'there is no such file')
  assert.match((await errorOf(openTensors(at('.')))).message, 'has neither model.safetensors nor')
  assert.is((await errorOf(saveTensors(at('a.pt'), t))).code, 'VALUE')
  const file = await openTensors(at('a.npz'))
  assert.match((await errorOf(file.read('y'))).message, "has no tensor 'y'. It has: x.")
  await file.close()
})

test('openTensors: a safetensors header may be as long as a pickle or a zip begins', async () => {
  for (const length of [0x80, 0x280, 0x4b50]) {
    const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.padEnd(length)
    const bytes = Buffer.alloc(8 + length + 4)
    bytes.writeUInt32LE(length)
    bytes.write(header, 8)
    bytes.writeFloatLE(2.5, 8 + length)
    writeFileSync(at('long.safetensors'), bytes)
    assert.equal(await list((await loadTensors(at('long.safetensors'))).get('a')!), [2.5], String(length))
  }
})

test('one tensor of a large file touches only its own pages', async () => {
  if (process.platform !== 'linux') return
  const tensors = Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`t${i}`, zeros([4, 1 << 20])]))
  await saveSafetensors(at('pages'), tensors, {}, { stream: true })
  const file = await openTensors(at('pages'))
  const t = await file.read('t2')
  await file.close()
  await sum(t.narrow(0, 0, 1)).item()
  const maps = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const mine = maps.filter((part) => part.includes(at('pages')))
  const kilobytes = (field: string) =>
    mine.reduce((n, part) => n + Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(part)![1]), 0)
  assert.is(mine.length, 1)
  assert.ok(Math.abs(kilobytes('Size') - 16 * 1024) <= 8, 'the tensor is mapped, and nothing else')
  assert.ok(kilobytes('Rss') < 12 * 1024, `of its 16 MB, 4 were read (the system reads ahead): ${kilobytes('Rss')} kB`)
  assert.ok(statSync(at('pages')).size > 64e6)
})
