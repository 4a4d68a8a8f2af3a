/** @file examples/fine-tune-onnx.ts: a classifier from an ONNX file gets a new head, and learns. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { FLOAT, floats, onnxModel } from '../support/onnx-model.ts'
import { suite } from '../support/suite.ts'

const test = suite('examples/fine-tune-onnx')
const example = fileURLToPath(new URL('../../examples/fine-tune-onnx.ts', import.meta.url))

test('the layers of a file, written for one picture, learn with a new head in batches', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-fine-tune-onnx-'))
  try {
    const filters = Array.from({ length: 6 * 25 }, (_, i) => Math.sin(i * i) / 255)
    const bytes = await onnxModel({
      inputs: { pixels: [FLOAT, 1, 1, 28, 28] },
      initializers: {
        filters: floats([6, 1, 5, 5], ...filters),
        old: floats([216, 10], ...Array<number>(2160).fill(0)),
      },
      nodes: [
        ['a = Conv(pixels, filters)', { strides: [2, 2] }],
        ['b = Relu(a)'],
        ['c = MaxPool(b)', { kernel_shape: [2, 2], strides: [2, 2] }],
        ['d = Flatten(c)'],
        ['scores = MatMul(d, old)'],
      ],
      outputs: ['scores'],
    })
    const path = join(folder, 'small.onnx')
    writeFileSync(path, bytes)
    const args = ['--import', 'tsx', example, '--model', path, '--at', 'c', '--epochs', '2']
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.is(status, 0, stderr)
    const right = Number(/of other digits, right: (\d\.\d+)/.exec(stdout)?.[1])
    assert.ok(right > 0.75, `${stdout}${stderr}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
