/**
 * @file Hostile files: mutants of every format that is read end in an error that says where, or load and can be read; none crashes, takes
 * 5 s, opens a file elsewhere, or takes 512 MB. `node --import tsx scripts/acceptance/fuzz.ts [--runs 1000000] [--seed N] [--only FORMAT,...]
 * [--first N]`: each format in a process of its own, which is watched.
 */
import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runsOf } from '../../test/fuzz/format.ts'
import type { Format } from '../../test/fuzz/format.ts'
import { formats } from '../../test/fuzz/formats/index.ts'
import { megabytes, report } from './report.ts'

const MAX_SECONDS = 5
/** Until the first mutant. */
const START_SECONDS = 120
/** Megabytes of V8's heap: without a bound its garbage alone grows to 350 MB in 100,000 mutants of ONNX, of which 80 are in use. */
const HEAP_MB = 224
/** A format that crashes again and again is given up. */
const MOST_CRASHES = 20

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000)) },
    only: { type: 'string', default: formats.map(({ name }) => name).join(',') },
    first: { type: 'string', default: '0' },
  },
})
const seed = Number(values.seed)
const program = fileURLToPath(new URL('fuzz-run.ts', import.meta.url))

interface Result {
  format: string
  runs: number
  loaded: number
  late: number
  early: number
  finds: number
  seconds: number
  rssMb: number
}

const results: Result[] = []
for (const format of formats.filter(({ name }) => values.only.split(',').includes(name))) {
  const result = await hunted(format)
  results.push(result)
  console.log(
    `${result.format.padEnd(14)} ${result.runs} runs, seed ${seed}: ${result.loaded} loaded, ${result.late} refused behind the header, ` +
      `${result.early} in it, ${result.finds} finds, ${result.seconds.toFixed(0)} s, ${result.rssMb.toFixed(0)} MB`,
  )
}
report(
  'fuzz',
  [
    { name: 'finds', value: results.reduce((sum, { finds }) => sum + finds, 0), most: 0 },
    { name: 'refusedInHeader', value: Math.max(...results.map(({ early, runs }) => early / runs)), most: 2 / 3 },
    {
      name: 'residentMb',
      value: Math.max(...results.map(({ rssMb }) => rssMb)),
      most: process.env.LD_PRELOAD ? Infinity : 512,
    },
  ],
  { seed, results },
)

/** All mutants of a format; a process that crashes or hangs has found something, and another goes on behind it. */
async function hunted(format: Format): Promise<Result> {
  const [first, runs] = [Number(values.first), runsOf(format, Number(values.runs))]
  const result: Result = {
    ...{ format: format.name, runs, loaded: 0, late: 0, early: 0 },
    finds: 0,
    seconds: 0,
    rssMb: 0,
  }
  const start = performance.now()
  for (let next = first, crashes = 0; next < first + runs && crashes < MOST_CRASHES; crashes++) {
    const { mutant, ends, peak, finds, why } = await watched(format.name, next, first + runs - next)
    const [loaded, late, early] = ends
    result.loaded += loaded
    result.late += late
    result.early += early
    result.finds += finds + (why ? 1 : 0)
    result.rssMb = Math.max(result.rssMb, megabytes(peak))
    if (why) console.log(`${format.name}, mutant ${mutant} of seed ${seed}: ${why}`)
    next = mutant + 1
  }
  result.seconds = (performance.now() - start) / 1000
  return result
}

interface Watched {
  /** The last one, or one past the end. */
  readonly mutant: number
  readonly ends: readonly [loaded: number, late: number, early: number]
  readonly peak: number
  readonly finds: number
  /** It ended before it should: why. */
  readonly why: string
}

function watched(name: string, first: number, runs: number): Promise<Watched> {
  const path = join(tmpdir(), `tenon-fuzz-${process.pid}-${name}`)
  writeFileSync(path, '')
  const args = [
    `--max-old-space-size=${HEAP_MB}`,
    '--import',
    'tsx',
    program,
    name,
    String(seed),
    String(first),
    String(runs),
    path,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [finds, why, last, since] = [0, '', -1, performance.now()]
  let errors = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    finds++
    const { mutant, stack } = JSON.parse(line) as { mutant: number; stack: string }
    console.log(`${name}, mutant ${mutant} of seed ${seed}: ${stack}`)
  })
  child.stderr.on('data', (text: Buffer) => (errors = `${errors}${text.toString()}`.slice(-4000)))
  const timer = setInterval(() => {
    const { mutant } = progressIn(path)
    const now = performance.now()
    if (mutant !== last) [last, since] = [mutant, now]
    else if (now - since > 1000 * (mutant < 0 ? START_SECONDS : MAX_SECONDS)) {
      why = `took ${((now - since) / 1000).toFixed(1)} s`
      child.kill('SIGKILL')
    }
  }, 250)
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(timer)
      const { mutant, ends, peak } = progressIn(path)
      rmSync(path)
      const isWhole = code === 0 && mutant === first + runs
      resolve({
        mutant: Math.max(mutant, first),
        ends,
        peak,
        finds,
        why: isWhole ? '' : why || `ended by ${signal ?? code}: ${errors}`,
      })
    })
  })
}

/** As fuzz-run.ts notes it; -1 before the first mutant. */
function progressIn(path: string): Pick<Watched, 'mutant' | 'ends' | 'peak'> {
  const bytes = readFileSync(path)
  const [mutant = -1, loaded = 0, late = 0, early = 0, peak = 0] = new Float64Array(new Uint8Array(bytes).buffer)
  return { mutant, ends: [loaded, late, early], peak }
}
