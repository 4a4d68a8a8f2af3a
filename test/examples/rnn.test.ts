/** @file examples/rnn.ts runs on what it makes itself. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('examples/rnn')
const example = fileURLToPath(new URL('../../examples/rnn.ts', import.meta.url))

test('reads drawn digits and makes up names', () => {
  const args = ['--import', 'tsx', example, '--images', '128', '--epochs', '1']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  for (const phrase of [
    /^RNN reads 128/m,
    /^LSTM reads 128/m,
    /test accuracy 0\.\d+/,
    /test loss \d/,
    /^names made up: ./m,
  ])
    assert.match(stdout, phrase)
})
