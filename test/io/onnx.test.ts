/** @file ONNX import: parameters and gradients, shapes folded, control flow, functions, narrow types, external data, what is refused. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { full, grad, modelSummary, onnx, optim, sum, tensor, zeros } from '../../lib/index.ts'
import type { Tensor, TenonError } from '../../lib/index.ts'
import { readTensor } from '../../lib/io/onnx/tensor-data.ts'
import { BOOL, FLOAT, floats, INT64, ints, onnxModel } from '../support/onnx-model.ts'
import type { GraphText } from '../support/onnx-model.ts'
import { suite } from '../support/suite.ts'

const test = suite('onnx')

async function refused(work: Promise<unknown> | (() => unknown), code: string, phrase: RegExp): Promise<void> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    assert.is((error as TenonError).code, code, (error as Error).message)
    assert.match((error as Error).message, phrase)
    return
  }
  assert.unreachable('nothing was thrown')
}

const forward = async (graph: GraphText, ...inputs: Tensor[]): Promise<number[]> => {
  const model = await onnx.load(await onnxModel(graph))
  return Array.from(await (model.forward(...inputs) as Tensor).data(), Number)
}

const linear: GraphText = {
  inputs: { x: [FLOAT, 'batch', 2] },
  initializers: { 'fc.weight': floats([1, 2], 2, 3), 'fc.bias': floats([1], 1), eps: floats([], 0.5) },
  nodes: [['h = Gemm(x, fc.weight, fc.bias)', { transB: 1 }], ['y = Add(h, eps)']],
  outputs: ['y'],
}

test('inputs, outputs and parameters have the names of the file', async () => {
  const model = await onnx.load(await onnxModel(linear))
  assert.equal(model.inputs, [{ name: 'x', type: 'float', dtype: 'f32', shape: ['batch', 2] }])
  assert.equal(model.outputs, [{ name: 'y', type: '', dtype: null, shape: null }])
  assert.equal([...model.namedParameters().keys()], ['fc.weight', 'fc.bias'])
  const y = model.forward(tensor([[1, 2], [3, 4]])) as Tensor // prettier-ignore
  assert.equal(await y.toArray(), [[9.5], [19.5]])
  const { y: same } = await model.run({ x: tensor([[1, 2]]) })
  assert.equal(await same!.toArray(), [[9.5]])
})

test('an imported model is trained like any other', async () => {
  const model = await onnx.load(await onnxModel(linear))
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
  const loss = sum(model.forward(tensor([[1, 2]])) as Tensor)
  loss.backward()
  await optimizer.step()
  const weight = model.namedParameters().get('fc.weight')!
  assert.equal(await weight.toArray(), [[Math.fround(2 - 0.1), Math.fround(3 - 0.2)]])
})

test('wrong inputs are refused by name', async () => {
  const model = await onnx.load(await onnxModel(linear))
  await refused(() => model.forward(), 'VALUE', /takes 1 inputs, got 0/)
  await refused(() => model.forward(tensor([1, 2])), 'SHAPE', /'x' is \[batch, 2\], got \[2\]/)
  await refused(() => model.forward(tensor([[1n, 2n]])), 'DTYPE', /'x' is f32, got i64/)
  await refused(model.run({ z: tensor(1) }), 'VALUE', /no input 'z'/)
})

test('shapes computed from integers are folded', async () => {
  const graph: GraphText = {
    inputs: { x: [FLOAT, 'b', 3, 4] },
    initializers: { zero: ints([1], 0), two: ints([1], 2), three: ints([1], 3), rest: ints([1], -1) },
    nodes: [
      ['shape = Shape(x)'],
      ['b = Gather(shape, zero)'],
      ['tail = Slice(shape, two, three, zero)'],
      ['double = Mul(tail, two)'],
      ['half = Div(double, two)'],
      ['wanted = Concat(b, rest, half)', { axis: 0 }],
      ['y = Reshape(x, wanted)'],
    ],
    outputs: ['y'],
  }
  const model = await onnx.load(await onnxModel(graph))
  assert.equal((model.forward(full([5, 3, 4], 1)) as Tensor).shape, [5, 3, 4])
})

test('numbers that depend on inputs: forward throws DYNAMIC with the node, run evaluates half-way', async () => {
  const graph: GraphText = {
    inputs: { x: [FLOAT, 'n'] },
    nodes: [['at = NonZero(x)'], ['flat = Squeeze(at)'], ['y = Gather(x, flat)']],
    outputs: ['y'],
  }
  const model = await onnx.load(await onnxModel(graph))
  const x = tensor([0, 5, 0, 7])
  await refused(() => model.forward(x), 'DYNAMIC', /node "the NonZero" \(NonZero\) needs numbers/)
  const { y } = await model.run([x])
  assert.equal(await y!.toArray(), [5, 7])
})

const branches = {
  then_branch: { nodes: [['a = Mul(x, x)']], outputs: ['a'] } as GraphText,
  else_branch: { nodes: [['b = Neg(x)']], outputs: ['b'] } as GraphText,
}

test('If: a constant condition is folded, another one becomes cond, with gradients', async () => {
  const nodes = [['y = If(c)', branches]] as GraphText['nodes']
  const fixed: GraphText = {
    inputs: { x: [FLOAT, 1] },
    initializers: { c: { dataType: BOOL, dims: [], int32Data: [0] } },
    nodes,
    outputs: ['y'],
  }
  assert.equal(await forward(fixed, tensor([3])), [-3])
  const model = await onnx.load(await onnxModel({ inputs: { x: [FLOAT, 1], c: [BOOL] }, nodes, outputs: ['y'] }))
  const slope = (holds: boolean) => grad((x: Tensor) => sum(model.forward(x, tensor(holds)) as Tensor))(tensor([3]))
  assert.equal(await slope(true)[0]!.toArray(), [6])
  assert.equal(await slope(false)[0]!.toArray(), [-1])
})

const body = (condition: string): GraphText => ({
  inputs: { i: [INT64], go: [BOOL], s: [FLOAT, 1] },
  nodes: [['next = Mul(s, x)'], [condition], ['seen = Identity(next)']],
  outputs: ['more', 'next', 'seen'],
})

test('Loop: a known number of rounds is a scan; a condition on data needs run', async () => {
  const loop = (condition: string, rounds: number): GraphText => ({
    inputs: { x: [FLOAT, 1] },
    initializers: { n: ints([], rounds), start: floats([1], 1), limit: floats([1], 20) },
    nodes: [['last, all = Loop(n, , start)', { body: body(condition) }]],
    outputs: ['last', 'all'],
  })
  const model = await onnx.load(await onnxModel(loop('more = Identity(go)', 6)))
  const [last, all] = model.forward(tensor([2])) as readonly Tensor[]
  assert.equal(await last!.toArray(), [64])
  assert.equal(await all!.toArray(), [[2], [4], [8], [16], [32], [64]])
  const slope = grad((x: Tensor) => sum((model.forward(x) as readonly Tensor[])[0]!))(tensor([2]))
  assert.equal(await slope[0]!.toArray(), [6 * 32])
  const early = await onnx.load(await onnxModel(loop('more = Less(next, limit)', 1000)))
  await refused(() => early.forward(tensor([2])), 'DYNAMIC', /\(Loop\)/)
  const { all: few } = await early.run([tensor([2])])
  assert.equal(few!.shape, [5, 1])
})

test('Scan goes along axes and backwards', async () => {
  const graph: GraphText = {
    inputs: { x: [FLOAT, 2, 3] },
    initializers: { zero: floats([2], 0, 0) },
    nodes: [
      [
        'last, sums = Scan(zero, x)',
        {
          body: {
            inputs: { s: [FLOAT, 2], v: [FLOAT, 2] },
            nodes: [['t = Add(s, v)'], ['u = Identity(t)']],
            outputs: ['t', 'u'],
          },
          ...{ num_scan_inputs: 1, scan_input_axes: [1], scan_input_directions: [1], scan_output_axes: [1] },
        },
      ],
    ],
    outputs: ['last', 'sums'],
  }
  const model = await onnx.load(await onnxModel(graph))
  const [last, sums] = model.forward(tensor([[1, 2, 3], [4, 5, 6]])) as readonly Tensor[] // prettier-ignore
  assert.equal(await last!.toArray(), [6, 15])
  assert.equal(await sums!.toArray(), [[3, 5, 6], [6, 11, 15]]) // prettier-ignore
})

test('functions of the model are inlined with their attributes', async () => {
  const graph: GraphText = {
    inputs: { x: [FLOAT, 2] },
    nodes: [['y = own.Leaky(x)', { slope: { float: 0.5 } }]],
    outputs: ['y'],
  }
  const leaky = {
    ...{ name: 'Leaky', attributes: ['slope'], inputs: { a: [FLOAT] } as GraphText['inputs'], outputs: ['b'] },
    nodes: [['b = LeakyRelu(a)', { alpha: { ref: 'slope' } }]] as GraphText['nodes'],
  }
  const model = await onnx.load(await onnxModel(graph, { functions: [leaky as never] }))
  assert.equal(await (model.forward(tensor([-2, 2])) as Tensor).toArray(), [-1, 2])
  const endless = { ...leaky, nodes: [['b = own.Leaky(a)']] as GraphText['nodes'] }
  const looping = await onnx.load(await onnxModel(graph, { functions: [endless as never] }))
  await refused(() => looping.forward(tensor([1, 2])), 'FORMAT', /more than 64 deep/)
})

test('narrow types: packed integers and float8', () => {
  const empty = { floatData: [], int32Data: [], int64Data: [], doubleData: [], uint64Data: [], externalData: [] }
  const read = (dataType: number, dims: number[], ...raw: number[]) =>
    readTensor({ ...empty, name: 't', dims, dataType, rawData: Uint8Array.from(raw), dataLocation: 0 }, 't').buffer
  assert.equal([...new Int8Array(read(22, [3], 0xf1, 0x08))], [1, -1, -8])
  assert.equal([...new Uint8Array(read(21, [3], 0xf1, 0x08))], [1, 15, 8])
  assert.equal([...new Int8Array(read(26, [4], 0b11100100))], [0, 1, -2, -1])
  assert.equal([...new Float32Array(read(17, [4], 0x38, 0xb8, 0x7e, 0x7f))], [1, -1, 448, NaN])
  assert.equal([...new Float32Array(read(19, [3], 0x3c, 0x7c, 0xfc))], [1, Infinity, -Infinity])
  assert.equal([...new Float32Array(read(23, [4], 0x21, 0xf7))], [0.5, 1, 6, -6])
})

test('mel weights: triangles, those of one bin too', async () => {
  const settings = {
    mels: ints([], 8),
    size: ints([], 16),
    rate: ints([], 8192),
    low: floats([], 0),
    high: floats([], 4096),
  }
  const nodes = [['y = MelWeightMatrix(mels, size, rate, low, high)']] as GraphText['nodes']
  const got = await forward({ initializers: settings, nodes, outputs: ['y'] })
  const ones = got.flatMap((value, at) => (value === 1 ? [at] : []))
  assert.equal(ones, [0, 1, 10, 11, 20, 29, 38, 47])
  assert.is(got.length, 72)
})

test('external data stays in the folder', async () => {
  const root = mkdtempSync(join(tmpdir(), 'tenon-onnx-'))
  try {
    const folder = join(root, 'model')
    mkdirSync(folder)
    writeFileSync(join(root, 'secret.bin'), Buffer.alloc(64, 1))
    writeFileSync(join(folder, 'weights.bin'), new Uint8Array(Float32Array.of(0, 7, 8).buffer))
    symlinkSync(join(root, 'secret.bin'), join(folder, 'link.bin'))
    const load = async (entries: Record<string, string>) => {
      const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }))
      const w = { dataType: FLOAT, dims: [2], externalData, dataLocation: 1 }
      const bytes = await onnxModel({ initializers: { w }, nodes: [['y = Identity(w)']], outputs: ['y'] })
      writeFileSync(join(folder, 'm.onnx'), bytes)
      return onnx.load(join(folder, 'm.onnx'))
    }
    const model = await load({ location: 'weights.bin', offset: '4', length: '8' })
    assert.equal(await (model.forward() as Tensor).toArray(), [7, 8])
    await refused(load({ location: '../secret.bin' }), 'FORMAT', /not in the model's folder/)
    await refused(load({ location: join(root, 'secret.bin') }), 'FORMAT', /not in the model's folder/)
    await refused(load({ location: 'link.bin' }), 'FORMAT', /leads out of/)
    await refused(load({ location: 'weights.bin', offset: '8' }), 'FORMAT', /of 12 bytes/)
    await refused(load({ location: 'weights.bin', length: '1000000000000' }), 'FORMAT', /needs 8 bytes/)
    await refused(onnx.load(readFileSync(join(folder, 'm.onnx'))), 'FORMAT', /came as bytes/)
  } finally {
    rmSync(root, { recursive: true })
  }
})

test('modelSummary: a model is its operators; a function holds its own, a branch is one with its operator', async () => {
  const twice = { name: 'Twice', inputs: { a: [FLOAT] as const }, nodes: [['b = Add(a, a)'], ['c = Relu(b)']] as const }
  const branch = (op: string): GraphText => ({ nodes: [[`z = ${op}(v)`]], outputs: ['z'] })
  const bytes = await onnxModel(
    {
      inputs: { x: [FLOAT, 'n', 3], on: [BOOL] },
      initializers: { w: floats([3, 2], 1, 2, 3, 4, 5, 6) },
      nodes: [
        ['u = MatMul(x, w)'],
        ['v = own.Twice(u)'],
        ['y = If(on)', { then_branch: branch('Neg'), else_branch: branch('Exp') }],
      ],
      outputs: ['y'],
    },
    { functions: [{ ...twice, outputs: ['c'] }] },
  )
  const { layers, edges } = modelSummary(await onnx.load(bytes), zeros([4, 3]), zeros([], { dtype: 'bool' }))
  assert.equal(
    layers.slice(1).map(({ field, kind, depth, parameters, isLeaf }) => [field, kind, depth, parameters, isLeaf]),
    [
      ['the MatMul', 'MatMul', 1, 6, true],
      ['the Twice', 'Twice', 1, 0, false],
      ['the Add', 'Add', 2, 0, true],
      ['the Relu', 'Relu', 2, 0, true],
      ['the If', 'If', 1, 0, true],
    ],
  )
  assert.equal(layers[1]!.outputShapes, [[4, 2]])
  assert.is(layers[1]!.flops, 2 * 4 * 3 * 2)
  assert.equal(edges.map(([from, to]) => `${from} ${to}`).sort(), ['-1 1', '-1 5', '1 3', '3 4', '4 5', '5 6'])
})

test('load: up to a value inside, with a free batch', async () => {
  const bytes = await onnxModel({
    inputs: { x: [FLOAT, 1, 2], on: [BOOL], other: [FLOAT, 1] },
    initializers: { w: floats([2, 2], 1, 2, 3, 4), v: floats([2, 1], 1, 1) },
    nodes: [
      [
        'u = If(on)',
        { then_branch: { nodes: [['a = MatMul(x, w)']], outputs: ['a'] }, else_branch: { nodes: [], outputs: ['x'] } },
      ],
      ['h = Tanh(u)'],
      ['y = MatMul(h, v)'],
      ['z = Add(y, other)'],
    ],
    outputs: ['z'],
  })
  const trunk = await onnx.load(bytes, { outputs: ['h'], inputShapes: { x: ['batch', 2] } })
  assert.equal(
    trunk.inputs.map(({ name, shape }) => [name, shape]),
    [
      ['x', ['batch', 2]],
      ['on', []],
    ],
  )
  assert.equal(trunk.outputs.map(({ name }) => name), ['h']) // prettier-ignore
  assert.equal(Object.keys(trunk.initializers), ['w'])
  const h = trunk.forward(tensor([[1, 0], [0, 1], [0, 0]]), tensor(true)) as Tensor // prettier-ignore
  const found = ((await h.toArray()) as number[][]).flat().map((value) => Math.atanh(value).toFixed(3))
  assert.equal(found, ['1.000', '2.000', '3.000', '4.000', '0.000', '0.000'])
  const byNode = await onnx.load(bytes, { outputs: ['the Tanh', 'y'] })
  assert.equal(byNode.outputs.map(({ name }) => name), ['h', 'y']) // prettier-ignore
  assert.equal(Object.keys(byNode.initializers), ['w', 'v'])
  await refused(onnx.load(bytes, { outputs: ['q'] }), 'VALUE', /"q". The last values: "u", "h", "y", "z"/)
  await refused(onnx.load(bytes, { inputShapes: { q: [1] } }), 'VALUE', /no input 'q'. There are: x, on, other/)
  await refused(onnx.load(bytes, { inputShapes: { x: [-1] } }), 'VALUE', /a size of 'x' must be an integer/)
  await refused(onnx.load(bytes, { output: ['h'] } as object), 'OPTION', /Did you mean 'outputs'/)
})

test('what is damaged or not supported is refused with its place', async () => {
  const one = (line: string, opset = 17) =>
    onnxModel({ nodes: [[line]], outputs: ['y'] }, { opset }).then((bytes) => onnx.load(bytes))
  await refused(
    one('y = Frobnicate()'),
    'FORMAT',
    /node "the Frobnicate" \(Frobnicate\) is an operator that is not supported/,
  )
  await refused(one('y = Identity(x)', 99), 'FORMAT', /version 99; versions up to 27/)
  await refused(
    one('y = Identity(nowhere)').then((model) => model.forward()),
    'FORMAT',
    /no value "nowhere"/,
  )
  await refused(onnx.load(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 1)), 'FORMAT', /cannot be read as protobuf/)
  await refused(onnx.load(new Uint8Array()), 'FORMAT', /has no graph/)
  await refused(onnx.load(join(tmpdir(), 'no-such.onnx')), 'FORMAT', /cannot be opened/)
  const lying = { dataType: FLOAT, dims: [1_000_000, 1_000_000], rawData: new Uint8Array(4) }
  const bytes = await onnxModel({ initializers: { w: lying }, nodes: [['y = Identity(w)']], outputs: ['y'] })
  await refused(onnx.load(bytes), 'FORMAT', /"w" has 4 bytes of data for float \[1000000, 1000000\]/)
})
