/**
 * @file Point 2: a training that is killed (SIGKILL) again and again at random moments, while it trains and saves, and goes on each time, has
 * the curve and the weights of one that was left alone, bit for bit; and no checkpoint is lost.
 * `node --import tsx scripts/acceptance/kill-resume.ts [--kills N] [--seed N]`
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { listCheckpoints } from '../../lib/index.ts'
import { readCheckpoint } from '../../lib/train/checkpoint.ts'
import { report } from './report.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
})
const kills = Number(values.kills)
const program = fileURLToPath(new URL('kill-resume-run.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tenon-kill-'))
try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const alone = join(folder, 'alone')
  const { seconds } = await live(alone, Infinity)
  const expected = curveOf(alone)
  const random = randomNumbers(Number(values.seed))
  const counts = { killed: 0, trainings: 0, lost: 0, damaged: 0, different: 0, whileSaving: 0 }
  while (counts.killed < kills) {
    const own = join(folder, `training-${counts.trainings}`)
    let last = -1
    for (;;) {
      // Lives of all lengths, up to half of a whole training.
      const isOver = counts.killed >= kills
      const { wasKilled } = await live(own, isOver ? Infinity : random() * seconds * 0.5)
      if (!wasKilled) break
      counts.killed++
      const now = await inspect(own)
      if (now.step < last) counts.lost++
      if (now.isDamaged) counts.damaged++
      if (now.wasSaving) counts.whileSaving++
      last = Math.max(last, now.step)
    }
    counts.trainings++
    if (curveOf(own) !== expected) counts.different++
    rmSync(own, { recursive: true, force: true })
  }
  const { lost, damaged, different } = counts
  report(
    'kill-resume',
    [
      { name: 'lost', value: lost, most: 0 },
      { name: 'damaged', value: damaged, most: 0 },
      { name: 'different', value: different, most: 0 },
    ],
    { kills: counts.killed, trainings: counts.trainings, whileSaving: counts.whileSaving, steps: stepsOf(expected) },
  )
}

/** Runs the training until it is complete, or for so many seconds of training. */
function live(own: string, seconds: number): Promise<{ wasKilled: boolean; seconds: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', program, own], { stdio: ['ignore', 'pipe', 'inherit'] })
    let begun = performance.now()
    let timer: NodeJS.Timeout | undefined
    child.stdout.on('data', (chunk: Buffer) => {
      if (!chunk.toString().includes('training')) return
      begun = performance.now()
      if (Number.isFinite(seconds)) timer = setTimeout(() => child.kill('SIGKILL'), 1000 * seconds)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code !== 0 && signal !== 'SIGKILL') reject(new Error(`the training ended with ${code ?? signal}`))
      else resolve({ wasKilled: signal === 'SIGKILL', seconds: (performance.now() - begun) / 1000 })
    })
  })
}

/** What a killed training has left. */
async function inspect(own: string): Promise<{ step: number; isDamaged: boolean; wasSaving: boolean }> {
  const dir = join(own, 'checkpoints')
  const listed = await listCheckpoints(dir)
  let isDamaged = false
  for (const { path } of listed) await readCheckpoint(path).catch(() => (isDamaged = true))
  const wasSaving = existsSync(dir) && readdirSync(dir).some((name) => name.startsWith('.'))
  return { step: listed.at(-1)?.step ?? -1, isDamaged, wasSaving }
}

function curveOf(own: string): string {
  return readFileSync(join(own, 'curve.json'), 'utf8')
}

function stepsOf(curve: string): number {
  return (JSON.parse(curve) as { steps: unknown[] }).steps.length
}

/** Uniform in [0, 1), by a linear congruence. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
}
