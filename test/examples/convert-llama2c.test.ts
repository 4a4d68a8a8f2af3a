/** @file examples/convert-llama2c.ts: both versions of the format become the same model, which tells the known story token by token. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('examples/convert-llama2c')

const example = fileURLToPath(new URL('../../examples/convert-llama2c.ts', import.meta.url))
const stories = fileURLToPath(new URL('../../../shared/data/models/stories260K/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tenon-llama2c-'))
test.after(() => rmSync(folder, { recursive: true }))

const convert = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', example, ...args], { encoding: 'utf8' })

for (const file of ['stories260K.bin', 'stories260K_v1.bin']) {
  ;(existsSync(stories) ? test : test.skip)(`${file}: the story, token by token`, () => {
    const { argmax_tokens_no_bos: tokens, text } = JSON.parse(
      readFileSync(join(stories, 'expected_greedy.json'), 'utf8'),
    ) as { argmax_tokens_no_bos: number[]; text: string }
    const args = [join(stories, file), join(folder, file), '--tokenizer', join(stories, 'tok512.bin')]
    const { status, stdout, stderr } = convert(...args, '--tokens', String(tokens.length))
    assert.is(status, 0, stderr)
    assert.ok(stdout.includes(`tokens: ${tokens.join(' ')}\n`), stdout)
    assert.ok(stdout.includes(text), stdout)
  })
}

test('a file that lies is refused', () => {
  const bytes = new Uint8Array(400)
  new Int32Array(bytes.buffer).set([8, 16, 1, 2, 2, 32, 16])
  for (const [name, data, phrase] of [
    ['short', new Uint8Array(8), 'too few'],
    ['zeros', new Uint8Array(400), 'impossible sizes'],
    ['cut', bytes, 'ends at byte 400'],
  ] as const) {
    writeFileSync(join(folder, name), data)
    const { status, stderr } = convert(join(folder, name), join(folder, 'out'))
    assert.is(status, 1)
    assert.ok(stderr.includes(phrase), stderr)
  }
})
