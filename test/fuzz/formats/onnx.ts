/** @file ONNX: models whose messages are changed, run on zeros; and data beside the model. */
import { evaluateSync, plan, summary, zeros } from '../../../lib/index.ts'
import type { onnx, Tensor } from '../../../lib/index.ts'
import { readModel } from '../../../lib/io/onnx/read-model.ts'
import { messageType } from '../../../lib/io/onnx/schema.ts'
import { BOOL, FLOAT, floats, INT64, ints, onnxModel } from '../../support/onnx-model.ts'
import type { GraphText } from '../../support/onnx-model.ts'
import { bytesOf, format, Link, one } from '../format.ts'
import type { Files } from '../format.ts'
import { bytesChanged, pick, valueChanged } from '../mutate.ts'
import type { Random } from '../mutate.ts'
import { madeGraph } from './onnx-graphs.ts'

/** Small models that between them have every kind of message. */
const graphs: GraphText[] = [
  {
    inputs: { x: [FLOAT, 1, 2, 6, 6] },
    initializers: { w: floats([2, 2, 3, 3], ...Array.from({ length: 36 }, (_, i) => i)), s: ints([2], 1, -1) },
    nodes: [
      ['c = Conv(x, w)', { pads: [1, 1, 1, 1], strides: [1, 1], dilations: [1, 1], group: 1 }],
      ['p, at = MaxPool(c)', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
      ['f = Reshape(p, s)'],
      ['y = Softmax(f)', { axis: -1 }],
    ],
    outputs: ['y'],
  },
  {
    inputs: { x: [FLOAT, 'n', 4] },
    initializers: {
      start: ints([1], 0),
      end: ints([1], 3),
      axis: ints([1], 1),
      q: { dataType: 22, dims: [4], rawData: Uint8Array.of(0x21, 0x43) },
      scale: floats([], 0.5),
    },
    nodes: [
      ['a = Slice(x, start, end, axis)'],
      ['k = Constant()', { value: ints([1], 2) }],
      ['v, i = TopK(a, k)', { axis: 1 }],
      ['d = DequantizeLinear(q, scale)'],
      ['y = Einsum(a)', { equation: 'ij->ji' }],
    ],
    outputs: ['y', 'd', 'i'],
  },
  {
    inputs: { x: [FLOAT, 3], c: [BOOL] },
    initializers: { n: ints([], 3), s: floats([3], 1, 2, 3) },
    nodes: [
      [
        'l, ys = Loop(n, , s)',
        {
          body: {
            inputs: { i: [INT64], go: [BOOL], v: [FLOAT, 3] },
            nodes: [['w = Mul(v, x)'], ['more = Identity(go)'], ['u = Identity(w)']],
            outputs: ['more', 'w', 'u'],
          },
        },
      ],
      [
        'y = If(c)',
        {
          then_branch: { nodes: [['t = Neg(l)']], outputs: ['t'] },
          else_branch: { nodes: [['t = Abs(l)']], outputs: ['t'] },
        },
      ],
      ['z = own.Twice(y)'],
      ['at = NonZero(z)'],
    ],
    outputs: ['z', 'ys', 'at'],
  },
]
const twice = {
  name: 'Twice',
  inputs: { a: [FLOAT] as const },
  nodes: [['b = Add(a, a)']] as GraphText['nodes'],
  outputs: ['b'],
}

/** Operators that take much from little. */
const OPERATORS = [
  ...['nothing', 'Loop', 'Reshape', 'Resize', 'Pad', 'Gather', 'MatMul', 'RoiAlign', 'LSTM', 'STFT', 'Range', 'Tile'],
  ...['ConstantOfShape', 'Expand', 'OneHot', 'Upsample', 'DFT', 'Unique', 'Compress', 'RandomNormal', 'EyeLike'],
  ...['ij,jk->ik', 'i...->...', 'ii->i', 'abcdefgh->'],
]

type Message = Record<string, unknown>

const type = await messageType('Model')

/** Fields that are changed and written as a message again. */
function messageChanged(bytes: Uint8Array, random: Random, texts: readonly string[]): Uint8Array {
  const message = type.toObject(type.decode(bytes), { longs: Number }) as Message
  for (let i = random(4); i >= 0; i--) valueChanged(message, random, { anyType: false, texts })
  return type.encode(type.fromObject(whole(message) as Message)).finish()
}

/** Integers, where the messages have no others; a fraction has no place in most. */
function whole(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? value : 1
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(whole)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, whole(inner)]))
}

/** What an evaluation may need to be carried out here. */
const MOST_BYTES = 2 ** 25
const MOST_OPERATIONS = 1e8

/** On zeros of the shapes that the model says, free sizes being 2. */
async function runOnZeros(model: onnx.OnnxModel): Promise<void> {
  const inputs = model.inputs.map(({ shape, dtype }) =>
    zeros(
      (shape ?? []).map((size) => (typeof size === 'number' && size < 64 ? size : 2)),
      { dtype: dtype ?? 'f32' },
    ),
  )
  for (const result of Object.values(await model.run(inputs))) if (isSmall(result)) evaluateSync(result)
}

function isSmall(t: Tensor): boolean {
  if (t.size > 2 ** 20) return false
  const { peakBytes, flops } = summary(plan(t))
  return peakBytes <= MOST_BYTES && flops <= MOST_OPERATIONS
}

/** What a graph cannot do is found when it runs, and said as the op says it. */
const codes = {
  use: ['SHAPE', 'DTYPE', 'AXIS', 'VALUE', 'INDEX', 'DYNAMIC', 'SINGULAR', 'MEMORY', 'OPTION', 'GRADIENT'],
} as const

export const onnxModels = format({
  name: 'onnx',
  good: await Promise.all(
    graphs.map(async (graph) => one(await onnxModel(graph, { functions: [twice as never] }), 'x.onnx')),
  ),
  lies: 'folder',
  mutate: (good, random) => {
    if (random(2)) return one(madeGraph(random), 'x.onnx')
    const bytes = bytesOf(good, 'x.onnx')
    return one(random(6) ? messageChanged(bytes, random, OPERATORS) : bytesChanged(bytes, random), 'x.onnx')
  },
  open: ({ folder }) => readModel(`${folder}/x.onnx`, {}),
  use: runOnZeros,
  codes,
})

const external: GraphText = {
  inputs: { x: [FLOAT, 'n', 4] },
  initializers: {
    w: {
      ...{ dataType: FLOAT, dims: [4, 2], dataLocation: 1 },
      externalData: [
        { key: 'location', value: 'w.bin' },
        { key: 'offset', value: '4' },
        { key: 'length', value: '32' },
      ],
    },
    b: { dataType: FLOAT, dims: [2], dataLocation: 1, externalData: [{ key: 'location', value: 'b.bin' }] },
  },
  nodes: [['m = MatMul(x, w)'], ['y = Add(m, b)']],
  outputs: ['y'],
}
/** Places that are outside of the folder, or none. */
const PLACES = [
  ...['../outside.bin', '/etc/hostname', 'link/hostname', 'w.bin', './w.bin', 'a/../../outside.bin', '..\\outside.bin'],
  ...[
    'C:\\w.bin',
    '.',
    '',
    'b.bin',
    'w.bin\0',
    'location',
    'offset',
    'length',
    '0',
    '8',
    '9007199254740993',
    '-4',
    '1e3',
  ],
]

export const onnxExternal = format({
  name: 'onnx-external',
  lies: 'disk',
  good: [{ 'x.onnx': await onnxModel(external), 'w.bin': new Uint8Array(36), 'b.bin': new Uint8Array(8) }] as Files[],
  mutate: (good, random) => {
    const name = pick(['x.onnx', 'x.onnx', 'w.bin', 'b.bin'], random)
    const bytes = bytesOf(good, name)
    if (name === 'x.onnx') return { ...good, [name]: messageChanged(bytes, random, PLACES), link: new Link('/etc') }
    const to = pick(['../outside.bin', '/etc/hostname', 'w.bin', 'x.onnx', '.'], random)
    return { ...good, [name]: random(4) ? bytesChanged(bytes, random) : new Link(to) }
  },
  open: ({ folder }) => readModel(`${folder}/x.onnx`, {}),
  use: runOnZeros,
  codes,
})
