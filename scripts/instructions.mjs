/**
 * @file Counts the instructions that key kernels take, by callgrind, and compares with native/test/instructions.json: what wall clocks do
 * not see on a busy machine. valgrind knows no AVX-512, so the AVX2 paths are counted. `npm run instructions` shows all counts, with
 * `-- --update` they become the baseline.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addonPath, buildAddon, buildNativeTests, madeWith } from './build.mjs'
import { findProgram, root, run, whenStarted } from './command.mjs'

/** @typedef {Record<string, number>} Counts by case */
/** @typedef {{ with: string[], counts: Counts }} Counted with: compiler and BLAS, whose instructions count too */

const baselineFile = join(root, 'native/test/instructions.json')
/** How much more than the baseline is still the same. */
const allowed = 1.05
/** The same paths on every processor: BLAS asks which it is, and callgrind does not hide that. */
const env = { TENON_THREADS: '1', OPENBLAS_CORETYPE: 'Haswell', OPENBLAS_NUM_THREADS: '1', OPENBLAS_L2_SIZE: undefined }

/**
 * Throws where a kernel takes more than the baseline; gives why nothing was compared, or ''.
 * @returns {Promise<string>}
 */
export async function checkInstructions() {
  if (!findProgram('valgrind')) return 'no valgrind here'
  /** @type {Counted} */
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8'))
  const found = await countInstructions()
  if (String(found.with) !== String(baseline.with)) return `the baseline is of ${baseline.with}, here is ${found.with}`
  const problems = compare(baseline.counts, found.counts)
  if (problems.length) throw new Error(problems.join('\n'))
  return ''
}

/**
 * What differs, as sentences.
 * @param {Counts} baseline
 * @param {Counts} counts
 */
export function compare(baseline, counts) {
  const update = 'npm run instructions -- --update makes it the baseline, where it has to be so.'
  const names = [...new Set([...Object.keys(baseline), ...Object.keys(counts)])]
  return names.flatMap((name) => {
    const [before, now] = [baseline[name], counts[name]]
    if (before === undefined || now === undefined) return [`${name}: is ${now ? 'new' : 'gone'}. ${update}`]
    if (now <= before * allowed) return []
    return [`${name}: ${now} instructions, ${percent(now, before)} on ${before}. ${update}`]
  })
}

/** @param {number} now @param {number} before */
const percent = (now, before) => `${now >= before ? '+' : ''}${(100 * (now / before - 1)).toFixed(1)} %`

/** @returns {Promise<Counted>} */
async function countInstructions() {
  await buildAddon('release')
  await buildNativeTests('release')
  const folder = join(root, 'build/instructions')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const native = { ...env, TENON_NATIVE: join(root, addonPath('release')) }
  const args = ['--import', 'tsx', 'scripts/instructions/plans.ts', folder]
  const blas = (await run(process.execPath, args, { env: native })).trim()
  const plans = readdirSync(folder).map((name) => join(folder, name))
  const options = ['--tool=callgrind', '--instr-atstart=no', `--callgrind-out-file=${join(folder, 'counted')}`]
  await run('valgrind', [...options, 'build/native-tests/plan_count', ...plans], { env, seconds: 300 })
  const counted = readdirSync(folder).flatMap((name) => {
    // A file for each plan: of callgrind's format only what it is of, and the sum at the end.
    const text = name.startsWith('counted') ? readFileSync(join(folder, name), 'utf8') : ''
    const plan = text.match(/^desc: Trigger: Client Request: .*\/(\w+)\.plan$/m)?.[1]
    const total = text.match(/^totals: (\d+)$/m)?.[1]
    return plan && total ? [/** @type {const} */ ([plan, Number(total)])] : []
  })
  if (counted.length !== plans.length) throw new Error('callgrind did not count every plan')
  const [compiler] = await madeWith()
  const counts = Object.fromEntries(counted.sort(([a], [b]) => (a < b ? -1 : 1)))
  return { with: [compiler.split('\n')[0], blas.split('\n').at(-1) ?? ''], counts }
}

await whenStarted(import.meta.url, async (args) => {
  if (!findProgram('valgrind')) throw new Error('needs valgrind (Debian: apt-get install valgrind)')
  const found = await countInstructions()
  /** @type {Counted} */
  const { counts: before } = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile, 'utf8')) : { counts: {} }
  for (const [name, count] of Object.entries(found.counts)) {
    const change = before[name] ? percent(count, before[name]) : 'new'
    console.log(`${name.padEnd(20)}${String(count).padStart(10)}  ${change}`)
  }
  if (args.includes('--update')) writeFileSync(baselineFile, `${JSON.stringify(found, null, 2)}\n`)
})
