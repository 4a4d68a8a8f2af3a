/**
 * @file `npm run acceptance [-- NAME...]`: what tenon promises, measured on this machine, one script of scripts/acceptance/ a point
 * (docs/acceptance.md). Prints what each measured and a table; exit code 1 when a bound is broken.
 */
import { getPackages, getSystem } from './bootstrap.mjs'
import { buildAddon } from './build.mjs'
import { attempt, whenStarted } from './command.mjs'

const secondsEach = 1800

/** Script, and what it shows. */
const points = [
  ['losses', "20 steps on MNIST: PyTorch's losses"],
  ['responsive', 'a timer while training; memory'],
  ['epochs', '20 epochs from picture files: timer, memory'],
  ['sync-loops', 'synchronous loops: memory'],
  ['threads', 'bit for bit on 1, 2 and 4 threads'],
  ['allocations', 'a steady step allocates nothing'],
  ['peak-memory', 'peak of memory against summary()'],
  ['failures', 'a step that fails changes nothing'],
  ['workers', 'workers ended at random moments'],
  ['kill-resume', 'a training killed 100 times goes on'],
  ['safetensors', '500 MB read and summed, against plain C'],
  ['exits', 'a process that ends while it trains'],
  ['fuzz', 'mutants of every format that is read'],
]

/**
 * @param {string} name
 * @returns {Promise<{ state: 'ok' | 'BROKEN' | 'skipped', note: string, seconds: number }>}
 */
async function measure(name) {
  const script = `scripts/acceptance/${name}.ts`
  const { ok, status, output, seconds } = await attempt(process.execPath, ['--import', 'tsx', script], {
    show: true,
    seconds: secondsEach,
  })
  const line = output.trimEnd().split('\n').at(-1) ?? ''
  const figures = line.startsWith('{') ? JSON.parse(line) : null
  if (figures?.skipped) return { state: 'skipped', note: figures.skipped, seconds }
  if (!figures || (!ok && figures.ok)) return { state: 'BROKEN', note: status || 'ended without its figures', seconds }
  const note = Object.entries(figures.allowed).map(([bound, most]) => `${bound} ${figures[bound]} (<= ${most})`)
  return { state: ok ? 'ok' : 'BROKEN', note: note.join(', '), seconds }
}

await whenStarted(import.meta.url, async (names) => {
  const unknown = names.filter((name) => !points.some(([known]) => known === name))
  if (unknown.length)
    throw new Error(`no such point: ${unknown.join(', ')}. ${points.map(([name]) => name).join(', ')}`)
  await getSystem()
  await getPackages()
  if (!process.env.TENON_NATIVE) await buildAddon('release', { show: true })
  const rows = []
  // One at a time: they measure, and use every core.
  for (const [name, title] of points) {
    if (names.length && !names.includes(name)) continue
    const { state, note, seconds } = await measure(name)
    if (state === 'BROKEN') process.exitCode = 1
    rows.push(`${name.padEnd(12)} ${title.padEnd(36)} ${state.padEnd(8)} ${seconds.toFixed(0).padStart(4)} s  ${note}`)
  }
  console.log(`\n${rows.join('\n')}`)
})
