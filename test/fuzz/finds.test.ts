/** @file What fuzzing found, one small case each. */
import * as assert from 'uvu/assert'
import { maxPool2d, onnx, tensor, TenonError, text, zeros } from '../../lib/index.ts'
import { ModelConfig } from '../../lib/io/model-config.ts'
import { openSource } from '../../lib/io/open-tensors.ts'
import { bytesSource } from '../../lib/io/source.ts'
import { llamaConfigFrom } from '../../lib/text/llama-config.ts'
import { ggufFile, kinds } from '../io/gguf-file.ts'
import { FLOAT, INT64, onnxModel } from '../support/onnx-model.ts'
import type { GraphText } from '../support/onnx-model.ts'
import { suite } from '../support/suite.ts'
import { zipFile } from './zip-file.ts'

const test = suite('what fuzzing found')

async function refused(work: () => unknown, code: string, words: RegExp): Promise<void> {
  try {
    await work()
  } catch (error) {
    assert.instance(error, TenonError)
    assert.is((error as TenonError).code, code)
    assert.match((error as TenonError).message, words)
    return
  }
  assert.unreachable('nothing was thrown')
}

/** ONNX's number of u8. */
const UINT8 = 2

const open = async (bytes: Uint8Array) => (await openSource(bytesSource('fuzz', 'file', bytes))).readAll()

const npy = (shape: string): Uint8Array => {
  const header = Buffer.from(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }\n`)
  return Buffer.concat([Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0), header])
}

function safetensors(header: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json])
}

test('an empty tensor has sizes that the engine can count', async () => {
  assert.throws(() => zeros([0, 2 ** 52, 2]), /too many elements/)
  await refused(() => open(npy(`(0, ${2 ** 53 - 1})`)), 'FORMAT', /impossible shape/)
  const entry = { dtype: 'F32', shape: [0, 2 ** 53 - 1], data_offsets: [0, 0] }
  await refused(() => open(safetensors({ a: entry })), 'FORMAT', /impossible shape/)
  const stored = { name: 'a', sizes: [2 ** 53, 0], type: kinds.f32, data: new Uint8Array(0) }
  await refused(() => open(ggufFile([], [stored])), 'FORMAT', /impossible shape/)
})

test('GGUF: blocks of no rows, and tensors within each other, are refused', async () => {
  const blocks = { name: 'a', sizes: [2 ** 40, 0], type: kinds.q8_0, data: new Uint8Array(0) }
  await refused(() => open(ggufFile([], [blocks])), 'FORMAT', /no whole blocks/)
  const data = new Uint8Array(64)
  const both = [{ name: 'a', sizes: [16], type: kinds.f32, data }, { name: 'b', sizes: [16], type: kinds.f32, data, offset: 32 }] // prettier-ignore
  await refused(() => open(ggufFile([], both)), 'FORMAT', /within the tensor before it/)
})

test('zip: entries that share their bytes are refused', async () => {
  const file = zipFile([{ name: 'a.npy', data: npy('(0,)') }, { name: 'b.npy', data: npy('(0,)') }], false) // prettier-ignore
  const second = file.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]))
  file.writeUInt32LE(0, second + 42)
  await refused(() => open(file), 'FORMAT', /'b.npy' begins at byte 0, within the entry before it/)
})

const words = {
  model: { type: 'WordLevel', vocab: { a: 0, '[UNK]': 1 }, unk_token: '[UNK]' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: {},
  },
}

test('tokenizer: a template for one text has no second one, nor thousands of parts', async () => {
  await refused(() => text.Tokenizer.fromJson(words), 'FORMAT', /post_processor: single: must have no second text/)
  const many = { ...words.post_processor, single: new Array(1000).fill({ Sequence: { id: 'A', type_id: 0 } }) }
  await refused(() => text.Tokenizer.fromJson({ ...words, post_processor: many }), 'FORMAT', /at most 100 parts/)
})

test('ONNX: an input may be called as what every object has', async () => {
  const inputs = Object.fromEntries([['toString', [FLOAT, 2] as const]])
  const bytes = await onnxModel({ inputs, nodes: [['y = Neg(toString)']], outputs: ['y'] })
  assert.equal((await onnx.load(bytes)).inputs[0]!.shape, [2])
})

test('tokenizer: a pattern that would be tried in exponentially many ways is refused; one that nothing follows is not', async () => {
  const withPattern = (source: string) => {
    const pattern = { Regex: source }
    return { ...words, post_processor: null, pre_tokenizer: { type: 'Split', pattern, behavior: 'Isolated' } }
  }
  for (const source of ['(a+)+$', '(?:a|a)*b', '(a?a)*!', '(?=(a+)+$)a', '((a+)+|b)c', '(a{1,3}){9}x', 'a*a*a*a*a*b'])
    await refused(() => text.Tokenizer.fromJson(withPattern(source)), 'FORMAT', /pattern: Regex: is no pattern/)
  const sample = `${'a'.repeat(200)}!`
  for (const source of ['(a+)+', '\\p{N}{1,3}+', '(?>a+)+b', '(?:a{3})*b', '[(a+)+]+b', '(?=(a+)+)a', 'a+b+c+d+'])
    assert.is(text.Tokenizer.fromJson(withPattern(source)).encode(sample).ids.length > 0, true)
})

test('config.json: layers and heads beyond any model are refused before they are made', async () => {
  const config = (values: object) => new ModelConfig('config.json', { model_type: 'llama', vocab_size: 8, ...values })
  await refused(() => llamaConfigFrom(config({ num_hidden_layers: 10_000 }), 'f32'), 'FORMAT', /at most 1000/)
  const wide = { hidden_size: 2 ** 27, num_attention_heads: 1 }
  await refused(() => llamaConfigFrom(config(wide), 'f32'), 'FORMAT', /a head has 134217728 numbers/)
})

const runOf = async (graph: GraphText, ...inputs: Parameters<typeof tensor>[0][]) => {
  const model = await onnx.load(await onnxModel(graph))
  const results = await model.run(inputs.map((x) => tensor(x)))
  return results.y!.toArray()
}

test('ONNX: Unique of a matrix that is computed, and RoiAlign of boxes that are, come to an end', async () => {
  const unique: GraphText = {
    inputs: { x: [FLOAT, 2, 2] },
    nodes: [['a = Abs(x)'], ['y = Unique(a)']],
    outputs: ['y'],
  }
  assert.equal(await runOf(unique, [[-2, 1], [2, 1]]), [1, 2]) // prettier-ignore
  const roi: GraphText = {
    inputs: { x: [FLOAT, 1, 1, 2, 2], boxes: [FLOAT, 1, 4] },
    nodes: [
      ['b = Abs(boxes)'],
      ['n = Constant()', { value: { dataType: 7, dims: [1], int64Data: [0] } }],
      ['y = RoiAlign(x, b, n)'],
    ],
    outputs: ['y'],
  }
  assert.equal(await runOf(roi, [[[[1, 2], [3, 4]]]], [[0, 0, 2, 2]]), [[[[2.5]]]]) // prettier-ignore
})

test('ONNX: operators without the inputs, dtypes or axes that they need are refused by the name of the node', async () => {
  const refuses = async (node: string, inputs: GraphText['inputs'], code: string, words: RegExp) => {
    const model = await onnx.load(await onnxModel({ inputs, nodes: [[node]], outputs: ['y'] }))
    await refused(() => model.run(model.inputs.map(({ dtype }) => zeros([], { dtype: dtype! }))), code, words)
  }
  await refuses('y = Max()', {}, 'FORMAT', /the Max.*has no inputs/)
  await refuses('y = HardSigmoid(x)', { x: [INT64] }, 'DTYPE', /the HardSigmoid.*0\.\d+ is no i64/)
  await refuses('y = ConvInteger(x, w, , z)', { x: [UINT8], w: [UINT8], z: [UINT8] }, 'FORMAT', /the ConvInteger/)
})

test('pooling: strides that kernels cannot count are refused, and long paddings are checked at once', async () => {
  const x = zeros([1, 1, 4, 4])
  await refused(() => maxPool2d(x, 2, { stride: [2, 2 ** 30 + 1] }), 'VALUE', /stride must be an integer/)
  const [kernel, start] = [2 ** 30, performance.now()]
  assert.equal(maxPool2d(x, [kernel, 1], { stride: 1, padding: [2 ** 29, 0] }).shape, [1, 1, 5, 4])
  assert.ok(performance.now() - start < 1000)
})
