/** @file The benchmark's own side, without the peer: a tiny workload in each way, as raw times; and what it refuses. */
import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import type { Row } from '../../scripts/bench/result.ts'
import { choose, workloads } from '../../scripts/bench/workloads/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('bench')

test('--side tenon --json prints an object for each way, with times and without a ratio', () => {
  const short = '--only tiny_train --threads 1 --seconds 0.05 --rounds 1 --tries 1'.split(' ')
  const args = ['--import', 'tsx', 'scripts/bench/main.ts', '--side', 'tenon', '--json', ...short]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
  assert.equal(
    rows.map(({ name, way }) => [name, way]),
    [
      ['tiny_train', 'compiled sync'],
      ['tiny_train:compiled', 'compiled'],
      ['tiny_train:plain-sync', 'plain sync'],
    ],
  )
  for (const { tenon, peer, ratio, equal, threads } of rows) {
    assert.equal([peer, ratio, equal, threads], [null, null, null, 1])
    assert.ok(tenon!.min_s > 0 && tenon!.min_s <= tenon!.median_s && tenon!.rss_mb > 0 && tenon!.runs >= 3)
  }
})

test('a workload that is not there is refused, with what is', () => {
  assert.throws(() => choose(['tiny']), /no such workload: tiny\. There are tiny_train, /)
})

test("names are the peer's, each once", () => {
  const names = workloads.map(({ name }) => name)
  assert.is(new Set(names).size, names.length)
  assert.equal(choose([]), workloads)
})

test('every workload builds its model and knows what a step computes', () => {
  for (const workload of workloads) {
    const inputs = workload.inputs()
    assert.ok(inputs.length > 0)
    assert.ok(workload.ways.length > 0 && workload.tolerance < 0.01, workload.name)
    const [plan] = workload.build().start(workload.ways[0]!, inputs).plans()
    assert.match(String(plan), '<-')
  }
})
