/** @file The benchmark's figures: what counts as equal, medians, ratios, shares, and the lines that show them. */
import * as assert from 'uvu/assert'
import { checkOf, difference } from '../../scripts/bench/compare.ts'
import type { Evidence } from '../../scripts/bench/compare.ts'
import { chartsOf, pageOf } from '../../scripts/bench/page.ts'
import { combine, isSteady, median, shareOf } from '../../scripts/bench/result.ts'
import type { Row } from '../../scripts/bench/result.ts'
import { header, showRow, time } from '../../scripts/bench/table.ts'
import { suite } from '../support/suite.ts'

const test = suite('bench')

const losses = (...values: number[]): Evidence => ({ losses: values, checks: null })
const output = (values: number[], shape = [values.length]): Evidence => ({
  losses: null,
  checks: [checkOf(shape, values)],
})

/** What is compared, and the largest relative difference. */
const pairs: [title: string, ours: Evidence, theirs: Evidence, expected: number][] = [
  ['the same losses', losses(2, 1), losses(2, 1), 0],
  ['a loss that is off by a tenth', losses(2, 1.1), losses(2, 1), 0.1],
  ['a loss that is not a number', losses(2, NaN), losses(2, 1), Infinity],
  ['a loss too few', losses(2), losses(2, 1), Infinity],
  ['losses against outputs', losses(2), output([1]), Infinity],
  ['the same outputs', output([1, -2]), output([1, -2]), 0],
  ['another shape', output([1, 2], [2, 1]), output([1, 2]), Infinity],
  ['an output too many', { losses: null, checks: [] }, output([1]), Infinity],
  ['sums that cancel, against the sum of absolute values', output([100, -99]), output([100, -100]), 0.01],
  ['a small number among large ones, against their mean', output([100, 1e-3]), output([100, 0]), 2e-5],
  ['a number that is not zero among zeros', output([0, 1e-9]), output([0, 0]), Infinity],
  ['zeros', output([0, 0]), output([0, 0]), 0],
]
for (const [title, ours, theirs, expected] of pairs) {
  test(`difference: ${title}`, () => {
    const found = difference(ours, theirs)
    assert.ok(found === expected || Math.abs(found - expected) < 1e-12, `${found}`)
  })
}

test('checkOf: takes BigInts, and at most 8 numbers as they are', () => {
  const values = BigInt64Array.from({ length: 10 }, (_, i) => BigInt(i - 1))
  const expected = { shape: [2, 5], sum: 35, abs_sum: 37, first: [-1, 0, 1, 2, 3, 4, 5, 6] }
  assert.equal(checkOf([2, 5], values), expected)
})

test('combine: median of medians, minimum of minima, most memory, spread of medians', () => {
  const rounds = [3, 1, 2].map((s, i) => ({ median_s: s, min_s: s / 2, runs: 10, rss_mb: 100 + i }))
  assert.equal(combine(rounds), { median_s: 2, min_s: 0.5, runs: 30, rss_mb: 102, spread: 3 })
  assert.is(median([4, 1, 3, 2]), 3)
})

test('shareOf: the limit that takes longer, over the time taken', () => {
  const limits = { gflops: 100, gbs: 10 }
  assert.equal(shareOf({ flops: 1e9, bytes: 1e7 }, limits, 0.04), { value: 0.25, of: 'compute' })
  assert.equal(shareOf({ flops: 1e7, bytes: 1e8 }, limits, 0.04), { value: 0.25, of: 'memory' })
})

test('isSteady: neither figure may move by more than a fifth, up or down', () => {
  const limits = { gflops: 100, gbs: 10 }
  assert.ok(isSteady(limits, { gflops: 119, gbs: 8.5 }))
  assert.not.ok(isSteady(limits, { gflops: 121, gbs: 10 }))
  assert.not.ok(isSteady(limits, { gflops: 100, gbs: 8.2 }))
})

const limits = { gflops: 100, gbs: 10 }
const row: Row = {
  name: 'tiny_train',
  way: 'compiled sync',
  threads: 2,
  versus: 'torch 1.13.0',
  tenon: { median_s: 7.4e-6, min_s: 6.5e-6, runs: 9, rss_mb: 127, spread: 1.02 },
  peer: { median_s: 59.8e-6, min_s: 57.8e-6, runs: 9, rss_mb: 237, spread: 1 },
  ratio: 8.08,
  ratio_min: 8.89,
  equal: true,
  difference: 1e-6,
  share: { value: 0.26, of: 'compute' },
  probe: { before: limits, after: limits, steady: true },
  attempts: 1,
  load: 0.5,
}

test('showRow: one line under the header', () => {
  const line = showRow(row)
  assert.match(line, /^tiny_train +compiled sync +2 +7\.40 us +6\.50 us +59\.8 us +57\.8 us +8\.08 +8\.89 /)
  assert.match(line, /1\.02 \/ 1\.00 +127 \/ 237 +26 % compute +torch 1\.13\.0$/)
  assert.is(header().indexOf('against'), line.indexOf('torch'))
})

test('showRow: says what must be known before the figures are used', () => {
  assert.match(showRow({ ...row, attempts: 2 }), 'run 2: the probe moved in those before')
  const unsteady = { before: limits, after: { gflops: 50, gbs: 10 }, steady: false }
  assert.match(showRow({ ...row, attempts: 3, probe: unsteady }), 'UNSTEADY')
  assert.match(showRow({ ...row, load: 4 }), 'BUSY: a load of 4.0')
  const other = showRow({ ...row, tenon: null, ratio: null, ratio_min: null, equal: false, difference: 0.5 })
  assert.match(other, 'NOT EQUAL: differs by 5.0e-1')
})

test('time: three digits and a unit', () => {
  assert.equal([1.234e-5, 0.004567, 0.9996, 12.34].map(time), ['12.3 us', '4.57 ms', '1000 ms', '12.3 s'])
  assert.is(time(undefined), '')
})

test('the page: a chart for each peer and number of threads, of the workloads under their own names', () => {
  const newest = { ...row, versus: '<torch> 2', ratio: 2 }
  const rows = [row, { ...row, name: 'tiny_train:plain' }, newest, { ...newest, name: 'b', ratio: 0.5 }]
  const charts = chartsOf(rows)
  assert.equal(
    charts.map(({ names, heights }) => [names, heights]),
    [
      [['tiny_train'], [Math.log2(8.08)]],
      [
        ['tiny_train', 'b'],
        [1, -1],
      ],
    ],
  )
  assert.is(charts[1]!.title, 'against <torch> 2, 2 threads: 1.00 times as fast (geometric mean)')
  const page = pageOf('a machine', rows).text
  assert.match(page, /new uPlot/)
  assert.match(page, 'a machine')
  assert.not.match(page, '<torch>')
})
