/**
 * @file Point 4, second half: synchronous loops, which never let the event loop turn, stay flat in memory without any dispose:
 * one makes tensors, one makes and drops variables, one evaluates.
 * `node --import tsx scripts/acceptance/sync-loops.ts [--make N] [--evaluate N] [--variables N]`.
 */
import { parseArgs } from 'node:util'
import { assign, evaluateSync, ones, rand, tensor, Variable } from '../../lib/index.ts'
import { megabytes, report, residentBytes } from './report.ts'
import type { Bound } from './report.ts'

const GROWTH_MB = 16

const { values } = parseArgs({
  options: {
    make: { type: 'string', default: '1000000' },
    evaluate: { type: 'string', default: '100000' },
    variables: { type: 'string', default: '10000' },
  },
})

const x = ones([64, 64])
evaluateSync(x)
const numbers = new Float32Array(1024)
const loops: [name: string, count: number, body: (i: number) => void][] = [
  ['makeGrowthMb', Number(values.make), (i) => void x.mul(i).add(tensor(numbers).sum())],
  ['evaluateGrowthMb', Number(values.evaluate), (i) => evaluateSync(x.mul(i).matmul(x))],
  ['variablesGrowthMb', Number(values.variables), () => evaluateSync(assign(new Variable(rand([64, 64])), x))],
]

const bounds: Bound[] = []
const figures: Record<string, number> = {}
for (const [name, count, body] of loops) {
  const start = performance.now()
  let early = 0
  let most = 0
  for (let i = 0; i < count; i++) {
    body(i)
    if (i === Math.floor(0.2 * count)) early = residentBytes()
    if (i % 1024 === 0) most = Math.max(most, residentBytes())
  }
  bounds.push({ name, value: megabytes(residentBytes() - early), most: GROWTH_MB })
  figures[name.replace('GrowthMb', 'Count')] = count
  figures[name.replace('GrowthMb', 'PeakMb')] = Math.round(megabytes(most))
  figures[name.replace('GrowthMb', 'Seconds')] = Math.round((performance.now() - start) / 1000)
}
report('sync-loops', bounds, figures)
