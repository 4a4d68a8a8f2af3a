/** @file examples/fine-tune.ts runs on what it makes itself, and keeps what it made. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('examples/fine-tune')
const example = fileURLToPath(new URL('../../examples/fine-tune.ts', import.meta.url))

test('a new head learns, and the model goes on from its folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-fine-tune-'))
  try {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ['--import', 'tsx', example, ...args], { encoding: 'utf8' })
    const first = run('--steps', '60', '--out', folder)
    assert.is(first.status, 0, first.stderr)
    const losses = Array.from(first.stdout.matchAll(/loss (\d+\.\d+)/g), ([, loss]) => Number(loss))
    assert.ok(losses.length === 3 && losses[2]! < 0.6, first.stdout)
    assert.ok(existsSync(join(folder, 'config.json')))
    const again = run('--steps', '1', '--model', folder)
    assert.is(again.status, 0, again.stderr)
    assert.match(again.stdout, /^step 1: loss 0\.[0-6]/m)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
