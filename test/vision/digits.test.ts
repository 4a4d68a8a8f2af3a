/** @file drawDigits: the same everywhere, in any portions, readable by a network and not by a linear classifier. */
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import {
  crossEntropy,
  manualSeed,
  nn,
  noGrad,
  optim,
  tensor,
  trainStep,
  type Tensor,
  type TenonError,
} from '../../lib/index.ts'
import { DigitNet } from '../../lib/vision/digit-net.ts'
import { digitShapes } from '../../lib/vision/digit-shapes.ts'
import { drawDigits } from '../../lib/vision/digits.ts'
import { suite } from '../support/suite.ts'

const test = suite('digits')

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16)

test('drawDigits: gives count pictures of size x size and their labels', () => {
  const { images, labels } = drawDigits({ count: 7, size: 20 })
  assert.is(images.length, 7 * 20 * 20)
  assert.is(labels.length, 7)
  assert.equal(drawDigits({ count: 0 }), { images: new Uint8Array(0), labels: new Uint8Array(0) })
})

// Written down on x64; a machine that rounds or orders otherwise shows here.
test('drawDigits: a seed means the same pictures on every machine', () => {
  const { images, labels } = drawDigits({ count: 500, seed: 1 })
  assert.equal([hash(images), hash(labels)], ['fb7d5d15d3809109', 'bd98e5b5441488ad'])
})

test('drawDigits: portions join to the whole', () => {
  const whole = drawDigits({ count: 30, seed: 5 })
  const part = drawDigits({ count: 20, seed: 5, first: 10 })
  assert.equal(part.labels, whole.labels.slice(10))
  assert.equal(hash(part.images), hash(whole.images.slice(10 * 28 * 28)))
})

test('drawDigits: seeds differ, also those beyond 32 bits', () => {
  const hashes = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map((seed) =>
    hash(drawDigits({ count: 4, seed }).images),
  )
  assert.is(new Set(hashes).size, hashes.length)
})

test('drawDigits: digits come equally often', () => {
  const { labels } = drawDigits({ count: 5000, seed: 3 })
  for (let digit = 0; digit < 10; digit++) {
    const share = labels.filter((label) => label === digit).length / labels.length
    assert.ok(share > 0.08 && share < 0.12, `digit ${digit}: ${share}`)
  }
})

test('drawDigits: no stroke is cut off at the edge', () => {
  const { images, labels } = drawDigits({ count: 2000, seed: 4 })
  let inked = 0
  for (let i = 0; i < labels.length; i++) {
    // The outermost row and column; grain alone stays darker than this, dust may be anywhere.
    const image = images.subarray(i * 784, (i + 1) * 784)
    const edge = Array.from({ length: 28 }, (_, k) => [image[k]!, image[756 + k]!, image[28 * k]!, image[28 * k + 27]!])
    inked += Number(edge.flat().filter((grey) => grey > 120).length > 2)
  }
  assert.ok(inked / labels.length < 0.01, `${inked} of ${labels.length} touch the edge`)
})

test('drawDigits: every digit has ways to be written that fit its box', () => {
  assert.is(digitShapes.length, 10)
  for (const stroke of digitShapes.flat(2)) {
    assert.ok(stroke.x.length >= 2 && stroke.x.length === stroke.y.length && stroke.x.length === stroke.corner.length)
    for (const at of [...stroke.x, ...stroke.y]) assert.ok(at >= 0 && at <= 1)
  }
})

const wrong: [options: object, code: string, phrase: string][] = [
  [{ count: -1 }, 'VALUE', 'count'],
  [{ count: 1, seed: 0.5 }, 'VALUE', 'seed'],
  [{ count: 1, size: 4 }, 'VALUE', 'size'],
  [{ count: 1, sede: 1 }, 'OPTION', "'seed'"],
]
for (const [options, code, phrase] of wrong) {
  test(`drawDigits: ${JSON.stringify(options)} is refused`, () => {
    assert.throws(
      () => drawDigits(options as { count: number }),
      (error: TenonError) => error.code === code && error.message.includes(phrase),
    )
  })
}

test('DigitNet: [B, 28, 28] to [B, 10]', async () => {
  const model = new DigitNet()
  assert.is(model.numParameters, 421_642)
  assert.equal(model.forward(tensor(new Uint8Array(2 * 784), { shape: [2, 28, 28] })).shape, [2, 10])
})

class Softmax extends nn.Module {
  fc = new nn.Linear(784, 10)
  override forward(images: Tensor): Tensor {
    return this.fc.forward(images.cast('f32').div(255).flatten(1))
  }
}

/** The test accuracy after so many epochs over so many pictures. */
async function accuracyOf(
  model: nn.Module & { forward(x: Tensor): Tensor },
  count: number,
  epochs: number,
): Promise<number> {
  const part = (first: number, n: number) => {
    const { images, labels } = drawDigits({ seed: 1, first, count: n })
    return { images: tensor(images, { shape: [n, 28, 28] }), labels: tensor(labels) }
  }
  const [seen, unseen] = [part(0, count), part(100_000, 2000)]
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  const step = trainStep(model, optimizer, (x, y) => crossEntropy(model.forward(x), y), { compile: true })
  for (let at = 0; at < count * epochs; at += 50) {
    const range = [[at % count, (at % count) + 50]] as const
    await step(seen.images.slice(range), seen.labels.slice(range))
  }
  return noGrad(() => model.forward(unseen.images).argMax(1).eq(unseen.labels).cast('f32').mean()).item()
}

test('drawDigits: too hard for a linear classifier', async () => {
  manualSeed(0)
  const accuracy = await accuracyOf(new Softmax(), 20_000, 8)
  assert.ok(accuracy > 0.7 && accuracy < 0.9, `softmax regression reaches ${accuracy}`)
})

test('drawDigits: a convolutional network learns them quickly', async () => {
  manualSeed(0)
  const accuracy = await accuracyOf(new DigitNet(), 4000, 2)
  assert.ok(accuracy > 0.9, `it reaches ${accuracy}`)
})
