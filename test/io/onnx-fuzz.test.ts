/**
 * @file Damaged ONNX files: every mutant of a small model ends in a TenonError, or loads and runs, soon and in little memory. Most mutants
 * change one field of a message and keep the file readable; the others change bytes. TENON_FUZZ says how many (default 400).
 */
import * as assert from 'uvu/assert'
import { evaluate, onnx, TenonError, zeros } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { messageType } from '../../lib/io/onnx/schema.ts'
import { BOOL, FLOAT, floats, INT64, ints, onnxModel } from '../support/onnx-model.ts'
import type { GraphText } from '../support/onnx-model.ts'
import { suite } from '../support/suite.ts'

const test = suite('damaged ONNX files')
const count = Number(process.env.TENON_FUZZ ?? 400)

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

/** A generator of numbers that gives the same ones each run. */
function numbers(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

type Message = Record<string, unknown>
const WILD = [-1, 0, 1, 2, 3, 7, 8, 64, 255, 65536, 2 ** 31 - 1, -(2 ** 31), 2 ** 40, 2 ** 62, -(2 ** 62)]
const TEXTS = [
  '',
  'x',
  'y',
  'nothing',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'Loop',
  'Reshape',
  'Resize',
  'Pad',
  'Gather',
  'MatMul',
  'RoiAlign',
  'LSTM',
  'STFT',
  'Range',
  'ConstantOfShape',
  '\u0000',
]

/** One field somewhere in the message gets another value. */
function changed(message: Message, pick: (n: number) => number): void {
  const places: [Message | unknown[], string | number][] = []
  const visit = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth > 12) return
    for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
      places.push([value as Message, key])
      visit((value as Message)[key], depth + 1)
    }
  }
  visit(message, 0)
  const [holder, key] = places[pick(places.length)]!
  const box = holder as Message
  const value = box[key]
  if (typeof value === 'number') box[key] = WILD[pick(WILD.length)]!
  else if (typeof value === 'string') box[key] = TEXTS[pick(TEXTS.length)]!
  else if (value instanceof Uint8Array) box[key] = Uint8Array.from({ length: pick(40) }, () => pick(256))
  else if (Array.isArray(value)) box[key] = pick(2) ? [...value, ...value] : value.slice(0, pick(value.length + 1))
  else if (Array.isArray(holder)) holder.splice(key as number, 1)
  else Reflect.deleteProperty(holder, key)
}

function bytesChanged(bytes: Uint8Array, pick: (n: number) => number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  if (pick(4) === 0) return copy.subarray(0, pick(copy.length))
  for (let i = 0; i <= pick(4); i++) copy[pick(copy.length)] = pick(256)
  return copy
}

/** Loads, and runs on zeros; gives what became of it. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    const model = await onnx.load(bytes)
    const inputs = model.inputs.map(({ shape, dtype }) =>
      zeros((shape ?? []).map((size) => (typeof size === 'number' && size < 64 ? size : 2)), { dtype: dtype ?? 'f32' }),
    ) // prettier-ignore
    const results: Tensor[] = Object.values(await model.run(inputs))
    const small = results.filter((t) => t.size <= 2 ** 16)
    if (small.length > 0) await evaluate(...small)
    return 'ran'
  } catch (error) {
    if (error instanceof TenonError) return error.code
    throw error
  }
}

test('every mutant ends in a TenonError or runs', async () => {
  const type = await messageType('Model')
  const pick = numbers(Number(process.env.TENON_FUZZ_SEED ?? 1))
  const files = await Promise.all(graphs.map((graph) => onnxModel(graph, { functions: [twice as never] })))
  for (const bytes of files) assert.is(await outcome(bytes), 'ran')
  const seen = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const original = files[pick(files.length)]!
    let mutant: Uint8Array
    if (pick(3) === 0) mutant = bytesChanged(original, pick)
    else {
      const message = type.toObject(type.decode(original), { longs: Number }) as Message
      for (let k = 0; k <= pick(3); k++) changed(message, pick)
      mutant = type.encode(type.fromObject(message)).finish()
    }
    const start = performance.now()
    const became = await outcome(mutant).catch((error: Error) => {
      throw new Error(`mutant ${i}: ${Buffer.from(mutant).toString('base64')}: ${error.stack}`)
    })
    const took = performance.now() - start
    assert.ok(took < 5000, `mutant ${i} took ${took} ms: ${Buffer.from(mutant).toString('base64')}`)
    seen.set(became, (seen.get(became) ?? 0) + 1)
  }
  assert.ok(process.memoryUsage.rss() < 512 * 2 ** 20, `resident: ${process.memoryUsage.rss()}`)
  // Structure-aware: many get past the reader.
  assert.ok((seen.get('ran') ?? 0) >= count / 10, JSON.stringify([...seen]))
})
