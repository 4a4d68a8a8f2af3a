/** @file Runs the programs of native/test: plain, under AddressSanitizer with UBSan, and under ThreadSanitizer. */
import { basename } from 'node:path'
import { buildNativeTests } from './build.mjs'
import { attempt, run, whenStarted } from './command.mjs'

/** @typedef {import('./build.mjs').Variant} Variant */

const fuzzRuns = 10_000
const secondsEach = 300

/**
 * The native tests of a variant, as steps that throw when they fail. A fuzzer runs under AddressSanitizer only.
 * @param {Variant} variant
 * @returns {Promise<{ title: string, run: () => Promise<void> }[]>}
 */
export async function nativeTests(variant) {
  const programs = await buildNativeTests(variant)
  return programs
    .filter((path) => variant === 'asan' || !path.endsWith('_fuzz'))
    .map((path) => ({
      title: `native ${variant} ${basename(path)}`,
      run: () => runProgram(path, path.endsWith('_fuzz') ? ['--runs', String(fuzzRuns), '--seed', '1'] : []),
    }))
}

/**
 * @param {string} path
 * @param {string[]} args
 */
async function runProgram(path, args) {
  const { ok, output } = await attempt(path, args, { seconds: secondsEach })
  if (ok) return
  // GCC 12's ThreadSanitizer does not know the wider address randomisation of newer kernels.
  if (output.includes('unexpected memory mapping'))
    await run('setarch', ['-R', path, ...args], { seconds: secondsEach })
  else await run(path, args, { seconds: secondsEach })
}

await whenStarted(import.meta.url, async ([variant = 'release']) => {
  for (const test of await nativeTests(/** @type {Variant} */ (variant))) {
    await test.run()
    console.log(`passed: ${test.title}`)
  }
})
