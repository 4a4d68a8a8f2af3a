/** @file The test files: their order, and one process for each. What a file ran, its `suite` helper says at its end. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, root } from './command.mjs'
import { filesUnder } from './content.mjs'

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const defaultSeconds = 120

/**
 * All test files in the order in which they run: those without the addon, the small one, the rest by name.
 * @param {string[]} filters a file stays when its path contains one of them, or when there are none
 */
export function testFiles(filters) {
  /** @param {string} path */
  const rank = (path) => (path.startsWith('test/pure/') ? 0 : path === 'test/tiny.test.ts' ? 1 : 2)
  return filesUnder('test')
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/**
 * Runs a test file; never throws.
 * @param {string} path
 * @returns {Promise<{ counts: Counts, problem: string, output: string, seconds: number }>}
 */
export async function runTestFile(path) {
  const seconds = secondsOf(readFileSync(join(root, path), 'utf8'))
  const env = { NO_COLOR: '1', FORCE_COLOR: '0' }
  const outcome = await attempt(process.execPath, ['--import', 'tsx', path], { env, seconds })
  const { counts, problem } = judge(outcome.output, outcome.status)
  return { counts, problem, output: outcome.output, seconds: outcome.seconds }
}

/**
 * What a test file's process says about it. A file that ended without its report, ran nothing, or failed outside of a
 * test counts as one failure more.
 * @param {string} output
 * @param {string} status why the process failed, or nothing
 * @returns {{ counts: Counts, problem: string }}
 */
export function judge(output, status) {
  const report = output.match(/^#tests (\{.*\})$/m)
  /** @type {Counts} */
  const counts = report ? JSON.parse(report[1]) : { passed: 0, failed: 0, skipped: 0 }
  let problem = ''
  if (!report) problem = status || 'ended before its tests did'
  else if (counts.passed + counts.failed + counts.skipped === 0) problem = 'ran no test'
  else if (status && counts.failed === 0) problem = status
  return { counts: problem ? { ...counts, failed: counts.failed + 1 } : counts, problem }
}

/**
 * How long a file may take: `// timeout: 600` in it asks for more than the default.
 * @param {string} text
 */
export function secondsOf(text) {
  return Number(text.match(/^\/\/ timeout: (\d+)$/m)?.[1] ?? defaultSeconds)
}
