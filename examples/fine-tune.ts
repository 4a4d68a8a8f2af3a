/**
 * @file Fine-tuning: a ViT in Hugging Face's form gets a new head and learns to tell drawn ones from zeros.
 * `npx tsx examples/fine-tune.ts [--model DIR] [--out DIR] [--steps N] [--batch N] [--seed N]`: DIR with config.json and model.safetensors (else
 * a tiny model is made on the spot, which knows nothing yet); --out keeps the result, which transformers reads, too.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { accuracy, crossEntropy, manualSeed, models, optim, tensor, trainStep, vision } from 'tenon'
import type { Tensor } from 'tenon'

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { model: text, out: text, steps: text, batch: text, seed: text } })
const [steps, count] = [Number(values.steps ?? 80), Number(values.batch ?? 32)]
manualSeed(Number(values.seed ?? 0))

const made = values.model === undefined ? await mkdtemp(join(tmpdir(), 'tenon-vit-')) : null
if (made) {
  const tiny = { imageSize: 28, patchSize: 4, numChannels: 1, width: 48, numLayers: 2, numHeads: 4 }
  await new vision.ViT(tiny).save(made)
}

const model = await models.fromPretrained<vision.ViTClassifier>(values.model ?? made!, { numLabels: 2 })
const optimizer = new optim.AdamW(model.parameters(), { lr: made ? 2e-3 : 5e-5 })
const step = trainStep(model.train(), optimizer, (images: Tensor, labels: Tensor) => {
  const logits = model.forward(images)
  return { loss: crossEntropy(logits, labels), accuracy: accuracy(logits, labels) }
})
/** The number of the next drawing. */
let next = 0
for (let i = 1; i <= steps; i++) {
  const now = await step(...digits())
  if (i % 20 !== 0 && i !== steps) continue
  const [loss, right] = [await now.loss.item(), await now.accuracy.item()]
  console.log(`step ${i}: loss ${loss.toFixed(3)}, accuracy ${right.toFixed(3)}`)
}
if (values.out !== undefined) await model.save(values.out)
if (made) await rm(made, { recursive: true })

/** `count` zeros and ones as the model takes them, [count, channels, H, W] in [-1, 1], and which they are. */
function digits(): [images: Tensor, labels: Tensor] {
  const { imageSize: size, numChannels } = model.vit.config
  const pixels = new Float32Array(count * size * size)
  const labels = new BigInt64Array(count)
  for (let i = 0; i < count; next++) {
    const drawn = vision.drawDigits({ first: next, count: 1, size })
    if (drawn.labels[0]! > 1) continue
    labels[i] = BigInt(drawn.labels[0]!)
    pixels.set(drawn.images, i++ * size * size)
  }
  const images = tensor(pixels, { shape: [count, 1, size, size] })
    .div(127.5)
    .sub(1)
  return [images.expand([count, numChannels, size, size]), tensor(labels)]
}
