/** @file onnx.export of every model of the project, with free axes: the same results in onnxruntime and read back, at several sizes. */
import { join } from 'node:path'
import { concat, loadTensors, models, narrow, nn, randn } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { DigitNet } from '../../lib/vision/digit-net.ts'
import { checkExport } from '../support/onnx-runtime.ts'
import { suite } from '../support/suite.ts'

const test = suite('onnx.export of models')
const fixtures = join(import.meta.dirname, '../fixtures/hf')

type Inputs = Readonly<Record<string, Tensor>>
type Axes = Readonly<Record<number, string>>

const words = { input_ids: { 0: 'batch', 1: 'time' } }
const masked = { ...words, attention_mask: words.input_ids }
const read = { ...masked, decoder_input_ids: { 0: 'batch', 1: 'written' } }

/** What a model takes, with the names of free axes; the first `plain` of it as arguments, a mask behind them as an option. */
const given: Readonly<Record<string, { axes: Readonly<Record<string, Axes>>; args: (x: Inputs) => unknown[] }>> = {
  ...Object.fromEntries(
    ['gpt2', 'llama', 'mistral', 'qwen2'].map((name) => [name, { axes: words, args: (x: Inputs) => [x.input_ids] }]),
  ),
  ...Object.fromEntries(
    ['bert', 'bert-classifier', 'roberta', 'roberta-classifier', 'distilbert', 'distilbert-classifier'].map((name) => [
      name,
      { axes: masked, args: (x: Inputs) => [x.input_ids, { attentionMask: x.attention_mask }] },
    ]),
  ),
  ...Object.fromEntries(
    ['t5', 't5-gated'].map((name) => [
      name,
      {
        axes: {
          input_ids: words.input_ids,
          decoder_input_ids: read.decoder_input_ids,
          attention_mask: words.input_ids,
        },
        args: (x: Inputs) => [x.input_ids, x.decoder_input_ids, { attentionMask: x.attention_mask }],
      },
    ]),
  ),
  whisper: {
    axes: { input_features: { 0: 'batch' }, decoder_input_ids: read.decoder_input_ids },
    args: (x) => [x.input_features, x.decoder_input_ids],
  },
  vit: { axes: { pixel_values: { 0: 'batch' } }, args: (x) => [x.pixel_values] },
  clip: {
    axes: { pixel_values: { 0: 'images' }, input_ids: { 0: 'texts', 1: 'time' } },
    args: (x) => [x.pixel_values, x.input_ids],
  },
}

/** Twice the batch; sequences one step shorter. */
function other(t: Tensor, axes: Axes): Tensor {
  const wide = concat([t, t])
  return axes[1] === undefined ? wide : narrow(wide, 1, 0, t.shape[1] - 1)
}

for (const [name, { axes, args }] of Object.entries(given))
  test(`${name}: free axes`, async () => {
    const model = await models.fromPretrained(join(fixtures, name))
    const all = Object.fromEntries(await loadTensors(join(fixtures, name, 'expected.safetensors')))
    const elsewhere = Object.fromEntries(Object.entries(axes).map(([key, free]) => [key, other(all[key], free)]))
    await checkExport({
      module: model,
      args: args(all),
      options: { inputNames: Object.keys(axes), dynamicAxes: axes },
      others: [args(elsewhere)],
    })
  })

class Residual extends nn.Module {
  readonly body: nn.Sequential
  readonly down: nn.Sequential

  constructor(from: number, to: number, stride: number) {
    super()
    this.body = new nn.Sequential(
      ...[new nn.Conv2d(from, to, 3, { stride, padding: 1, bias: false }), new nn.BatchNorm2d(to), new nn.ReLU()],
      ...[new nn.Conv2d(to, to, 3, { padding: 1, bias: false }), new nn.BatchNorm2d(to)],
    )
    this.down = new nn.Sequential(new nn.Conv2d(from, to, 1, { stride, bias: false }), new nn.BatchNorm2d(to))
  }

  override forward(x: Tensor): Tensor {
    return this.body.forward(x).add(this.down.forward(x)).relu()
  }
}

/** As ResNet-18 begins, and ends. */
class ResNet extends nn.Module {
  readonly stem = new nn.Conv2d(3, 8, 7, { stride: 2, padding: 3, bias: false })
  readonly layers = new nn.Sequential(new Residual(8, 8, 1), new Residual(8, 16, 2))
  readonly fc = new nn.Linear(16, 5)

  override forward(images: Tensor): Tensor {
    const x = this.stem.forward(images).relu().maxPool2d(3, { stride: 2, padding: 1 })
    return this.fc.forward(this.layers.forward(x).mean([2, 3]))
  }
}

test('a residual net: images of any number and size', () =>
  checkExport({
    module: new ResNet(),
    args: [randn([2, 3, 32, 32])],
    options: { dynamicAxes: { input: { 0: 'batch', 2: 'height', 3: 'width' } } },
    others: [[randn([3, 3, 48, 24])], [randn([1, 3, 41, 33])]],
  }))

test("the demo's net", () =>
  checkExport({
    module: new DigitNet(),
    args: [randn([2, 28, 28])],
    options: { dynamicAxes: { input: { 0: 'batch' } } },
    others: [[randn([5, 28, 28])]],
  }))
