/** @file A convolutional network on MNIST. `npm run demo -- --data DIR [--seed N] [--epochs N]`, DIR with the four idx files. */
import { parseArgs } from 'node:util'
import { argMax, cast, crossEntropy, data, eq, manualSeed, nn, noGrad, optim, rand, sum, take, tensor, trainStep } from 'tenon'
import type { Tensor } from 'tenon'

const { values } = parseArgs({ options: { data: { type: 'string' }, seed: { type: 'string' }, epochs: { type: 'string' } } })
if (!values.data) throw new Error('--data DIR: a folder with the idx files of MNIST')
const [seed, epochs, batchSize] = [Number(values.seed ?? 0), Number(values.epochs ?? 5), 64]

class CNN extends nn.Module {
  conv1 = new nn.Conv2d(1, 32, 3, { padding: 'same' })
  conv2 = new nn.Conv2d(32, 64, 3, { padding: 'same' })
  fc1 = new nn.Linear(64 * 7 * 7, 128)
  fc2 = new nn.Linear(128, 10)
  override forward(images: Tensor): Tensor {
    let x = cast(images, 'f32').div(255).sub(0.1307).div(0.3081).unsqueeze(1)
    x = this.conv1.forward(x).relu().maxPool2d(2)
    x = this.conv2.forward(x).relu().maxPool2d(2)
    return this.fc2.forward(this.fc1.forward(x.flatten(1)).relu())
  }
}

const start = performance.now()
const { train, test } = await data.loadMnist(values.data)
manualSeed(seed)
const model = new CNN()
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
const step = trainStep(model, optimizer, (ids: Tensor) => crossEntropy(model.forward(take(train.images, ids)), take(train.labels, ids)), { compile: true })

for (let epoch = 0; epoch < epochs; epoch++) {
  optimizer.paramGroups[0]!.lr = 1e-3 * 0.4 ** epoch
  const keys = await rand([train.labels.size]).data()
  const order = Int32Array.from(keys.keys()).sort((a, b) => Number(keys[a]) - Number(keys[b]))
  let total = 0
  const starts = Array.from({ length: Math.floor(order.length / batchSize) }, (_, i) => i * batchSize)
  for (const at of starts) total += await (await step(tensor(order.subarray(at, at + batchSize)))).item()
  console.log(`epoch ${epoch + 1} of ${epochs}: loss ${(total / starts.length).toFixed(4)}, ${seconds()} s`)
}

let correct = 0
for (let at = 0; at < test.labels.size; at += 1000) {
  const [images, labels] = [test.images, test.labels].map((t) => t.narrow(0, at, Math.min(1000, test.labels.size - at)))
  correct += await noGrad(() => sum(cast(eq(argMax(model.forward(images!), 1), labels!), 'i64'))).item()
}
console.log(`test accuracy ${(correct / test.labels.size).toFixed(4)} in ${seconds()} s`)

function seconds(): string {
  return ((performance.now() - start) / 1000).toFixed(1)
}
