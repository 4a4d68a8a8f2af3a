/** @file Checkpoints in Hugging Face's form: outputs are those of transformers (scripts/fixtures/make-hf.py), and folders survive a round trip. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { audio, loadTensors, models, saveSafetensors, text, vision } from '../../lib/index.ts'
import type { PretrainedModel, Tensor } from '../../lib/index.ts'
import { configText } from '../../lib/io/model-config.ts'
import { fromTensors } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('fromPretrained')
const fixtures = join(import.meta.dirname, '../fixtures/hf')

type Inputs = Record<string, Tensor>

const masked = (model: text.BERTMaskedLM | text.BERTClassifier, x: Inputs) => ({
  logits: model.forward(x.input_ids, { attentionMask: x.attention_mask }),
})

const readAndWritten = (model: text.T5, x: Inputs) => ({
  logits: model.forward(x.input_ids, x.decoder_input_ids, { attentionMask: x.attention_mask }),
})

/** What a fixture's model answers, by the names of its expected.safetensors. */
const answers: Record<string, (model: never, inputs: Inputs) => Record<string, Tensor>> = {
  gpt2: (model: text.GPT2, x) => ({ logits: model.forward(x.input_ids) }),
  llama: (model: text.Llama, x) => ({ logits: model.forward(x.input_ids) }),
  mistral: (model: text.Llama, x) => ({ logits: model.forward(x.input_ids) }),
  qwen2: (model: text.Llama, x) => ({ logits: model.forward(x.input_ids) }),
  bert: masked,
  'bert-classifier': masked,
  roberta: masked,
  'roberta-classifier': masked,
  distilbert: masked,
  'distilbert-classifier': masked,
  t5: readAndWritten,
  't5-gated': readAndWritten,
  whisper: (model: audio.Whisper, x) => ({ logits: model.forward(x.input_features, x.decoder_input_ids) }),
  vit: (model: vision.ViTClassifier, x) => ({ logits: model.forward(x.pixel_values) }),
  clip: (model: vision.CLIP, x) => {
    const { logits, imageVectors, textVectors } = model.forward(x.pixel_values, x.input_ids)
    return { logits, image_embeds: imageVectors, text_embeds: textVectors }
  },
}

const expectedOf = async (name: string): Promise<Inputs> =>
  Object.fromEntries(await loadTensors(join(fixtures, name, 'expected.safetensors')))

function checkAnswers(name: string, model: PretrainedModel, expected: Inputs): void {
  const got = answers[name](model as never, expected)
  for (const [key, value] of Object.entries(got)) {
    const [x, y] = fromTensors([value, expected[key]])
    assert.equal(x.shape, y.shape)
    const off = Math.max(...x.data.map((a, i) => Math.abs(a - y.data[i])))
    assert.ok(off < 1e-4, `${name}: ${key} is off by ${off}`)
  }
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-hf-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

for (const name of Object.keys(answers)) {
  test(`${name}: answers as in transformers, also after a round trip`, async () => {
    const expected = await expectedOf(name)
    const model = await models.fromPretrained(join(fixtures, name))
    checkAnswers(name, model, expected)
    await inFolder(async (folder) => {
      await model.save(folder)
      const kept = process.env.TENON_KEEP_SAVED
      if (kept) await cp(folder, join(kept, name), { recursive: true })
      checkAnswers(name, await models.fromPretrained(folder), expected)
      const files = [join(fixtures, name), folder].map((of) => loadTensors(join(of, 'model.safetensors')))
      const [before, after] = (await Promise.all(files)).map((tensors) => [...tensors.keys()].sort())
      assert.equal(after, before)
    })
  })
}

for (const name of ['gpt2', 'llama', 'mistral', 'qwen2']) {
  test(`${name}: generates what transformers does, with a cache`, async () => {
    const expected = await expectedOf(name)
    const model = await models.fromPretrained<text.Llama>(join(fixtures, name))
    const tokens = Array.from(await expected.tokens.data(), Number)
    const found = tokens.slice(0, 5)
    for await (const token of model.generate(found.slice(), { maxNewTokens: 12 })) found.push(token)
    assert.equal(found, tokens)
  })
}

for (const name of ['t5', 't5-gated'])
  test(`${name}: writes what transformers does, with a cache`, async () => {
    const { tokens, input_ids: ids } = await expectedOf(name)
    const model = await models.fromPretrained<text.T5>(join(fixtures, name))
    const found = [0]
    for await (const token of model.generate(ids.narrow(0, 0, 1), { maxNewTokens: 12 })) found.push(token)
    assert.equal(found, Array.from(await tokens.data(), Number))
  })

test('t5: transformers 5 calls every T5 tied, and says whether its states are scaled', async () => {
  const read = (config: object, name: string) =>
    inFolder(async (folder) => {
      await cp(join(fixtures, name), folder, { recursive: true })
      const own = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object
      const said = { ...own, tie_word_embeddings: true, ...config }
      await writeFile(join(folder, 'config.json'), JSON.stringify(said))
      const model = await models.fromPretrained<text.T5>(folder)
      await model.save(folder)
      const again = await models.fromPretrained<text.T5>(folder)
      assert.equal(again.config, model.config)
      const expected = await expectedOf(name)
      if (name === 't5-gated') checkAnswers(name, again, expected)
      else assert.ok(!again.config.isScaled && again.config.isTied)
    })
  await read({ scale_decoder_outputs: false }, 't5-gated')
  await read({ scale_decoder_outputs: false }, 't5')
})

test('whisper: transcribes what transformers does, with a cache', async () => {
  const { tokens, input_features: features } = await expectedOf('whisper')
  const model = await models.fromPretrained<audio.Whisper>(join(fixtures, 'whisper'))
  const wanted = Array.from(await tokens.data(), Number)
  const found = wanted.slice(0, 2)
  for await (const token of model.generate(features.narrow(0, 0, 1), [...found], { maxNewTokens: 12 }))
    found.push(token)
  assert.equal(found, wanted)
})

async function changed(config: object, tensors: Record<string, Tensor | null> = {}): Promise<string> {
  let message = ''
  await inFolder(async (folder) => {
    const source = join(fixtures, 'llama')
    const own = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as object
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...own, ...config }))
    const all = await loadTensors(join(source, 'model.safetensors'))
    for (const [name, tensor] of Object.entries(tensors)) {
      if (tensor) all.set(name, tensor)
      else all.delete(name)
    }
    await saveSafetensors(join(folder, 'model.safetensors'), all)
    message = await models.fromPretrained(folder).then(
      () => 'loaded',
      (error: { code: string; message: string }) => `${error.code} ${error.message}`,
    )
  })
  return message
}

test('tensors that do not fit are listed by name and shape', async () => {
  const norm = (await loadTensors(join(fixtures, 'llama/model.safetensors'))).get('model.norm.weight')!
  const message = await changed(
    { intermediate_size: 20 },
    { 'model.norm.weight': norm.reshape([4, 4]), 'lm_head.weight': null, 'model.extra': norm },
  )
  assert.match(message, /^STATE /)
  assert.match(message, /model\.norm\.weight is \[16\] here and \[4, 4\] there/)
  assert.match(message, /missing: lm_head\.weight \[29, 16\]/)
  assert.match(message, /unexpected: model\.extra \[16\]/)
})

for (const [title, config, phrase] of [
  ['another architecture', { model_type: 'mamba' }, /FORMAT .*model_type 'mamba' is none of .*llama/],
  ['an activation', { hidden_act: 'relu' }, /FORMAT .*hidden_act "relu" is not something that tenon computes/],
  ['a size', { hidden_size: -1 }, /FORMAT .*hidden_size must be an integer in \[1, /],
  ['a size that the files do not have', { vocab_size: 2 ** 26 }, /STATE .*embed_tokens.*is \[67108864, 16\] here/],
  ['layers', { num_hidden_layers: 1e6 }, /FORMAT .*num_hidden_layers must be at most 1000,/],
  ['a kind of rope', { rope_scaling: { rope_type: 'yarn', factor: 2 } }, /FORMAT .*rope_type 'yarn'/],
] as const)
  test(`error for ${title}`, async () => assert.match(await changed(config), phrase))

test('config.json: fractions stay fractions where they are whole', () => {
  const values = {
    initializer_factor: 1,
    rope_scaling: { factor: 8 },
    hidden_size: 4,
    dropout: 0,
    attention_dropout: 0.5,
  }
  const text = new TextDecoder().decode(configText(values))
  assert.equal(JSON.parse(text), values)
  const numbers = Array.from(text.matchAll(/: ([\d.]+)/g), ([, number]) => number)
  assert.equal(numbers, ['1.0', '8.0', '4', '0.0', '0.5'])
})

test('no folder, no labels', async () => {
  const failure = async (promise: Promise<unknown>) => promise.then(String, String)
  assert.match(await failure(models.fromPretrained(join(fixtures, 'none'))), /config\.json: cannot be opened/)
  const labels = models.fromPretrained(join(fixtures, 'llama'), { numLabels: 3 })
  assert.match(await failure(labels), /a llama has no head for classes/)
})

for (const name of ['bert', 'roberta', 'distilbert-classifier'])
  test(`${name}: a new head for other classes, on the same body`, async () => {
    const model = await models.fromPretrained<text.BERTClassifier>(join(fixtures, name), { numLabels: 5 })
    const { input_ids: ids, attention_mask: attentionMask } = await expectedOf(name)
    assert.equal(model.forward(ids, { attentionMask }).shape, [2, 5])
    const old = await models.fromPretrained<text.BERTMaskedLM>(join(fixtures, name))
    const [x, y] = fromTensors([model, old].map(({ bert }) => bert.forward(ids, { attentionMask }).hidden))
    assert.equal(x.data, y.data)
  })
