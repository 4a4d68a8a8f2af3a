/** @file `tenon run` and what `tenon inspect` says of models: costs for sizes of inputs, graphs; ONNX files and folders in Hugging Face's form. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadNpz, saveNpy, saveNpz, saveSafetensors, tensor, zeros } from 'tenon'
import * as assert from 'uvu/assert'
import { call } from '../support/command.ts'
import { BOOL, FLOAT, floats, onnxModel } from '../support/onnx-model.ts'
import { suite } from '../support/suite.ts'

const test = suite('cli of models')

const root = mkdtempSync(join(tmpdir(), 'tenon-cli-models-'))
test.after(() => rmSync(root, { recursive: true }))
const at = (name: string) => join(root, name)
const hf = (name: string) => fileURLToPath(new URL(`../fixtures/hf/${name}`, import.meta.url))

const scale = await onnxModel({
  inputs: { x: [FLOAT, 'n', 2], y: [FLOAT, 'n', 3], on: [BOOL] },
  initializers: { w: floats([2, 3], 1, 2, 3, 4, 5, 6) },
  nodes: [['u = MatMul(x, w)'], ['sum = Add(u, y)'], ['not = Not(on)']],
  outputs: ['sum', 'not'],
})
const wild = await onnxModel({
  inputs: { 'x\u001b[2J': [FLOAT, 'n'] },
  nodes: [['where = NonZero(x\u001b[2J)']],
  outputs: ['where'],
})
writeFileSync(at('scale.onnx'), scale)
writeFileSync(at('wild.onnx'), wild)
writeFileSync(
  at('no-input.onnx'),
  await onnxModel({ nodes: [['y = Constant()', { value: floats([1], 3) }]], outputs: ['y'] }),
)
const x = tensor([[1, 2]])
await saveNpy(at('x.npy'), x)
await saveNpy(at('a=x.npy'), x)
await saveNpy(at('y.npy'), tensor([[10, 20, 30]]))
await saveNpy(at('on.npy'), tensor(true))
await saveNpy(at('y2.npy'), zeros([2, 3]))
await saveNpy(at('wide.npy'), x.cast('f64'))
await saveNpz(at('all.npz'), { x, y: zeros([1, 3]), on: tensor(false), more: x })
await saveNpz(at('other.npz'), { a: x, b: x })
await saveSafetensors(at('ids.safetensors'), {
  input_ids: tensor([[2n, 5n, 7n]]),
  attention_mask: tensor([[1n, 1n, 0n]]),
})
await saveNpy(at('ids.npy'), tensor([[2n, 5n, 7n]]))

/** Arguments behind `tenon run`, exit code, and phrases in what is printed, of errors where that is not 0. */
const runs: [title: string, args: string[], status: number, phrases: (string | RegExp)[]][] = [
  [
    'inputs in order',
    ['scale.onnx', '--input', 'x.npy', 'y.npy', 'on.npy'],
    0,
    [/sum +f32 +\[1, 3\] +19 +45 +19 32 45/, /not +bool +\[\] +0 +0 +0/],
  ],
  [
    'by name, and the rest in order',
    ['scale.onnx', '--input', 'on=on.npy', '--input', 'x.npy', '--input', 'y=y.npy'],
    0,
    ['19 32 45'],
  ],
  ['all from one file', ['scale.onnx', '--input', 'all.npz'], 0, ['9 12 15', /not +bool +\[\] +1/]],
  ['a path that looks like a name', ['scale.onnx', '--input', 'a=x.npy', 'y.npy', 'on.npy'], 0, ['19 32 45']],
  ['no inputs', ['no-input.onnx'], 0, [/y +f32 +\[1\] +3 +3 +3/]],
  [
    'sizes that depend on numbers',
    ['wild.onnx', '--input', 'x\u001b[2J=one.npy'],
    0,
    [/where +i64 +\[1, 2\] +0 +2 +0 2/],
  ],
  ['a folder', [hf('bert'), '--input', 'ids.safetensors'], 0, [/output +f32 +\[1, 3, 29\]/]],
  ['a folder, in order', [hf('t5'), '--input', 'ids.npy', 'ids.npy'], 0, [/output +f32 +\[1, 3, 29\]/]],
  [
    'nothing given',
    ['scale.onnx', '--input', 'y=y.npy'],
    1,
    ['no x, on is given', 'takes x f32 [n, 2], y f32 [n, 3], on bool []'],
  ],
  [
    'another dtype',
    ['scale.onnx', '--input', 'wide.npy', 'y.npy', 'on.npy'],
    1,
    ["'x' is f32, got f64", 'takes x f32 [n, 2]'],
  ],
  [
    'sizes that differ',
    ['scale.onnx', '--input', 'x.npy', 'y2.npy', 'on.npy'],
    1,
    ["'y' is [n, 3], got [2, 3]", 'takes x f32'],
  ],
  ['too many', ['no-input.onnx', '--input', 'x.npy'], 1, ['no input for', 'x.npy']],
  ['an unknown name', ['scale.onnx', '--input', 'z=x.npy'], 1, ["no input 'z'", 'There are: x, y, on']],
  ['twice', ['scale.onnx', '--input', 'x=x.npy', 'all.npz'], 1, ["'x' is given twice"]],
  ['a file of other names', ['scale.onnx', '--input', 'other.npz'], 1, ['holds a, b, none of which is an input']],
  ['several for one name', ['scale.onnx', '--input', 'x=all.npz'], 1, ['holds 4 tensors', "without 'x='"]],
  ['names are shown, not obeyed', ['wild.onnx'], 1, ['no x\\u001b[2J is given']],
  ['no model', ['x.npy'], 1, ['an ONNX file or a folder with config.json']],
  ['no file', ['scale.onnx', '--input', 'gone.npy'], 1, ['gone.npy']],
]
await saveNpy(at('one.npy'), tensor([1, 0, 2]))

const within = (args: readonly string[]) =>
  args.map((arg) =>
    /^(\w+=|x\u001b\[2J=)?[\w=-]+\.(onnx|np[yz]|safetensors)$/.test(arg)
      ? arg.replace(/^(x\u001b\[2J=|(?:on|x|y|z)=)?/, `$1${root}/`)
      : arg,
  )

for (const [title, args, status, phrases] of runs) {
  test(`tenon run: ${title}`, async () => {
    const result = await call(['run', ...within(args)])
    assert.is(result.status, status, result.stderr)
    const text = status === 0 ? result.stdout : result.stderr
    for (const phrase of phrases)
      assert.ok(typeof phrase === 'string' ? text.includes(phrase) : phrase.test(text), `no ${phrase} in:\n${text}`)
    assert.not.ok(/^ {4}at |\u001b/m.test(result.stderr + result.stdout), 'no stack, no control characters')
  })
}

test('tenon run: outputs in a file; tensors without use are named', async () => {
  const { status, stdout, stderr } = await call([
    'run',
    at('scale.onnx'),
    '--input',
    at('all.npz'),
    '--output',
    at('out.npz'),
  ])
  assert.is(status, 0, stderr)
  assert.match(stdout, `the outputs: ${at('out.npz')}`)
  assert.match(stderr, 'all.npz: not used: more')
  const out = await loadNpz(at('out.npz'))
  assert.equal([...out.keys()], ['sum', 'not'])
  assert.equal(await out.get('sum')!.toArray(), [[9, 12, 15]])
})

const inspected = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await call(['inspect', ...args])
  assert.is(status, 0, stderr)
  return stdout
}

test('tenon inspect: costs for the sizes that are given, by name or in order, several runs', async () => {
  assert.match(await inspected(at('scale.onnx')), /x \[1, 2\], y \[1, 3\], on \[\] +15 /)
  const text = await inspected(at('scale.onnx'), '--shape', 'x=2,2', 'y=2,3', 'x=8,2', 'y=8,3')
  assert.match(text, /1 tensor, 6 parameters, 24 B/)
  assert.match(text, /x \[2, 2\], y \[2, 3\], on \[\] +30 /)
  assert.match(text, /x \[8, 2\], y \[8, 3\], on \[\] +120 /)
  const { runs } = JSON.parse(await inspected(at('scale.onnx'), '--json', '--shape', '4,2', '4,3')) as {
    runs: { inputs: object; flops: number; peakBytes: number }[]
  }
  assert.equal([runs.length, runs[0]!.inputs], [1, { x: [4, 2], y: [4, 3], on: [] }])
  assert.is(runs[0]!.flops, 4 * 3 * (2 * 2 + 1))
})

test('tenon inspect: a folder, whose weights are not read', async () => {
  const text = await inspected(hf('whisper'))
  assert.match(text, /input_features +f32 \[batch, 8, 24\]/)
  assert.match(text, /input_features \[1, 8, 24\], decoder_input_ids \[1, 1\] +\d+ k +\d+ KiB/)
  for (const name of ['bert-classifier', 'clip', 'distilbert', 'gpt2', 'llama', 't5', 'vit'])
    assert.match(await inspected(hf(name)), /peak memory\n.* KiB/, name)
})

test('tenon inspect: the graph as text, as a picture, in a file', async () => {
  const text = await inspected(at('scale.onnx'), '--graph', 'text')
  assert.match(text, /0 +input +\[1, 2\] \[1, 3\] \[\]\n.*\n +2 +0 1 +the Add: Add +\[1, 3\] +3 +36 B/)
  const svg = await inspected(at('scale.onnx'), '--graph', 'svg')
  assert.match(svg, /^<svg[\s\S]*xmlns[\s\S]*the MatMul: MatMul[\s\S]*<\/svg>\n$/)
  assert.match(await inspected(hf('bert'), '--graph', 'svg', '--out', at('bert.svg')), `the graph: ${at('bert.svg')}`)
  assert.match(readFileSync(at('bert.svg'), 'utf8'), 'embeddings.LayerNorm: LayerNorm')
})

test('tenon inspect: what cannot be known is said', async () => {
  const text = await inspected(at('wild.onnx'))
  assert.match(text, /NonZero.*depend on inputs/)
  assert.not.match(text, '\u001b')
  const errors: [args: string[], phrase: string][] = [
    [[at('wild.onnx'), '--graph', 'text'], 'depend on inputs'],
    [[at('scale.onnx'), '--shape', 'x=1,q'], "'name=1,3' say, got 'x=1,q'. The model takes x f32 [n, 2]"],
    [[at('scale.onnx'), '--shape', 'z=1,2'], "got 'z=1,2'"],
    [[at('no-input.onnx'), '--shape', '1'], "got '1'"],
    [[at('scale.onnx'), '--out', at('a.svg')], 'Pass --graph svg'],
    [[at('x.npy'), '--graph', 'svg'], '--graph is for models'],
    [[hf('vit'), '--shape', '1,4'], 'ViT: needs images'],
  ]
  for (const [args, phrase] of errors) {
    const { status, stderr } = await call(['inspect', ...args])
    assert.is(status, 1)
    assert.ok(stderr.includes(phrase), `no '${phrase}' in: ${stderr}`)
  }
})
