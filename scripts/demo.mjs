/** @file `npm run demo`: set-up and build where needed, then `tenon demo` from the sources, with the same options. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { root, run, whenStarted } from './command.mjs'

const usage = `usage: npm run demo -- [--data DIR] [--seed N] [--epochs N] [--out DIR]
Without --data the digits are drawn; nothing is downloaded for them. DIR is a folder with the idx files of MNIST, plain or
gzipped: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte. They are Yann
LeCun's, Corinna Cortes' and Christopher Burges' "The MNIST database of handwritten digits"; many data set libraries and
archives carry copies of them. The model and the report go to --out (build/demo).`

await whenStarted(import.meta.url, async (args) => {
  const { help, data } = optionsOf(args)
  if (help) return console.log(usage)
  // Before minutes of set-up, not after.
  if (data !== undefined && !existsSync(data)) fail(`There is no folder ${data}.`)
  await run(process.execPath, ['scripts/bootstrap.mjs'], { show: true })
  const command = ['--import', 'tsx', 'lib/cli/main.ts', 'demo', '--out', 'build/demo', ...args]
  process.exitCode = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' }).status ?? 1
})

/** @param {string[]} args */
function optionsOf(args) {
  const text = /** @type {const} */ ({ type: 'string' })
  const help = /** @type {const} */ ({ type: 'boolean', short: 'h' })
  try {
    return parseArgs({ args, options: { data: text, seed: text, epochs: text, out: text, help } }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

/**
 * @param {string} problem
 * @returns {never}
 */
function fail(problem) {
  console.error(`${problem}\n${usage}`)
  process.exit(2)
}
