/** @file Short runs of scripts/acceptance/, which say what they measure; times have wide bounds here, for other tests run beside. */
// timeout: 600
import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import { whyNoPeer } from '../../scripts/bench/peers/torch.ts'
import { suite } from '../support/suite.ts'

const test = suite('acceptance')

/** Behaviour, script, its arguments. */
const points: [title: string, script: string, args: string[]][] = [
  ["losses of 20 steps are PyTorch's within 1e-4", 'losses', []],
  [
    'a timer is served while a model trains, and memory stays',
    'responsive',
    '--seconds 3 --p99 200 --worst 1000'.split(' '),
  ],
  [
    'epochs of picture files keep memory flat',
    'epochs',
    '--pictures 640 --epochs 20 --p99 300 --worst 2000 --wait 1 --growth 32'.split(' '),
  ],
  ['synchronous loops stay flat without dispose', 'sync-loops', '--make 200000 --evaluate 50000'.split(' ')],
  ['losses and variables are equal bit for bit on 1, 2 and 4 threads', 'threads', '--steps 8'.split(' ')],
  ["a steady step allocates nothing on the engine's threads", 'allocations', '--steps 150'.split(' ')],
  ['the peak of memory is what summary() says', 'peak-memory', '--batch 512'.split(' ')],
  ['a step that fails leaves every variable as it was', 'failures', '--rounds 10'.split(' ')],
  ['workers end at random moments', 'workers', '--count 60'.split(' ')],
  ['a process ends while it trains', 'exits', '--count 6'.split(' ')],
]

for (const [title, script, args] of points) {
  const reason = script === 'losses' ? whyNoPeer() : ''
  if (reason) {
    console.log(`skipped: ${title}: ${reason}`)
    test.skip(title, () => {})
    continue
  }
  test(title, () => {
    const file = `scripts/acceptance/${script}.ts`
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', file, ...args], {
      encoding: 'utf8',
    })
    assert.is(status, 0, `${file}: ${signal ?? status}\n${stdout}\n${stderr}`)
  })
}
