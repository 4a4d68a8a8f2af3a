/** @file The `tenon` command: what it prints, and its exit codes; mostly called in this process, since each start of one takes half a second. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { loadSafetensors } from '../../lib/index.ts'
import { DigitNet } from '../../lib/vision/digit-net.ts'
import { drawDigits } from '../../lib/vision/digits.ts'
import { call, start } from '../support/command.ts'
import { suite } from '../support/suite.ts'

const test = suite('cli')

const folder = mkdtempSync(join(tmpdir(), 'tenon-cli-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const onnxMnist = fileURLToPath(new URL('../../../shared/data/models/onnx-mnist/mnist.onnx', import.meta.url))
const torch = (name: string) => fileURLToPath(new URL(`../fixtures/torch/${name}`, import.meta.url))
const hf = (name: string) => fileURLToPath(new URL(`../fixtures/hf/${name}`, import.meta.url))

/** Arguments, exit code, and what stands on stdout or, behind a failure, on stderr. */
const calls: [args: string[], status: number, phrases: string[]][] = [
  [[], 0, ['Usage: tenon', 'demo', 'env', 'help']],
  [['help'], 0, ['Usage: tenon']],
  [['--help'], 0, ['Usage: tenon']],
  [['help', 'demo'], 0, ['--data', '--seed', '--epochs', '--out']],
  [['--version'], 0, [(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version]],
  [['dmo'], 2, ["unknown command 'dmo'", 'Did you mean demo?']],
  [['demo', '--epoch', '2'], 2, ["unknown option '--epoch'", 'Did you mean --epochs?']],
  [['demo', '--epochs', '0'], 2, ['--epochs', 'an integer from 1 on']],
  [['demo', '--seed', '1e3'], 2, ['--seed', 'an integer from 0 on']],
  [['demo', 'fast'], 2, ['too many arguments']],
  [['demo', '--data', join(folder, 'nowhere'), '--out', join(folder, 'a')], 1, ['train-images', 'nowhere']],
  [['inspect'], 2, ["missing required argument 'file'"]],
  [['inspect', torch('zip.pt')], 0, ['zip.pt: torch, 16 tensors', 'whole       f32   [4, 6]', 'brain       bf16  [2]']],
  [['inspect', '--json', torch('arrays.npz')], 0, ['"format": "npz"', '"parameters": 14', '"dtype": "bool"']],
  [['inspect', torch('model.pt')], 1, ['torch.nn.modules.container.Sequential']],
  [['convert', torch('zip.pt'), join(folder, 'zip.npz')], 0, ['zip.npz: 16 tensors of', '(torch)']],
  [['convert', '--key', 'state_dict', torch('checkpoint.pt'), join(folder, 'weights')], 0, ['weights: 7 tensors']],
  [['inspect', join(folder, 'weights')], 0, ['1.running_mean', 'format: pt']],
  [['convert', torch('zip.pt'), join(folder, 'zip.pt')], 1, ['must end in .safetensors, .npz, .gguf or .npy']],
  [
    ['convert', '--quantize', 'q8_0', hf('gpt2'), join(folder, 'gpt2.gguf')],
    0,
    ['gpt2.gguf: GPT2 of', 'without a tokenizer'],
  ],
  [['convert', join(folder, 'gpt2.gguf'), join(folder, 'gpt2')], 0, ['gpt2: GPT2 of']],
  [['convert', hf('bert'), join(folder, 'bert.onnx')], 0, ['bert.onnx: BERTMaskedLM of', 'attention_mask i64']],
  [['inspect', join(folder, 'bert.onnx')], 0, ['input_ids', 'i64 [batch, tokens]']],
  [['convert', torch('zip.pt'), join(folder, 'zip.onnx')], 1, ['made of a folder with config.json']],
  [['convert', '--quantize', 'q8_0', torch('zip.pt'), join(folder, 'x.npz')], 1, ['only .gguf files are quantised']],
  [['convert', torch('zip.pt'), join(folder, 'zip.npy')], 1, ['an .npy file holds one tensor, got 16']],
  ...(existsSync(onnxMnist)
    ? ([
        [
          ['inspect', onnxMnist, '--graph', 'plan'],
          0,
          ['5,994 parameters', 'Input3  f32 [1, 1, 28, 28]', 'Input3 [1, 1, 28, 28]  1.60 M', 'conv2d('],
        ],
        [['inspect', onnxMnist, '--shape', '1,x'], 1, ['a shape is sizes with commas between them', "got '1,x'"]],
        [['convert', onnxMnist, join(folder, 'onnx.npz')], 0, ['6 tensors of', '(onnx)']],
      ] as [string[], number, string[]][])
    : []),
  [['demo', '--out', '/dev/null/b'], 1, ['ENOTDIR', '/dev/null/b']],
]
for (const [args, status, phrases] of calls) {
  const shown = args.map((arg) => arg.replace(folder, '...')).join(' ')
  test(`tenon ${shown}: exit code ${status}`, async () => {
    const result = await call(args)
    assert.is(result.status, status, result.stderr)
    const text = status === 0 ? result.stdout : result.stderr
    for (const phrase of phrases) assert.ok(text.includes(phrase), `no '${phrase}' in:\n${text}`)
    assert.not.ok(/^ {4}at /m.test(result.stderr), `a stack is no message:\n${result.stderr}`)
  })
}

test('tenon as a process: its output and its exit codes are those of the command', () => {
  const version = start(['--version'])
  assert.equal([version.status, version.stderr], [0, ''])
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  const failed = start(['inspect', torch('model.pt')])
  assert.equal([failed.status, failed.stdout], [1, ''])
  assert.match(failed.stderr, /^error: .*torch\.nn\.modules\.container\.Sequential/)
})

test('tenon env: says what a bug report needs', () => {
  const { status, stdout } = start(['env', '--json'], { TENON_THREADS: '1' })
  assert.is(status, 0)
  const report = JSON.parse(stdout) as Record<string, string | number>
  assert.is(report.threads, 1)
  assert.match(String(report.node), process.version)
  assert.match(String(report.addon), /\.node$/)
  assert.match(String(report.blas), /OpenBLAS|Accelerate/)
  assert.match(String(report.settings), 'TENON_THREADS=1')
  for (const name of ['tenon', 'platform', 'processor', 'memory', 'instructions', 'engine memory']) {
    assert.ok(report[name], `${name} is missing`)
  }
})

test('tenon env: says what is wrong where the addon cannot be loaded, exit code 1', () => {
  const { status, stdout } = start(['env'], { TENON_NATIVE: join(folder, 'none.node') })
  assert.is(status, 1)
  assert.match(stdout, /^addon +.*none\.node$/m)
  assert.match(stdout, /^problem +.*cannot be loaded.*none\.node/m)
  assert.match(stdout, /^processor +\S/m)
})

/** A folder as MNIST's, with drawn digits. */
function idxFolder(numTrain: number, numTest: number): string {
  const at = mkdtempSync(join(folder, 'idx-'))
  const write = (name: string, shape: number[], data: Uint8Array) => {
    const header = Buffer.alloc(4 + 4 * shape.length)
    header.writeUInt32BE(0x0800 + shape.length)
    shape.forEach((n, i) => header.writeUInt32BE(n, 4 + 4 * i))
    writeFileSync(join(at, name), Buffer.concat([header, data]))
  }
  const parts = [
    ['train', 0, numTrain],
    ['t10k', numTrain, numTest],
  ] as const
  for (const [part, first, count] of parts) {
    const { images, labels } = drawDigits({ first, count })
    write(`${part}-images-idx3-ubyte`, [count, 28, 28], images)
    write(`${part}-labels-idx1-ubyte`, [count], labels)
  }
  return at
}

test('tenon demo --data: trains, tells how well it reads, saves; the same seed gives the same model', async () => {
  const data = idxFolder(1000, 130) // 130: the last part of the test is not a full one
  const args = ['demo', '--data', data, '--epochs', '2', '--seed', '7', '--out']
  const [first, second] = [join(folder, 'first'), join(folder, 'deep/second')]
  const { status, stdout, stderr } = await call([...args, first])
  assert.is(status, 0, stderr)
  assert.match(stdout, /1000 handwritten digits to learn from, 130 to be tested with/)
  assert.match(stdout, /^right, %( +[\d.]+){10}$/m)
  assert.match(stdout, /^read right:\na \d, [\d.]+ %/m)
  assert.match(stdout, /[▀▄█]{3}/)
  const last = stdout.trimEnd().split('\n').at(-1)!
  assert.match(last, /^test accuracy [01]\.\d{4} in \d+\.\d s$/)
  assert.ok(Number(last.split(' ')[2]) > 0.5, last)

  const config = JSON.parse(readFileSync(join(first, 'config.json'), 'utf8')) as Record<string, unknown>
  assert.is(config.model, 'DigitNet')
  assert.is(config.seed, 7)
  assert.match(readFileSync(join(first, 'report.html'), 'utf8'), /npx tenon demo --data .* --seed 7 --epochs 2/)
  const model = new DigitNet()
  await model.loadStateDict(await loadSafetensors(join(first, 'model.safetensors')))

  assert.is((await call([...args, second])).status, 0)
  const bytes = (at: string) => readFileSync(join(at, 'model.safetensors'))
  assert.ok(bytes(first).equals(bytes(second)), 'the models differ')
})
