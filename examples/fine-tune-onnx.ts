/**
 * @file Fine-tuning an ONNX classifier: what it has learned up to the value `--at` gets a new head, which tells odd digits from even ones.
 * `npx tsx examples/fine-tune-onnx.ts --model FILE --at NAME [--data DIR] [--epochs N] [--seed N]`: a model of pictures
 * [1, 1, 28, 28] from 0 to 255, as the model zoo's mnist.onnx is (at Pooling160, say); DIR with MNIST's idx files, else digits are drawn.
 */
import { parseArgs } from 'node:util'
import { accuracy, crossEntropy, data, manualSeed, nn, onnx, optim, tensor, Trainer, vision, zeros } from 'tenon'
import type { Tensor } from 'tenon'

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { model: text, at: text, data: text, epochs: text, seed: text } })
if (!values.model || !values.at) throw new Error('--model FILE --at NAME: an ONNX file, and where the new head begins')
manualSeed(Number(values.seed ?? 0))

const { inputs } = await onnx.load(values.model)
const inputShapes = { [inputs[0]!.name]: ['batch', 1, 28, 28] }
const trunk = await onnx.load(values.model, { outputs: [values.at], inputShapes })

class Classifier extends nn.Module {
  trunk = trunk
  head = new nn.Linear((trunk.forward(zeros([1, 1, 28, 28])) as Tensor).size, 2)
  override forward(images: Tensor): Tensor {
    return this.head.forward((this.trunk.forward(images) as Tensor).flatten(1))
  }
}
const model = new Classifier()
const layers = [
  { params: model.trunk.parameters(), lr: 1e-4 },
  { params: model.head.parameters(), lr: 1e-3 },
]
const trainer = new Trainer(model, { optimizer: new optim.Adam(layers), loss: crossEntropy, metrics: { accuracy } })

const digits = values.data ? await data.loadMnist(values.data) : { train: drawn(0, 4000), test: drawn(4000, 1000) }
const [train, test] = [digits.train, digits.test].map(({ images, labels }) => {
  const parity = new data.TensorDataset(images.cast('f32').unsqueeze(1), labels.cast('i64').remainder(2))
  return new data.DataLoader(parity, { batchSize: 32, shuffle: true })
})
await trainer.fit(train!, { epochs: Number(values.epochs ?? 1) })
console.log(`of other digits, right: ${(await trainer.evaluate(test!)).accuracy!.toFixed(4)}`)

function drawn(first: number, count: number): { images: Tensor; labels: Tensor } {
  const { images, labels } = vision.drawDigits({ first, count })
  return { images: tensor(images, { shape: [count, 28, 28] }), labels: tensor(labels) }
}
