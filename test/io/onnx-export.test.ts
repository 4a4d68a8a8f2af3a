/** @file onnx.export: what is written runs in onnxruntime and is read back with the same results; every row has a way there, or a reason. */
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import * as assert from 'uvu/assert'
import * as tenon from '../../lib/index.ts'
import { arange, nn, onnx, randn, TenonError } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { decodeMessage } from '../../lib/io/onnx/schema.ts'
import type { ModelMessage } from '../../lib/io/onnx/schema.ts'
import { isComposite, mappings, reasons } from '../../lib/io/onnx/to/index.ts'
import { checkExport, inFolder, runSession } from '../support/onnx-runtime.ts'
import type { ExportCase } from '../support/onnx-runtime.ts'
import { suite } from '../support/suite.ts'

const test = suite('onnx.export')

class Calls extends nn.Module {
  readonly fn: (...args: never[]) => unknown
  constructor(fn: (...args: never[]) => unknown) {
    super()
    this.fn = fn
  }
  override forward(...args: unknown[]): unknown {
    return this.fn(...(args as never[]))
  }
}

const calling = (fn: (...args: never[]) => unknown): nn.Module => new Calls(fn)
const batch = { dynamicAxes: { input: { 0: 'batch' } } }

test('every row has an ONNX form, is taken apart, or has a reason', () => {
  for (const name of tenon.table.keys()) {
    const ways = [name in mappings, isComposite(name), name in reasons].map(Number)
    // A sequence is an operator or taken apart, whatever it is asked for.
    assert.ok(['1,0,0', '0,1,0', '0,0,1', '1,1,0'].includes(ways.join()), `${name}: ${ways.join()}`)
  }
})

/** With statistics and weights that are not 0 or 1. */
const normalized = new nn.BatchNorm2d(4)
const vectors = [...normalized.stateDict()].filter(([, { rank }]) => rank === 1)
const numbers = new Map(vectors.map(([name]) => [name, randn([4]).abs().add(0.1)]))
await normalized.loadStateDict(numbers, { strict: false })

/** Layers and nets, each with the operators that the file must have. */
const nets: Record<string, ExportCase & { ops?: readonly string[] }> = {
  'an affine net': {
    module: new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.LayerNorm([8]), new nn.Linear(8, 3)),
    args: [randn([2, 4])],
    options: batch,
    others: [[randn([5, 4])], [randn([1, 4])]],
    ops: ['Gemm', 'Relu', 'LayerNormalization', 'Gemm', 'Identity'],
  },
  'a convolutional net': {
    module: new nn.Sequential(
      ...[new nn.Conv2d(3, 4, 3, { padding: 1, stride: 2 }), new nn.BatchNorm2d(4), new nn.GELU()],
      ...[new nn.MaxPool2d(2), new nn.Conv2d(4, 4, 3, { padding: 1, groups: 2 }), new nn.AvgPool2d(2)],
      ...[new nn.Flatten(), new nn.Linear(16, 5), new nn.Softmax(-1)],
    ),
    args: [randn([2, 3, 16, 16])],
    options: batch,
    others: [[randn([4, 3, 16, 16])]],
  },
  'batch normalisation': {
    module: new nn.Sequential(new nn.Conv2d(3, 4, 3), normalized),
    args: [randn([2, 3, 5, 5])],
    ops: ['Conv', 'BatchNormalization', 'Identity'],
  },
  'images of any size': {
    module: new nn.Sequential(new nn.Conv2d(3, 4, 3, { padding: 1 }), new nn.ReLU(), new nn.AvgPool2d(2)),
    args: [randn([2, 3, 8, 8])],
    options: { dynamicAxes: { input: { 0: 'batch', 2: 'height', 3: 'width' } } },
    others: [[randn([3, 3, 10, 6])]],
  },
  'convolutions of signals and volumes, and back': {
    module: calling((x: Tensor, y: Tensor, w1: Tensor, w3: Tensor, v: Tensor, w4: Tensor) => [
      tenon.conv1d(x, w1, null, { dilation: 2, padding: 'same' }),
      tenon.conv3d(y, w3, null, { padding: 1, stride: 2 }),
      tenon.convTranspose2d(v, w4, null, { stride: 2, padding: 1, outputPadding: 1 }),
      tenon.convTranspose3d(y, w3, null, { stride: 2 }),
    ]),
    args: [
      ...[randn([2, 3, 9]), randn([1, 2, 5, 6, 7]), randn([4, 3, 3]), randn([2, 2, 2, 3, 3])],
      ...[randn([2, 3, 4, 5]), randn([3, 2, 3, 3])],
    ],
  },
  'an LSTM': {
    module: new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, batchFirst: true }),
    args: [randn([2, 5, 3])],
    options: { dynamicAxes: { input: { 0: 'batch', 1: 'time' } } },
    others: [[randn([3, 7, 3])]],
  },
  'a GRU with a state': {
    module: new nn.GRU(3, 4, { bidirectional: true }),
    args: [randn([5, 2, 3]), randn([2, 2, 4])],
  },
  'a simple recurrent net': { module: new nn.RNN(3, 4, { nonlinearity: 'relu' }), args: [randn([5, 2, 3])] },
  'an LSTM that projects, as Scan': { module: new nn.LSTM(3, 4, { projSize: 2 }), args: [randn([5, 2, 3])] },
  'a GRU with lengths, as Scan': {
    module: new nn.GRU(3, 4),
    args: [randn([5, 2, 3]), null, { lengths: [5, 2] }],
  },
  'a transformer': {
    module: new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 }), 2),
    args: [randn([2, 5, 8])],
  },
  'loops and branches': {
    module: calling((x: Tensor) => {
      const outside = x.sum().expand([4])
      const { carry, ys } = tenon.scan(
        ([s], [y]) => ({ carry: [s.add(y)], ys: [s.mul(y).add(outside)] }),
        [x.sum(0)],
        [x],
      )
      const [chosen] = tenon.cond(
        x.sum().gt(0),
        (y) => [y.exp()],
        (y) => [y.neg()],
        [x],
      )
      const [n] = tenon.whileLoop(
        (i) => i.lt(10),
        (i) => [i.mul(2)],
        [x.abs().max().add(1)],
      )
      return { last: carry[0], all: ys[0], chosen, n }
    }),
    args: [randn([3, 4])],
    options: { dynamicAxes: { input: { 0: 'rows' } } },
    others: [[randn([6, 4])]],
  },
  'sizes that are computed': {
    module: calling((x: Tensor) => {
      const [b, t, c] = x.shape
      const turned = x.permute([1, 0, 2]).reshape([t * b, c])
      const middle = x.slice([null, [1, t - 1], null])
      // Made in JavaScript, as importers do.
      const sizes = tenon.tensor([b, t, 2 * b * t, c])
      const line = tenon.tensor(Array.from({ length: t }, (_, i) => 2 + 3 * i)).reshape([t, 1])
      const ones = tenon.tensor(new Float32Array(t * c).fill(1), { shape: [t, c] })
      return [
        x.mul(sizes),
        x.add(line),
        x.add(ones),
        turned.mean(0),
        middle,
        x.flip(1),
        x.mul(arange(t).cast('f32').reshape([t, 1])),
        x.sum(1).div(t),
      ]
    }),
    args: [randn([2, 6, 4])],
    options: { dynamicAxes: { input: ['batch', 'time'].map((_, axis) => axis) } },
    others: [[randn([3, 9, 4])], [randn([1, 3, 4])]],
  },
  'names of inputs and outputs': {
    module: calling(({ a, b }: { a: Tensor; b: Tensor }) => ({ sum: a.add(b), a })),
    args: [{ a: randn([2]), b: randn([2]) }],
  },
}

for (const [title, { ops, ...one }] of Object.entries(nets))
  test(`${title}: same results elsewhere, and read back`, async () => {
    const written = await checkExport(one)
    if (ops) assert.equal(written, ops)
  })

test('parameters, inputs and outputs keep their names; nodes have those of modules', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'm.onnx')
    const net = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh())
    await onnx.export(net, [randn([1, 2])], path, { inputNames: ['x'], outputNames: ['y'] })
    const { graph } = await decodeMessage<ModelMessage>('Model', readFileSync(path), path)
    assert.equal(
      graph!.node.map(({ name }) => name),
      ['/0/Gemm_1', '/1/Tanh', '/y'],
    )
    assert.equal(graph!.initializer.map(({ name }) => name).sort(), ['0.bias', '0.weight'])
    assert.equal([graph!.input[0].name, graph!.output[0].name], ['x', 'y'])
    const again = join(folder, 'again.onnx')
    await onnx.export(await onnx.load(path), [randn([1, 2])], again)
    const session = await InferenceSession.create(again)
    assert.equal([...session.inputNames, ...session.outputNames], ['x', 'y'])
  }))

test('weights in a file beside the model', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'm.onnx')
    const net = new nn.Sequential(new nn.Linear(64, 40), new nn.Linear(40, 30))
    const x = randn([2, 64])
    await onnx.export(net, [x], path, { externalData: true })
    assert.is((await stat(`${path}.data`)).size, 12288 + 40 * 30 * 4)
    const [y] = await runSession(await InferenceSession.create(path), [x])
    const want = net.eval().forward(x)
    assert.ok((await y.sub(want).abs().max().item()) < 1e-5)
    assert.ok((await ((await onnx.load(path)).forward(x) as Tensor).sub(want).abs().max().item()) < 1e-5)
  }))

const refused: [title: string, code: string, phrase: RegExp, work: (path: string) => Promise<void>][] = [
  [
    'an op without a form',
    'VALUE',
    /svd of f32 \[2, 2\]/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => tenon.svdvals(x)),
        [randn([2, 2])],
        path,
      ),
  ],
  [
    'random numbers',
    'VALUE',
    /randomUniform .* draws/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x.add(tenon.rand([2]))),
        [randn([2])],
        path,
      ),
  ],
  [
    'an unknown option',
    'OPTION',
    /opset/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x),
        [randn([2])],
        path,
        { opsets: 17 } as never,
      ),
  ],
  [
    'an opset',
    'VALUE',
    /opset/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x),
        [randn([2])],
        path,
        { opset: 9 },
      ),
  ],
  [
    'too many names',
    'VALUE',
    /1 inputs/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x),
        [randn([2])],
        path,
        { inputNames: ['a', 'b'] },
      ),
  ],
  [
    'a name twice',
    'VALUE',
    /two values/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x),
        [randn([2])],
        path,
        { inputNames: ['a'], outputNames: ['a'] },
      ),
  ],
  [
    'an axis of nothing',
    'VALUE',
    /'x', but there are: input, output/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x),
        [randn([2])],
        path,
        { dynamicAxes: { x: [0] } },
      ),
  ],
  [
    'an axis too far',
    'AXIS',
    /has 1 axes/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x),
        [randn([2])],
        path,
        { dynamicAxes: { input: [1] } },
      ),
  ],
  [
    'an axis that is not free',
    'DYNAMIC',
    /'input_dim_0' is not free: matmul/,
    (path) => onnx.export(new nn.Linear(4, 2), [randn([4])], path, { dynamicAxes: { input: [0] } }),
  ],
  [
    'another graph at another size',
    'DYNAMIC',
    /is not free: /,
    (path) =>
      onnx.export(
        calling((x: Tensor) => Array.from({ length: x.shape[0] }, () => 0).reduce((y) => y.exp(), x)),
        [randn([3])],
        path,
        { dynamicAxes: { input: [0] } },
      ),
  ],
  [
    'a table made for one size',
    'VALUE',
    /value of nothing/,
    (path) =>
      onnx.export(
        calling((x: Tensor) => x.add(tenon.tensor(x.shape[0] === 3 ? [1] : [2]))),
        [randn([3])],
        path,
        { dynamicAxes: { input: [0] } },
      ),
  ],
]

for (const [title, code, phrase, work] of refused)
  test(`${title} is refused with ${code}`, () =>
    inFolder(async (folder) => {
      const error = await work(join(folder, 'm.onnx')).then(
        () => null,
        (found: unknown) => found,
      )
      assert.instance(error, TenonError)
      assert.is((error as TenonError).code, code)
      assert.match((error as TenonError).message, phrase)
    }))

test('forward that is asynchronous is refused with DYNAMIC; modes and random numbers stay as they were', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'm.onnx')
    const waits = calling(() => Promise.resolve(1))
    const message = await onnx.export(waits, [randn([2])], path).catch((error: unknown) => String(error))
    assert.match(String(message), /onnx.export: .*asynchronous/)
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Dropout(0.5)).train()
    await onnx.export(net, [randn([1, 2])], path)
    assert.ok(net.modules().every(({ training }) => training))
  }))
