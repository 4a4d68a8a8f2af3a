/**
 * @file Counts the instructions that key kernels take, by callgrind, and compares with native/test/instructions.json: what wall clocks do not
 * see on a busy machine. valgrind knows no AVX-512, so the AVX2 paths are counted; BLAS's own instructions are left out. `npm run instructions`
 * shows all counts, with `-- --update` they become the baseline.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addonPath, buildAddon, buildNativeTests, madeWith } from './build.mjs'
import { findProgram, root, run, whenStarted } from './command.mjs'

/** @typedef {{ compiler: string, counts: Record<string, number> }} Baseline */

const baselineFile = join(root, 'native/test/instructions.json')
/** How much more than the baseline is still the same. */
const allowed = 1.05

/**
 * Throws where a kernel takes more than the baseline; gives why nothing was compared, or ''.
 * @returns {Promise<string>}
 */
export async function checkInstructions() {
  if (!findProgram('valgrind')) return 'no valgrind here'
  /** @type {Baseline} */
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8'))
  const compiler = await compilerName()
  if (compiler !== baseline.compiler) return `the baseline is of ${baseline.compiler}, here is ${compiler}`
  const problems = compare(baseline.counts, await countInstructions())
  if (problems.length) throw new Error(problems.join('\n'))
  return ''
}

/**
 * What differs, as sentences.
 * @param {Record<string, number>} baseline
 * @param {Record<string, number>} counts
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

async function compilerName() {
  const [version] = await madeWith()
  return version.split('\n')[0]
}

/** By case; BLAS's left out. @returns {Promise<Record<string, number>>} */
async function countInstructions() {
  await buildAddon('release')
  await buildNativeTests('release')
  const folder = join(root, 'build/instructions')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const env = { TENON_NATIVE: join(root, addonPath('release')), TENON_THREADS: '1' }
  await run(process.execPath, ['--import', 'tsx', 'scripts/instructions/plans.ts', folder], { env })
  const plans = readdirSync(folder).map((name) => join(folder, name))
  const options = ['--tool=callgrind', '--instr-atstart=no', `--callgrind-out-file=${join(folder, 'counted')}`]
  // Some shells name another processor, and BLAS decides what is left for our own kernels.
  const neutral = { OPENBLAS_CORETYPE: undefined }
  await run('valgrind', [...options, 'build/native-tests/plan_count', ...plans], { env: neutral, seconds: 300 })
  /** @type {Record<string, number>} */
  const counts = {}
  for (const name of readdirSync(folder).filter((file) => file.startsWith('counted'))) {
    const text = readFileSync(join(folder, name), 'utf8')
    const plan = text.match(/^desc: Trigger: Client Request: .*\/(\w+)\.plan$/m)?.[1]
    if (plan) counts[plan] = instructionsIn(text)
  }
  if (Object.keys(counts).length !== plans.length) throw new Error('callgrind did not count every plan')
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Instructions in a file of callgrind's (its manual, "Callgrind Format Specification"), but those of BLAS.
 * @param {string} text
 */
export function instructionsIn(text) {
  /** Objects are named once, then numbered. @type {Map<string, string>} */
  const objects = new Map()
  let [total, isOurs, isCall] = [0, true, false]
  for (const line of text.split('\n')) {
    const named = line.match(/^(c?ob)=(\(\d+\))(?: (.*))?$/)
    if (named) {
      const [, what, number, name] = named
      if (name) objects.set(number, name)
      if (what === 'ob') isOurs = !objects.get(number)?.includes('blas')
    } else if (line.startsWith('calls=')) isCall = true
    else if (/^[\d+*-]/.test(line)) {
      // The line behind a call is what the callee took, which stands there too.
      if (isOurs && !isCall) total += Number(line.split(' ')[1])
      isCall = false
    }
  }
  return total
}

await whenStarted(import.meta.url, async (args) => {
  if (!findProgram('valgrind')) throw new Error('needs valgrind (Debian: apt-get install valgrind)')
  const counts = await countInstructions()
  /** @type {Baseline} */
  const { counts: before } = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile, 'utf8')) : { counts: {} }
  for (const [name, count] of Object.entries(counts)) {
    console.log(
      `${name.padEnd(20)}${String(count).padStart(10)}  ${before[name] ? percent(count, before[name]) : 'new'}`,
    )
  }
  if (!args.includes('--update')) return
  const text = JSON.stringify({ compiler: await compilerName(), counts }, null, 2)
  writeFileSync(baselineFile, `${text}\n`)
})
