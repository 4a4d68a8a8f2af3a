/**
 * @file Models made elsewhere, with what is known of them: they are read and compute just that. Data: TENON_DATA, else ../shared/data. Of the
 * other models there, test/examples/convert-llama2c.test.ts has stories260K and test/text/tokenizers.test.ts the vocabularies.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile, data, loadNpz, loadTensors, nn, noGrad, onnx, tensor } from 'tenon'
import type { Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { decodeMessage } from '../../lib/io/onnx/schema.ts'
import type { TensorMessage } from '../../lib/io/onnx/schema.ts'
import { readTensor } from '../../lib/io/onnx/tensor-data.ts'
import { suite } from '../support/suite.ts'

const root = process.env.TENON_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))
const at = (...names: string[]) => join(root, 'models', ...names)
const numbers = async (t: Tensor) => Array.from(await t.data(), Number)
const json = <T>(...names: string[]) => JSON.parse(readFileSync(at(...names), 'utf8')) as T
const isDigit = (logits: readonly number[]) => logits.indexOf(Math.max(...logits))

const all = suite('given models')
/** A test of a model's folder, skipped where that is not here. */
function test(folder: string, title: string, body: () => Promise<void>): void {
  if (existsSync(at(folder)) && existsSync(join(root, 'mnist'))) all(`${folder}: ${title}`, body)
  else all.skip(`${folder}: not in ${root}`, () => {})
}

function near(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, title: string): void {
  assert.is(got.length, wanted.length, title)
  for (let i = 0; i < wanted.length; i++) {
    const isNear = Math.abs(got[i]! - wanted[i]!) <= tolerance
    assert.ok(isNear, `${title}, number ${i}: ${got[i]} for ${wanted[i]}`)
  }
}

interface OnnxMnist {
  acc_t10k: Record<string, number>
  logits_first8_pixels_0_255: number[][]
}
test('onnx-mnist', 'the logits of eight pictures, and how many of 10,000 it reads right in both scales', async () => {
  const { acc_t10k: shares, logits_first8_pixels_0_255: logits } = json<OnnxMnist>('onnx-mnist', 'expected.json')
  const model = await onnx.load(at('onnx-mnist', 'mnist.onnx'))
  const { images, labels } = (await data.loadMnist(join(root, 'mnist'))).test
  const [pixels, digits] = [await images.data(), await numbers(labels)]
  const run = compile((x: Tensor, scale: Tensor) => model.forward(x.mul(scale)) as Tensor)
  const scales = { 'pixels 0..255': 1, 'pixels 0..1': 1 / 255 }
  assert.equal(Object.keys(scales), Object.keys(shares))
  for (const [name, scale] of Object.entries(scales)) {
    let right = 0
    for (let i = 0; i < digits.length; i++) {
      const x = Float32Array.from(pixels.subarray(i * 784, (i + 1) * 784) as Uint8Array)
      const got = await numbers(await run(tensor(x, { shape: [1, 1, 28, 28] }), tensor(scale)))
      if (scale === 1 && i < logits.length) near(got, logits[i]!, 0.01, `picture ${i}`)
      if (isDigit(got) === digits[i]) right++
    }
    assert.is(right, Math.round(shares[name]! * digits.length), name)
  }
})

class BurnNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 8, 3)
  conv2 = new nn.Conv2d(8, 16, 3)
  conv3 = new nn.Conv2d(16, 24, 3)
  norm1 = new nn.BatchNorm2d(24)
  fc1 = new nn.Linear(24 * 22 * 22, 32)
  fc2 = new nn.Linear(32, 10)
  norm2 = new nn.BatchNorm1d(10)
  override forward(x: Tensor): Tensor {
    x = this.conv1.forward(x).relu()
    x = this.conv2.forward(x).relu()
    x = this.norm1.forward(this.conv3.forward(x).relu())
    return this.norm2.forward(this.fc2.forward(this.fc1.forward(x.flatten(1)).relu()))
  }
}

interface BurnMnist {
  acc_t10k: number
  logits_image0_before_log_softmax: number[]
}
test('burn-mnist', 'the digits that both of its files know', async () => {
  const expected = json<BurnMnist>('burn-mnist', 'expected.json')
  const known = {
    'mnist.safetensors': {
      logits: expected.logits_image0_before_log_softmax,
      right: Math.round(expected.acc_t10k * 10_000),
    },
    // Not the same weights, though the model's page says so: it counts half as many batches (3,752), and weights differ by up to 0.3.
    // PyTorch computes just these numbers from it, in float64.
    'mnist.pt': {
      logits: [-0.1598, -0.7518, -1.3328, -0.4845, -0.9297, -2.0436, -1.8238, 9.231, -0.8989, -0.5208],
      right: 9915,
    },
  }
  const { images, labels } = (await data.loadMnist(join(root, 'mnist'))).test
  const digits = await numbers(labels)
  for (const [file, { logits, right }] of Object.entries(known)) {
    const model = new BurnNet().eval()
    await model.loadStateDict(await loadTensors(at('burn-mnist', file)))
    const found: number[] = []
    for (let from = 0; from < digits.length; from += 500) {
      const x = images.narrow(0, from, 500).cast('f32').div(255).sub(0.1307).div(0.3081).unsqueeze(1)
      const y = noGrad(() => model.forward(x))
      if (from === 0) near(await numbers(y.narrow(0, 0, 1)), logits, 1e-3, file)
      found.push(...(await numbers(y.argMax(1))))
    }
    assert.is(found[35], 2, `${file}: the picture that its page shows`)
    assert.is(found.filter((digit, i) => digit === digits[i]).length, right, file)
  }
})

test('tract-byte-bilstm', 'the scores of each byte', async () => {
  const io = await loadNpz(at('tract-byte-bilstm', 'io.npz'))
  const model = await onnx.load(at('tract-byte-bilstm', 'model.onnx'))
  const got = await model.run({ input: io.get('input')! })
  const [name] = Object.keys(got) as [string]
  assert.equal(got[name]!.shape, [2, 58, 2])
  near(await numbers(got[name]!), await numbers(io.get('Add_26')!), 1e-5, name)
})

for (const name of ['densenet121', 'inception_v1', 'resnet50', 'shufflenet', 'squeezenet']) {
  test('onnx-light', `${name} runs and gives what is expected`, async () => {
    const model = await onnx.load(at('onnx-light', `light_${name}.onnx`))
    assert.equal(model.inputs[0]!.shape, [1, 3, 224, 224])
    const path = at('onnx-light', `light_${name}_output_0.pb`)
    const wanted = readTensor(await decodeMessage<TensorMessage>('Tensor', readFileSync(path), path), path)
    const n = 3 * 224 * 224
    const x = tensor(
      Float32Array.from({ length: n }, (_, i) => i / n),
      { shape: [1, 3, 224, 224] },
    )
    const y = model.forward(x) as Tensor
    assert.equal(y.shape, wanted.shape)
    const scores = new Float32Array(wanted.buffer)
    const logits = logitsOf(y)
    const areEqual = await areEqualUpToRounding(logits)
    if (areEqual || logits === y) near(await numbers(y), scores, 1e-6, name)
  })
}

/** What the last softmax takes; a tensor itself where there is none. */
function logitsOf(y: Tensor): Tensor {
  let last = y
  while (last.row.name === 'reshape') last = last.inputs[0]!
  return last.row.name === 'softmax' ? last.inputs[0]! : y
}

/**
 * All weights of these models are equal, so the logits are too: in SqueezeNet near 9e9, where the next number is 1,024 away and a sum in another
 * order is another number. Softmax then gives zeros and ones; the scores are told only where the logits are equal to the last place.
 */
async function areEqualUpToRounding(logits: Tensor): Promise<boolean> {
  const found = await numbers(logits)
  const [least, most] = [Math.min(...found), Math.max(...found)]
  assert.ok(most - least <= 1e-6 * Math.abs(most), `the logits are ${least} to ${most}`)
  return most === least
}
