/** @file Models in GGUF files: made by ggml's package (scripts/fixtures/make-gguf.py) they answer as transformers does; round trips keep blocks. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { loadTensors, manualSeed, models, openGguf, plan, quantize, saveGguf, tensor, text } from '../../lib/index.ts'
import { evaluate, loadGguf, randn } from '../../lib/index.ts'
import type { Tensor, TenonError } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'
import { ggufFile, kinds } from '../io/gguf-file.ts'

const test = suite('fromGguf')
const fixtures = join(import.meta.dirname, '../fixtures')
const folder = mkdtempSync(join(tmpdir(), 'tenon-from-gguf-'))
test.after(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

type Model = text.Llama | text.GPT2
const list = async (t: Tensor) => Array.from((await t.data()) as Float32Array)
async function off(a: Tensor, b: Tensor): Promise<number> {
  const [x, y] = [await list(a), await list(b)]
  return Math.max(...x.map((v, i) => Math.abs(v - y[i]!)))
}

for (const name of ['llama', 'qwen2', 'gpt2']) {
  test(`${name}: answers as in transformers, also after it was written`, async () => {
    const expected = await loadTensors(join(fixtures, 'hf', name, 'expected.safetensors'))
    const [ids, logits] = [expected.get('input_ids')!, expected.get('logits')!]
    const model = await models.fromPretrained<Model>(join(fixtures, 'gguf', `${name}.gguf`))
    assert.ok((await off(model.forward(ids), logits)) < 1e-4)
    await model.save(at(`${name}.gguf`))
    const again = await models.fromPretrained<Model>(at(`${name}.gguf`))
    assert.ok((await off(again.forward(ids), logits)) < 1e-4)
    const fromFolder = await models.fromPretrained<Model>(join(fixtures, 'hf', name))
    await fromFolder.save(at(`${name}-2.gguf`), { stream: true })
    const files = [await loadGguf(at(`${name}-2.gguf`)), await loadGguf(join(fixtures, 'gguf', `${name}.gguf`))]
    assert.equal([...files[0]!.keys()].sort(), [...files[1]!.keys()].sort())
    for (const [key, t] of files[0]!) assert.ok((await off(t, files[1]!.get(key)!)) < 1e-5, key)
  })
}

const sizes = { vocabSize: 40, width: 64, hiddenWidth: 96, numLayers: 2, numHeads: 2, numKeyHeads: 1, numPositions: 32 }
const makers: Record<string, () => Model> = {
  Llama: () => new text.Llama({ ...sizes, ropeScaling: { kind: 'linear', factor: 2 } }),
  Qwen2: () => new text.Llama({ ...sizes, kind: 'qwen2', isTied: true }),
  Mistral: () => new text.Llama({ ...sizes, kind: 'mistral', slidingWindow: 3 }),
  GPT2: () => new text.GPT2({ vocabSize: 40, width: 64, numLayers: 2, numHeads: 2, numPositions: 32 }),
}
const ids = tensor([[3n, 1n, 39n, 7n, 8n, 9n]])

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: blocks go into the file and come back as they are`, async () => {
    manualSeed(3)
    const model = await quantize(make().eval(), 'q8_0')
    await model.save(at('blocks.gguf'))
    const again = await models.fromPretrained<Model>(at('blocks.gguf'))
    const [wanted, found] = [model.forward(ids), again.forward(ids)]
    assert.match(String(plan(found)), 'matmulBlocks')
    assert.ok((await off(found, wanted)) < 1e-5)
    const bytes = (of: Model) => [...of.stateDict().values()].reduce((n, v) => n + v.bytes, 0)
    assert.is(bytes(again), bytes(model))
    // Written from numbers it is the same file but for position tables, which stay numbers there.
    const numbers = await models.fromPretrained<Model>(at('blocks.gguf'), { dtype: 'f32' })
    assert.is(numbers.parameters().length, numbers.stateDict().size)
    assert.ok((await off(numbers.forward(ids), wanted)) < 1e-4)
    await numbers.save(at('from-numbers.gguf'), { quantize: 'q8_0' })
    assert.ok((await off((await models.fromPretrained<Model>(at('from-numbers.gguf'))).forward(ids), wanted)) < 2e-3)
  })
}

test('a model without a form, and options that do not fit, are refused', async () => {
  const code = async (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (e: TenonError) => `${e.code} ${e.message}`,
    )
  assert.match(await code(text.bert({ numLayers: 1 } as never).save(at('x.gguf'))), /^VALUE .*a BERT has no form/)
  assert.match(await code(makers.Llama!().save(at('x.gguf'), { maxShardBytes: 5 })), /^VALUE|^OPTION/)
  const wrong = new Map<string, Tensor>([...(await loadGguf(join(fixtures, 'gguf/llama.gguf')))])
  wrong.set('blk.0.attn_q.weight', randn([2, 2]))
  wrong.delete('output_norm.weight')
  wrong.set('strange', randn([3]))
  const file = await openGguf(join(fixtures, 'gguf/llama.gguf'))
  const metadata = { ...file.metadata } as Record<string, number>
  for (const key of ['llama.attention.layer_norm_rms_epsilon', 'llama.rope.freq_base'])
    metadata[key] = { f32: metadata[key] } as never
  await file.close()
  await saveGguf(at('wrong.gguf'), wrong, { metadata })
  const said = await code(models.fromPretrained(at('wrong.gguf')))
  assert.match(said, /^STATE/)
  for (const phrase of [
    'blk.0.attn_q.weight is [16, 16] here and [2, 2] there',
    'output_norm.weight [16]',
    'strange [3]',
  ])
    assert.ok(said.includes(phrase), `${phrase}: ${said}`)
  writeFileSync(at('empty.gguf'), ggufFile([['general.architecture', 8, 'mamba']], []))
  assert.match(await code(models.fromPretrained(at('empty.gguf'))), /^FORMAT .*'mamba' is none of gpt2, llama/)
  writeFileSync(at('short.gguf'), ggufFile([['general.architecture', 8, 'llama']], []))
  assert.match(await code(models.fromPretrained(at('short.gguf'))), /^FORMAT .*has no matrix token_embd.weight/)
  const odd = ggufFile(
    [
      ['general.architecture', 8, 'gpt2'],
      ['gpt2.context_length', 4, 8],
      ['gpt2.embedding_length', 4, 7],
      ['gpt2.block_count', 4, 1],
      ['gpt2.attention.head_count', 4, 2],
    ],
    [{ name: 'token_embd.weight', sizes: [7, 3], type: kinds.f32, data: new Uint8Array(84) }],
  )
  writeFileSync(at('odd.gguf'), odd)
  assert.match(await code(models.fromPretrained(at('odd.gguf'))), /^FORMAT .*multiple of numHeads/)
})

test('saveGguf: what matrices and vectors become', async () => {
  manualSeed(4)
  const given = {
    matrix: randn([4, 64]),
    narrow: randn([4, 5]),
    vector: randn([64]).cast('f16'),
    ids: tensor([1n, 2n]),
  }
  await evaluate(...Object.values(given))
  const stored = async (quantize: 'q4_0' | 'bf16' | null) => {
    await saveGguf(at('tensors.gguf'), given, { quantize, metadata: { 'a.list': ['x', 'y'], 'a.n': -3, 'a.f': 0.5 } })
    const file = await openGguf(at('tensors.gguf'))
    await file.close()
    assert.equal({ ...file.metadata }, { 'a.list': ['x', 'y'], 'a.n': -3, 'a.f': 0.5 })
    return [...file.tensors].map(([name, { dtype, encoding }]) => [name, encoding ?? dtype].join(' '))
  }
  assert.equal(await stored(null), ['matrix f32', 'narrow f32', 'vector f16', 'ids i64'])
  assert.equal(await stored('bf16'), ['matrix bf16', 'narrow bf16', 'vector f32', 'ids i64'])
  assert.equal(await stored('q4_0'), ['matrix q4_0', 'narrow f16', 'vector f32', 'ids i64'])
  const error = (await saveGguf(at('t.gguf'), { a: tensor([true]) }).catch((e: unknown) => e)) as TenonError
  assert.is(error.code, 'DTYPE')
})
