/**
 * @file A safetensors file of 500 MB: opened, and every tensor of it summed, against plain C that reads the file and sums it; and one tensor
 * that is read touches its own pages only. `node --import tsx scripts/acceptance/safetensors.ts [--megabytes N] [--rounds N]`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { evaluate, openSafetensors, rand, saveSafetensors } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { median } from '../bench/result.ts'
import { megabytes, report, skip } from './report.ts'

const TENSORS = 60
const COLUMNS = 1024
const MOST_OF_C = 1.3
/** A page before and after, and what a process takes beside it; read-ahead stays in the kernel's cache. */
const MOST_BESIDE_MB = 4

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '7' },
    child: { type: 'string' },
    file: { type: 'string' },
  },
})
if (values.child === 'sum') await sumAll(values.file!)
else if (values.child === 'one') await readOne(values.file!)
else await measure()

async function measure(): Promise<void> {
  if (process.platform !== 'linux')
    return skip('safetensors', "a process's resident file pages are known on Linux only")
  const folder = mkdtempSync(join(tmpdir(), 'tenon-safetensors-'))
  try {
    const program = compile(folder)
    const file = join(folder, 'large.safetensors')
    const rows = Math.ceil((Number(values.megabytes) * 2 ** 20) / (4 * COLUMNS * TENSORS))
    const tensors = Array.from({ length: TENSORS }, (_, i) => [`layer.${i}.weight`, rand([rows, COLUMNS])] as const)
    await saveSafetensors(file, new Map(tensors))
    const dataStart = 8 + Number((await readFile(file)).readBigUInt64LE(0))
    const seconds = { tenon: [] as number[], read: [] as number[], map: [] as number[] }
    const sums: number[] = []
    for (let round = 0; round < Number(values.rounds); round++) {
      const own = child('sum', file) as { seconds: number; sum: number }
      seconds.tenon.push(own.seconds)
      for (const way of ['read', 'map'] as const) {
        const [took, sum] = execFileSync(program, [way, file, String(dataStart)], { encoding: 'utf8' }).split(' ')
        seconds[way].push(Number(took))
        sums.push(Math.abs(Number(sum) - own.sum) / Math.max(1, Math.abs(own.sum)))
      }
    }
    const one = child('one', file) as { touchedMb: number; tensorMb: number }
    report(
      'safetensors',
      [
        { name: 'ofReadInC', value: median(seconds.tenon) / median(seconds.read), most: MOST_OF_C },
        { name: 'touchedBesideMb', value: one.touchedMb - one.tensorMb, most: MOST_BESIDE_MB },
        { name: 'differenceOfSums', value: Math.max(...sums), most: 1e-3 },
      ],
      {
        milliseconds: Object.fromEntries(
          Object.entries(seconds).map(([way, all]) => [way, Math.round(1e3 * median(all))]),
        ),
        ...one,
      },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function compile(folder: string): string {
  const program = join(folder, 'sum-file')
  const source = fileURLToPath(new URL('sum-file.c', import.meta.url))
  const compiler = spawnSync(process.env.CC ?? 'cc', ['-O3', '-march=native', '-o', program, source], {
    encoding: 'utf8',
  })
  if (compiler.status !== 0) throw new Error(`${source}: ${compiler.error?.message ?? compiler.stderr}`)
  return program
}

/** A process of its own: nothing is mapped or warm in it. */
function child(name: string, file: string): unknown {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--child', name, '--file', file]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

async function sumAll(path: string): Promise<void> {
  // The engine is loaded, and its threads have started.
  await rand([8]).sum().data()
  const start = performance.now()
  const file = await openSafetensors(path)
  const sums: Tensor[] = []
  for (const name of file.tensors.keys()) sums.push((await file.read(name)).sum())
  await evaluate(...sums)
  const numbers = await Promise.all(sums.map((sum) => sum.item()))
  const seconds = (performance.now() - start) / 1000
  await file.close()
  console.log(JSON.stringify({ seconds, sum: numbers.reduce((a: number, b) => a + Number(b), 0) }))
}

async function readOne(path: string): Promise<void> {
  await rand([8]).sum().data()
  const file = await openSafetensors(path)
  const before = await filePages()
  const tensor = await file.read(`layer.${TENSORS / 2}.weight`)
  await tensor.sum().data()
  const touchedMb = megabytes((await filePages()) - before)
  await file.close()
  console.log(JSON.stringify({ touchedMb, tensorMb: megabytes(4 * tensor.size) }))
}

/** Resident bytes of mapped files. */
async function filePages(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8')
  return 1024 * Number(status.match(/^RssFile:\s*(\d+) kB$/m)?.[1])
}
