/**
 * @file Mutants of one format, for fuzz.ts: `fuzz-run.ts FORMAT SEED FIRST RUNS PROGRESS`. What may not happen is a line of JSON; how far it
 * is, and how mutants ended, is in the file PROGRESS, which outlives a crash. More memory than 512 MB cannot be had.
 */
import { execFileSync } from 'node:child_process'
import { openSync, writeSync } from 'node:fs'
import { formats } from '../../test/fuzz/formats/index.ts'
import { hunt } from '../../test/fuzz/hunt.ts'
import type { Ends } from '../../test/fuzz/hunt.ts'
import { peakBytes, residentBytes } from '../process-memory.ts'

/** Over what the process has when the good files were read; resident, all in all. */
const MOST_BYTES = 512 * 2 ** 20
/** Looked at after so many mutants. */
const ROUND = 1000

const [name, seed, first, runs, progressPath] = process.argv.slice(2) as [string, string, string, string, string]
const format = formats.find((one) => one.name === name)
if (!format) throw new Error(`no such format: ${name}. ${formats.map((one) => one.name).join(', ')}`)
const progress = openSync(progressPath, 'w')
const isAsan = process.env.LD_PRELOAD?.includes('asan') ?? false

let peak = 0
let isLimited = isAsan || process.platform !== 'linux' || format.isWasm === true
await hunt(format, {
  seed: Number(seed),
  first: Number(first),
  runs: Number(runs),
  onMutant(mutant, ends) {
    if (!isLimited) limitMemory()
    isLimited = true
    note(mutant, ends)
    if (mutant % ROUND !== 0) return
    peak = peakBytes()
    if (peak > MOST_BYTES && !isAsan) throw new Error(`${peak} bytes were resident before mutant ${mutant}`)
  },
  onFind: (find, mutant) => console.log(JSON.stringify({ mutant, stack: find.stack })),
}).then((ends) => {
  peak = peakBytes()
  note(Number(first) + Number(runs), ends)
})

/** What is claimed without being used counts, too: address space. */
function limitMemory(): void {
  const bytes = residentBytes('VmSize') + MOST_BYTES
  execFileSync('prlimit', [`--pid=${process.pid}`, `--as=${bytes}`])
}

function note(mutant: number, { loaded, late, early }: Ends): void {
  const figures = Float64Array.of(mutant, loaded, late, early, peak)
  writeSync(progress, new Uint8Array(figures.buffer), 0, figures.byteLength, 0)
}
