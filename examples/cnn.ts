/** @file A convolutional network on MNIST. `npx tsx examples/cnn.ts --data DIR [--seed N] [--epochs N]`, DIR with the four idx files. */
import { parseArgs } from 'node:util'
import { crossEntropy, data, manualSeed, nn, noGrad, optim, rand, tensor, trainStep, type Tensor } from 'tenon'

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { data: text, seed: text, epochs: text } })
if (!values.data) throw new Error('--data DIR: a folder with the idx files of MNIST')
const [seed, epochs, batchSize] = [Number(values.seed ?? 0), Number(values.epochs ?? 5), 64]

class CNN extends nn.Module {
  conv1 = new nn.Conv2d(1, 32, 3, { padding: 'same' })
  conv2 = new nn.Conv2d(32, 64, 3, { padding: 'same' })
  fc1 = new nn.Linear(64 * 7 * 7, 128)
  fc2 = new nn.Linear(128, 10)
  override forward(images: Tensor): Tensor {
    let x = images.cast('f32').div(255).sub(0.1307).div(0.3081).unsqueeze(1)
    x = this.conv1.forward(x).relu().maxPool2d(2)
    x = this.conv2.forward(x).relu().maxPool2d(2)
    return this.fc2.forward(this.fc1.forward(x.flatten(1)).relu())
  }
}

const start = performance.now()
const seconds = () => ((performance.now() - start) / 1000).toFixed(1)
const { train, test } = await data.loadMnist(values.data)
manualSeed(seed)
const model = new CNN()
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
const lossOf = (ids: Tensor) => crossEntropy(model.forward(train.images.take(ids, 0)), train.labels.take(ids, 0))
const step = trainStep(model, optimizer, lossOf, { compile: true })

for (let epoch = 0; epoch < epochs; epoch++) {
  optimizer.paramGroups[0]!.lr = 1e-3 * 0.4 ** epoch
  const keys = await rand([train.labels.size]).data()
  const order = Int32Array.from(keys.keys()).sort((a, b) => Number(keys[a]) - Number(keys[b]))
  let loss = 0
  for (let at = 0; at + batchSize <= order.length; at += batchSize) {
    loss = await (await step(tensor(order.subarray(at, at + batchSize)))).item()
  }
  console.log(`epoch ${epoch + 1} of ${epochs}: loss of its last batch ${loss.toFixed(4)}, ${seconds()} s`)
}

let correct = 0
for (let at = 0; at < test.labels.size; at += 1000) {
  const [images, labels] = [test.images, test.labels].map((t) => t.slice([[at, at + 1000]]))
  correct += await noGrad(() => model.forward(images!).argMax(1).eq(labels!).cast('i64').sum()).item()
}
console.log(`test accuracy ${(correct / test.labels.size).toFixed(4)} in ${seconds()} s`)
