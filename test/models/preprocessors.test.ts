/** @file Pictures and sounds become what transformers makes of them (scripts/fixtures/make-preprocessors.py); folders with all their files. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import * as assert from 'uvu/assert'
import { audio, loadTensors, models, tensor, text, vision } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { fromTensor, fromTensors } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('preprocessors')
const fixtures = join(import.meta.dirname, '../fixtures')
const at = (name: string) => join(fixtures, 'preprocessors', name)

async function expectedOf(name: string): Promise<{ inputs: Tensor[]; wanted: Tensor }> {
  const { pixels, features, ...inputs } = Object.fromEntries(await loadTensors(join(at(name), 'expected.safetensors')))
  return { inputs: Object.values(inputs), wanted: (pixels ?? features)! }
}

/** By how much two tensors differ at most. */
function difference(a: Tensor, b: Tensor): number {
  assert.equal(a.shape, b.shape)
  const [x, y] = fromTensors([a, b])
  return Math.max(...x.data.map((value, i) => Math.abs(value - y.data[i])))
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-preprocessors-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const failure = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'done', String)

/** Beside a test's folder, for transformers to read. */
async function keep(folder: string, name: string): Promise<void> {
  const kept = process.env.TENON_KEEP_SAVED
  if (kept) await cp(folder, join(kept, name), { recursive: true })
}

for (const name of ['vit', 'vit-up', 'clip', 'clip-bordered', 'clip-cut'])
  test(`${name}: pixels as in transformers, also after a round trip`, async () => {
    const { inputs, wanted } = await expectedOf(name)
    const processor = await vision.ImageProcessor.fromPretrained(at(name))
    assert.ok(difference(processor.process(inputs), wanted) < 1e-6)
    await inFolder(async (folder) => {
      await processor.save(folder)
      await keep(folder, name)
      assert.equal((await readdir(folder)).sort(), ['preprocessor.json', 'preprocessor_config.json'])
      assert.equal((await vision.ImageProcessor.fromPretrained(folder)).options, processor.options)
    })
  })

for (const name of ['whisper', 'whisper-large'])
  test(`${name}: log-mel frames as in transformers, also after a round trip`, async () => {
    const { inputs, wanted } = await expectedOf(name)
    const features = await audio.WhisperFeatures.fromPretrained(at(name))
    // transformers keeps spectra in single precision, which is 3e-5 near the quiet end.
    assert.ok(difference(features.process(inputs), wanted) < 1e-4)
    await inFolder(async (folder) => {
      await features.save(folder)
      await keep(folder, name)
      assert.equal((await audio.WhisperFeatures.fromPretrained(folder)).options, features.options)
    })
  })

test('Whisper hears sounds as readAudio gives them', async () => {
  const { inputs } = await expectedOf('whisper')
  const features = new audio.WhisperFeatures({ seconds: 1 })
  const data = Float32Array.from((await inputs[0].data()) as Float32Array)
  const samples = { data, shape: [1, data.length] }
  const forms = [{ samples, sampleRate: 16000 }, samples, data, tensor(data)]
  const all = await features.process(forms).toArray()
  for (const one of all as unknown[]) assert.equal(one, (all as unknown[])[0])
  assert.throws(() => features.process({ samples, sampleRate: 8000 }), /needs 16000 samples a second, got 8000/)
  assert.throws(() => features.process(tensor([[0.5], [0.5]])), /a sound is \[T\] or \[1, T\], got \[2, 1\]/)
  assert.throws(() => new audio.WhisperFeatures({ nFft: 400, sampleRate: 100, seconds: 1 }), /must have 400 to/)
  assert.throws(() => new audio.WhisperFeatures({ mels: 80 } as object), /Did you mean|It takes/)
})

test('a model, its tokenizer and its processor are one folder', async () => {
  const model = await models.fromPretrained<vision.CLIP>(join(fixtures, 'hf/clip'))
  const tokenizer = await text.Tokenizer.fromFile(join(fixtures, 'tokenizers/gpt2.json'))
  const preprocessor = new vision.ImageProcessor({ size: { shortestEdge: 12 }, crop: [12, 12] })
  await inFolder(async (folder) => {
    await model.save(folder, { tokenizer, preprocessor })
    assert.equal((await readdir(folder)).sort(), [
      ...['config.json', 'model.safetensors', 'preprocessor.json', 'preprocessor_config.json'],
      ...['tokenizer.json', 'tokenizer_config.json'],
    ])
    const other = await text.Tokenizer.fromPretrained(folder)
    assert.equal(other.encode('the fox').ids, tokenizer.encode('the fox').ids)
    const processor = await vision.ImageProcessor.fromPretrained(folder)
    const file = join(folder, 'picture.png')
    await sharp({ create: { width: 30, height: 20, channels: 3, background: { r: 255, g: 0, b: 51 } } }).toFile(file)
    const pixels = await processor.read([file, file])
    assert.equal(pixels.shape, [2, 3, 12, 12])
    const means = fromTensor(pixels.mean([0, 2, 3])).data.map((x) => Math.round(x * 1e4) / 1e4)
    assert.equal(Array.from(means), [1, -1, -0.6])
    const again = await models.fromPretrained<vision.CLIP>(folder)
    assert.equal(again.forward(pixels, tensor([[1, 2, 28]], { dtype: 'i64' })).logits.shape, [2, 1])
    assert.match(await failure(model.save(folder, { tokeniser: tokenizer } as object)), /Did you mean 'tokenizer'/)
  })
})

test('transformers 5 writes parts; sizes may be single numbers', async () => {
  await inFolder(async (folder) => {
    const values = (processor: object) => writeFile(join(folder, 'processor_config.json'), JSON.stringify(processor))
    await values({ image_processor: { image_processor_type: 'CLIPImageProcessorFast', size: 30, crop_size: 20 } })
    const { size, crop, resample } = (await vision.ImageProcessor.fromPretrained(folder)).options
    assert.equal({ size, crop, resample }, { size: { shortestEdge: 30 }, crop: [20, 20], resample: 'bicubic' })
    await values({ image_processor: { image_processor_type: 'ViTFeatureExtractor', size: 30 } })
    assert.equal((await vision.ImageProcessor.fromPretrained(folder)).options.size, [30, 30])
  })
})

for (const [title, config, phrase] of [
  [
    'another processor',
    { image_processor_type: 'SamImageProcessor' },
    /image processor is SamImageProcessor; tenon has/,
  ],
  ['a filter', { image_processor_type: 'ViTImageProcessor', resample: 1 }, /resample must be one of 0, 2, 3, got 1/],
  ['a size', { size: { height: 1e9, width: 1 } }, /height must be an integer in \[1, 65535\], got 1000000000/],
  ['a longest edge', { size: { shortest_edge: 3, longest_edge: 5 } }, /longest_edge 5 is not something/],
  ['means', { image_mean: [1, 'x', 2] }, /image_mean must be 3 numbers/],
] as const)
  test(`error for ${title}`, async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify(config))
      assert.match(await failure(vision.ImageProcessor.fromPretrained(folder)), phrase)
    })
  })

test('errors for pictures, sounds, and a folder without the file', async () => {
  const processor = new vision.ImageProcessor()
  assert.throws(() => processor.process(tensor([[[0.5]]])), /pixels are u8, got f32/)
  assert.throws(() => processor.process(tensor([[[1]]], { dtype: 'u8' })), /a picture is \[3, H, W\], got \[1, 1, 1\]/)
  assert.throws(() => new vision.ImageProcessor({ mean: null }), /mean and std/)
  assert.match(
    await failure(vision.ImageProcessor.fromPretrained(fixtures)),
    /preprocessor_config\.json: cannot be opened/,
  )
  await inFolder(async (folder) => {
    const own = JSON.parse(await readFile(join(at('whisper'), 'preprocessor_config.json'), 'utf8')) as object
    const changed = { ...own, chunk_length: 3600, sampling_rate: 384000 }
    await writeFile(join(folder, 'preprocessor.json'), JSON.stringify(changed))
    assert.match(await failure(audio.WhisperFeatures.fromPretrained(folder)), /must have 400 to 67108864 samples/)
  })
})
