/** @file Tokenizers in GGUF files: what is written is read as the same tokenizer, and metadata that lies is refused. */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { models, saveGguf, text } from '../../lib/index.ts'
import type { GgufValue, TenonError } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('gguf tokenizers')
const { Tokenizer } = text
const fixtures = join(import.meta.dirname, '../fixtures')
const folder = mkdtempSync(join(tmpdir(), 'tenon-gguf-tokenizers-'))
test.after(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'x.gguf')

const { texts } = JSON.parse(await readFile(join(fixtures, 'tokenizers/expected.json'), 'utf8')) as { texts: string[] }

for (const name of ['gpt2', 'llama2', 'llama3']) {
  test(`${name}: encodes and decodes as before it was written`, async () => {
    const before = await Tokenizer.fromFile(join(fixtures, `tokenizers/${name}.json`))
    const model = await models.fromPretrained(join(fixtures, 'hf/llama'))
    await model.save(path, { tokenizer: before })
    const after = await Tokenizer.fromFile(path)
    assert.is(after.vocabSize, before.vocabSize)
    for (const line of [...texts, 'a  b\n<s> c </s>', '']) {
      const ids = before.encode(line).ids
      assert.equal(after.encode(line).ids, ids, JSON.stringify(line))
      assert.is(after.decode(ids), before.decode(ids), JSON.stringify(line))
    }
    assert.is((await models.fromPretrained(path)).constructor.name, 'Llama')
  })
}

test('tokenizers without a form in a GGUF file are refused', async () => {
  const model = await models.fromPretrained(join(fixtures, 'hf/llama'))
  for (const [name, phrase] of [
    ['bert', /a model of type WordPiece/],
    ['unigram', /a model of type Unigram/],
    ['roberta', /the pre_tokenizer/],
  ] as const) {
    const tokenizer = await Tokenizer.fromFile(join(fixtures, `tokenizers/${name}.json`))
    const error = (await model.save(path, { tokenizer }).catch((e: unknown) => e)) as TenonError
    assert.is(error.code, 'VALUE')
    assert.match(error.message, phrase)
  }
})

const good: Record<string, GgufValue> = {
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.tokens': ['a', 'b', 'ab'],
  'tokenizer.ggml.merges': ['a b'],
}
const lies: [title: string, metadata: Record<string, GgufValue>, phrase: RegExp][] = [
  ['no tokens', { 'tokenizer.ggml.model': 'gpt2' }, /tokens: must be a list, got nothing/],
  ['another model', { ...good, 'tokenizer.ggml.model': 'rwkv' }, /must be one of llama, t5, gpt2, got rwkv/],
  ['another way to split', { ...good, 'tokenizer.ggml.pre': 'x' }, /a way to split that is known/],
  ['merges of other tokens', { ...good, 'tokenizer.ggml.merges': ['a c'] }, /entry 0 must be tokens/],
  ['too few types', { ...good, 'tokenizer.ggml.token_type': Int32Array.of(1) }, /as many types, got 1/],
  ['no scores', { ...good, 'tokenizer.ggml.model': 'llama' }, /scores: must be a list, got nothing/],
  ['a token beyond the list', { ...good, 'tokenizer.ggml.bos_token_id': 9 }, /must be below 3/],
]
for (const [title, metadata, phrase] of lies) {
  test(`metadata with ${title}`, async () => {
    await saveGguf(path, {}, { metadata })
    const error = (await Tokenizer.fromFile(path).catch((e: unknown) => e)) as TenonError
    assert.is(error.code, 'FORMAT', String(error))
    assert.match(error.message, phrase)
  })
}

test('metadata as small as it can be', async () => {
  await saveGguf(path, {}, { metadata: good })
  assert.equal((await Tokenizer.fromFile(path)).encode('abb').ids, [2, 1])
})
