/** @file `npm run demo -- --data DIR [--seed N] [--epochs N]`: set-up and build where needed, then examples/cnn.ts on MNIST. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root, run, whenStarted } from './command.mjs'

const usage = `usage: npm run demo -- --data DIR [--seed N] [--epochs N]
DIR is a folder with the idx files of MNIST, plain or gzipped: train-images-idx3-ubyte, train-labels-idx1-ubyte,
t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte. They are Yann LeCun's, Corinna Cortes' and Christopher Burges' "The MNIST
database of handwritten digits"; many data set libraries and archives carry copies of them.`

await whenStarted(import.meta.url, async (args) => {
  const { values } = parseOrExit(args)
  if (!values.data || !existsSync(values.data))
    fail(values.data ? `There is no folder ${values.data}.` : 'No data given.')
  await run(process.execPath, ['scripts/bootstrap.mjs'], { show: true })
  const options = ['seed', 'epochs'].flatMap((name) => (values[name] ? [`--${name}`, String(values[name])] : []))
  const example = ['--import', 'tsx', 'examples/cnn.ts', '--data', resolve(String(values.data)), ...options]
  process.exitCode = spawnSync(process.execPath, example, { cwd: root, stdio: 'inherit' }).status ?? 1
})

/** @param {string[]} args */
function parseOrExit(args) {
  try {
    const text = /** @type {const} */ ({ type: 'string' })
    return /** @type {{ values: Record<string, string | undefined> }} */ (
      parseArgs({ args, options: { data: text, seed: text, epochs: text } })
    )
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
