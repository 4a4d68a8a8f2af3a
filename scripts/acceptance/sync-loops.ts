/**
 * @file Point 4, second half: synchronous loops, which never let the event loop turn, stay flat in memory without any dispose. Each in
 * a process of its own. `node --import tsx scripts/acceptance/sync-loops.ts [--make N] [--evaluate N]`.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { assign, evaluateSync, mseLoss, nn, ones, optim, rand, tensor, Variable } from '../../lib/index.ts'
import { Memory, report } from './report.ts'

const GROWTH_MB = 16
/** Where graphs are differentiated, or external objects made, V8's own garbage still swings by some 15 MB. A leak of 1 KB a round is 80 MB. */
const SWING_MB = 32

const { values } = parseArgs({
  options: {
    make: { type: 'string', default: '1000000' },
    evaluate: { type: 'string', default: '100000' },
    child: { type: 'string' },
  },
})
const [make, evaluations] = [Number(values.make), Number(values.evaluate)]

interface Loop {
  readonly count: number
  /** The most megabytes that it may grow by. */
  readonly most: number
  readonly prepare: () => (i: number) => void
}

const loops: Readonly<Record<string, Loop>> = {
  make: { count: make, most: GROWTH_MB, prepare: makeTensors },
  evaluate: { count: evaluations, most: GROWTH_MB, prepare: evaluateTensors },
  differentiable: { count: evaluations, most: SWING_MB, prepare: evaluateDifferentiable },
  variables: { count: evaluations, most: SWING_MB, prepare: makeVariables },
  train: { count: evaluations, most: SWING_MB, prepare: train },
}

if (values.child) runLoop(loops[values.child]!)
else runAll()

function runAll(): void {
  const found = Object.keys(loops).map((name) => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2), '--child', name]
    return [
      name,
      JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as { growthMb: number },
    ] as const
  })
  const bounds = found.map(([name, { growthMb }]) => ({
    name: `${name}GrowthMb`,
    value: growthMb,
    most: loops[name]!.most,
  }))
  report('sync-loops', bounds, { loops: Object.fromEntries(found) })
}

function runLoop({ count, prepare }: Loop): void {
  const body = prepare()
  const memory = new Memory()
  const start = performance.now()
  for (let i = 0; i < count; i++) {
    body(i)
    if (i % 64 === 0) memory.sample(i / count)
  }
  const microseconds = Math.round((1000 * (performance.now() - start)) / count)
  console.log(JSON.stringify({ count, growthMb: memory.growthMb, memoryMb: memory.lateMb, microseconds }))
}

function makeTensors() {
  const x = ones([64, 64])
  const numbers = new Float32Array(1024)
  return (i: number) => void x.mul(i).add(tensor(numbers).sum())
}

function evaluateTensors() {
  const x = ones([64, 64])
  evaluateSync(x)
  return (i: number) => evaluateSync(x.mul(i).matmul(x))
}

function evaluateDifferentiable() {
  const variable = new Variable(ones([64, 64]))
  return (i: number) => evaluateSync(variable.mul(i).matmul(variable))
}

function makeVariables() {
  return () => evaluateSync(assign(new Variable(rand([64, 64])), ones([64, 64])))
}

function train() {
  const x = ones([64, 64])
  evaluateSync(x)
  const model = new nn.Sequential(new nn.Linear(64, 16), new nn.Tanh(), new nn.Linear(16, 64))
  const optimizer = new optim.SGD(model.parameters())
  return () => {
    mseLoss(model.forward(x), x).backward()
    optimizer.stepSync()
  }
}
