/** @file examples/attention.ts runs on its own text. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('examples/attention')
const example = fileURLToPath(new URL('../../examples/attention.ts', import.meta.url))

test('learns from its own lines, and writes', () => {
  const args = ['--import', 'tsx', example, '--steps', '20']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  const losses = Array.from(stdout.matchAll(/test loss (\d\.\d+)/g), (match) => Number(match[1]))
  assert.is(losses.length, 2)
  assert.ok(losses[1] < losses[0] - 0.5, stdout)
  assert.ok(stdout.trimEnd().split('\n').slice(3).join('\n').length >= 250, stdout)
})
