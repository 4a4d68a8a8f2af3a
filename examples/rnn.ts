/**
 * @file Recurrent nets: RNN and LSTM read pictures of digits row by row, and an LSTM learns to make up names, letter by letter.
 * `npx tsx examples/rnn.ts [--data DIR] [--names FILE] [--seed N] [--epochs N] [--images N]`: DIR with the four idx files of MNIST (else digits are
 * drawn), FILE with a name a line (else those below).
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { compile, crossEntropy, data, manualSeed, nn, noGrad, optim, rand, tensor, trainStep, vision } from 'tenon'
import type { Tensor, Variable } from 'tenon'

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { data: text, names: text, seed: text, epochs: text, images: text } })
const seed = Number(values.seed ?? 0)
const start = performance.now()
const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`

const FEW_NAMES = `ada alan alice anna anton arthur barbara bella benjamin bruno carla carlos charles clara daniel david diana
edith edward elena elias emil emma erik eva felix fiona frank frida george grace hanna harold helena henry hugo ida irene isaac jakob
james jane john julia karl katharina konrad laura leo lena linda louis lucas lydia magda maria mark martha martin mary max mira nathan
nina nora olga oliver oscar paul paula peter philip rita robert rosa samuel sara sofia stella theo thomas tobias vera victor walter`

/** Positions 0 to n - 1, shuffled. */
async function shuffled(n: number): Promise<Int32Array> {
  const keys = await rand([n]).data()
  return Int32Array.from(keys.keys()).sort((a, b) => Number(keys[a]) - Number(keys[b]))
}

/** Trains on rows 0 to n - 1, of which `lossOf` gets some at a time; the learning rate falls to a twentieth. */
async function fit(
  model: nn.Module,
  n: number,
  options: { epochs: number; batchSize: number; lr: number },
  lossOf: (ids: Tensor) => Tensor,
  report: () => Promise<string>,
): Promise<void> {
  const { epochs, batchSize, lr } = options
  const optimizer = new optim.AdamW(model.parameters(), { lr })
  const gradients = (parameters: readonly Variable[]) => void optim.clipGradNorm(parameters, 1)
  const step = trainStep(model.train(), optimizer, lossOf, { compile: true, gradients })
  const steps = Math.floor(n / batchSize)
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = await shuffled(n)
    for (let i = 0; i < steps; i++) {
      optimizer.paramGroups[0]!.lr = lr * (0.05 + 0.475 * (1 + Math.cos((Math.PI * (epoch + i / steps)) / epochs)))
      await step(tensor(order.subarray(i * batchSize, (i + 1) * batchSize)))
    }
    console.log(`epoch ${epoch + 1} of ${epochs}: ${await report()}, ${seconds()}`)
  }
}

// Pictures: each row of pixels is one step.

class RowReader extends nn.Module {
  rnn: nn.RNN | nn.LSTM
  head = new nn.Linear(128, 10)
  constructor(rnn: nn.RNN | nn.LSTM) {
    super()
    this.rnn = rnn
  }
  override forward(images: Tensor): Tensor {
    const [states] = this.rnn.forward(images.cast('f32').div(255).sub(0.1307).div(0.3081))
    return this.head.forward(states.slice([null, -1]))
  }
}

function drawn(first: number, count: number): { images: Tensor; labels: Tensor } {
  const { images, labels } = vision.drawDigits({ first, count })
  return { images: tensor(images, { shape: [count, 28, 28] }), labels: tensor(labels) }
}

const { train, test } = values.data
  ? await data.loadMnist(values.data)
  : { train: drawn(0, 4000), test: drawn(4000, 1000) }
const numImages = Math.min(Number(values.images ?? Infinity), train.labels.size)

for (const Recurrent of [nn.RNN, nn.LSTM]) {
  manualSeed(seed)
  const model = new RowReader(new Recurrent(28, 128, { batchFirst: true }))
  console.log(`${Recurrent.name} reads ${numImages} pictures row by row`)
  const lossOf = (ids: Tensor) => crossEntropy(model.forward(train.images.take(ids, 0)), train.labels.take(ids, 0))
  await fit(model, numImages, { epochs: Number(values.epochs ?? 3), batchSize: 64, lr: 2e-3 }, lossOf, async () => {
    let correct = 0
    for (let at = 0; at < test.labels.size; at += 1000) {
      const [images, labels] = [test.images, test.labels].map((t) => t.slice([[at, at + 1000]]))
      correct += await noGrad(() => model.forward(images!).argMax(1).eq(labels!).cast('i64').sum()).item()
    }
    return `test accuracy ${(correct / test.labels.size).toFixed(4)}`
  })
}

// Names: from each letter the next one. 0 is the dot before the first letter and after the last.

class NameMaker extends nn.Module {
  embed = new nn.Embedding(27, 32)
  lstm = new nn.LSTM(32, 256, { batchFirst: true })
  dropout = new nn.Dropout(0.2)
  head = new nn.Linear(256, 27)
  /** ids [B, T] -> logits [B, T, 27] and the state to go on from. */
  override forward(ids: Tensor, state: readonly [Tensor, Tensor] | null, lengths?: Tensor): [Tensor, [Tensor, Tensor]] {
    const [y, last] = this.lstm.forward(this.embed.forward(ids), state, lengths ? { lengths } : {})
    return [this.head.forward(this.dropout.forward(y)), last]
  }
}

manualSeed(seed)
const names = (values.names ? readFileSync(values.names, 'utf8') : FEW_NAMES).trim().split(/\s+/)
const order = await shuffled(names.length)
const held = Math.min(1000, Math.floor(names.length / 10))
const longest = Math.max(...names.map((name) => name.length)) + 1
const letters = BigInt64Array.from({ length: names.length * longest }, (_, i) => {
  const [name, at] = [names[order[Math.floor(i / longest)]!]!, i % longest]
  // -100: past the end, no part of the loss.
  return at < name.length ? BigInt(name.charCodeAt(at) - 96) : at === name.length ? 0n : -100n
})
const targets = tensor(letters, { shape: [names.length, longest] })
const lengths = tensor(BigInt64Array.from(order, (k) => BigInt(names[k]!.length + 1)))
const maker = new NameMaker()

/** Mean over all letters and dots of the names whose numbers these are. */
function nameLoss(ids: Tensor): Tensor {
  const next = targets.take(ids, 0)
  const before = next.narrow(1, 0, longest - 1).pad([[1, 0]])
  const [logits] = maker.forward(before.maximum(0), null, lengths.take(ids, 0))
  return crossEntropy(logits.flatten(0, 1), next.flatten())
}

console.log(`an LSTM learns ${names.length - held} names, ${held} are held back for the test`)
const options = {
  epochs: Number(values.epochs ?? (values.names ? 6 : 8)),
  batchSize: values.names ? 64 : 16,
  lr: 4e-3,
}
// Held names come first.
const trainLoss = (ids: Tensor) => nameLoss(ids.add(held))
const testIds = tensor(Int32Array.from({ length: held }, (_, i) => i))
const testLoss = async () => {
  maker.eval()
  const loss = await noGrad(() => nameLoss(testIds)).item()
  maker.train()
  return `test loss ${loss.toFixed(4)}`
}
await fit(maker, names.length - held, options, trainLoss, testLoss)

// Ten names at once: the state goes from letter to letter. The largest of logits with Gumbel noise is a sample.
maker.eval()
const step = compile((ids: Tensor, h: Tensor, c: Tensor, noise: Tensor) => {
  const [logits, [hn, cn]] = noGrad(() => maker.forward(ids.unsqueeze(1), [h, c]))
  return [logits.squeeze(1).sub(noise.log().neg().log()).argMax(1), hn, cn]
})
const made = Array.from({ length: 10 }, () => '')
let [ids, h, c] = [tensor(new BigInt64Array(10)), rand([1, 10, 256]).mul(0), rand([1, 10, 256]).mul(0)]
for (let t = 0; t < longest; t++) {
  ;[ids, h, c] = (await step(ids, h, c, rand([10, 27]))) as [Tensor, Tensor, Tensor]
  const codes = await ids.data()
  made.forEach(
    (name, i) => (made[i] = name.endsWith('.') ? name : name + ('.abcdefghijklmnopqrstuvwxyz'[Number(codes[i])] ?? '')),
  )
}
console.log(`names made up: ${made.map((name) => name.replace('.', '')).join(' ')}`)
