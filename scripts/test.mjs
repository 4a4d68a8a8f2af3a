/**
 * @file `npm test`, which is also what CI runs: set-up, build, types, format, arrows, tests, README, native tests with
 * and without sanitizers, compile-only checks. `npm test -- FILTER` runs the matching test files only. The last line
 * is `N passed, N failed`, with `, N skipped` where something was. Needs nothing but Node and npm to start.
 */
import { check as checkArrows } from './arrows.mjs'
import { getCheckTools, getPackages, getSystem } from './bootstrap.mjs'
import { buildAddon, buildDist } from './build.mjs'
import { attempt, root, run, whenStarted } from './command.mjs'
import { archiveOf } from './conformance.mjs'
import { crossCompile } from './cross.mjs'
import { formatNative, formatScript } from './format.mjs'
import { checkInstructions } from './instructions.mjs'
import { nativeTests } from './native-tests.mjs'
import { readmeTests } from './readme.mjs'
import { runTestFile, testFiles } from './test-files.mjs'

/** Test files at a time. Two also on a larger machine: many of them measure, or use every core themselves. */
const filesAtOnce = 2

const total = { passed: 0, failed: 0, skipped: 0 }

/**
 * One thing that passes, fails by throwing, or is skipped by giving a reason.
 * @param {string} title
 * @param {() => unknown} work
 * @returns {Promise<boolean>} whether it did not fail
 */
async function step(title, work) {
  const start = performance.now()
  const took = () => `${((performance.now() - start) / 1000).toFixed(1)} s`
  try {
    const reason = await work()
    if (typeof reason === 'string' && reason) {
      total.skipped++
      console.log(`skipped  ${title}: ${reason}`)
    } else {
      total.passed++
      console.log(`passed   ${title} (${took()})`)
    }
    return true
  } catch (error) {
    total.failed++
    console.log(`FAILED   ${title} (${took()})\n${error instanceof Error ? error.message : error}`)
    return false
  }
}

/** @param {string[]} files */
async function runFiles(files) {
  const waiting = [...files]
  const worker = async () => {
    for (let path = waiting.shift(); path; path = waiting.shift()) {
      const { counts, problem, output, seconds } = await runTestFile(path)
      total.passed += counts.passed
      total.failed += counts.failed
      total.skipped += counts.skipped
      const figures = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
      const bad = counts.failed > 0
      console.log(`${bad ? 'FAILED ' : 'passed '}  ${path}: ${problem || figures} (${seconds.toFixed(1)} s)`)
      if (bad) console.log(output)
    }
  }
  await Promise.all(Array.from({ length: filesAtOnce }, worker))
}

async function checkSources() {
  await step('types', () =>
    run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']).then(nothing),
  )
  await step('format: TypeScript', () => formatScript(false).then(nothing))
  await step('format: C++', () => formatNative(false))
  await step('arrows between rooms', checkArrows)
}

/** Every case of a suite that was made with another framework; they are not part of the repository. */
async function conforms(/** @type {string} */ suite) {
  if (!archiveOf(suite)) return 'its cases are not in ../shared/conformance'
  const { ok, output } = await attempt(process.execPath, ['scripts/conformance.mjs', suite], { seconds: 600 })
  if (!ok) throw new Error(output)
}

async function checkNative() {
  for (const variant of /** @type {const} */ (['release', 'asan', 'tsan'])) {
    /** @type {Awaited<ReturnType<typeof nativeTests>>} */
    let tests = []
    await step(`native ${variant}: build`, async () => {
      tests = await nativeTests(variant)
    })
    for (const test of tests) await step(test.title, test.run)
    if (variant === 'release') await step('instructions of key kernels', checkInstructions)
  }
  await step('compiles for Windows (MinGW)', () => crossCompile('mingw'))
  await step('compiles for arm64', () => crossCompile('arm64'))
}

/** What a step's program printed is not a reason to skip it. */
const nothing = () => undefined

async function runEverything() {
  await getCheckTools()
  await step('build: addon', () => buildAddon('release'))
  await step('build: dist', buildDist)
  await checkSources()
  const files = testFiles([])
  const tiny = files.indexOf('test/tiny.test.ts')
  await runFiles(files.slice(0, tiny + 1))
  await runFiles(files.slice(tiny + 1))
  for (const suite of ['torch', 'onnx-legacy', 'onnx-export', 'webnn'])
    await step(`conformance: ${suite}`, () => conforms(suite))
  for (const { title, run } of readmeTests()) await step(title, () => run().then(nothing))
  await checkNative()
}

/** @param {string[]} filters */
async function runSome(filters) {
  const files = testFiles(filters)
  if (files.length === 0) throw new Error(`no test file matches ${filters.join(' ')}`)
  if (!files.every((path) => path.startsWith('test/pure/'))) await buildAddon('release')
  await runFiles(files)
}

await whenStarted(import.meta.url, async (filters) => {
  process.chdir(root)
  try {
    await getSystem()
    await getPackages()
    await (filters.length ? runSome(filters) : runEverything())
  } catch (error) {
    total.failed++
    console.log(error instanceof Error ? error.message : error)
  }
  process.exitCode = total.failed ? 1 : 0
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`)
})
