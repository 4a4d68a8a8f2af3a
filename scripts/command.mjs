/** @file Running other programs, for the scripts beside this one. Needs nothing but Node. */
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * @typedef {object} RunOptions
 * @property {boolean} [show] pass the output through as it comes, besides collecting it
 * @property {string} [input] goes to standard input
 * @property {NodeJS.ProcessEnv} [env] added to this process's
 * @property {number} [seconds] the longest it may take; its whole process group is killed then
 */

/** @typedef {{ ok: boolean, status: string, output: string, seconds: number }} Outcome status: why it is not ok */

/** Process groups that run now: they do not see the terminal's Ctrl-C. @type {Set<number>} */
const running = new Set()
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => {
    running.forEach(killGroup)
    process.exit(130)
  })
}

/**
 * Runs a program in the repository's root; never throws.
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Outcome>}
 */
export function attempt(program, args, { show = false, input, env = {}, seconds = 3600 } = {}) {
  const start = performance.now()
  return new Promise((resolve) => {
    /** @type {Buffer[]} */
    const chunks = []
    let late = false
    const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env }, detached: true })
    const timer = setTimeout(() => {
      late = true
      if (child.pid) killGroup(child.pid)
    }, seconds * 1000)
    /** @param {string} status */
    const finish = (status) => {
      clearTimeout(timer)
      if (child.pid) running.delete(child.pid)
      const output = Buffer.concat(chunks).toString()
      resolve({ ok: status === '', status, output, seconds: (performance.now() - start) / 1000 })
    }
    if (child.pid) running.add(child.pid)
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        chunks.push(chunk)
        if (show) process.stdout.write(chunk)
      })
    }
    child.stdin.on('error', () => {}) // the program need not read what it is given
    child.stdin.end(input ?? '')
    child.on('error', (error) => finish(error.message))
    child.on('close', (code, signal) => {
      if (late) finish(`took longer than ${seconds} s`)
      else finish(signal ? `ended by ${signal}` : code ? `exit code ${code}` : '')
    })
  })
}

/**
 * Like `attempt`, but throws an Error with the command and its output when it fails; gives the output.
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export async function run(program, args, options) {
  const { ok, status, output } = await attempt(program, args, options)
  if (!ok) throw new Error(`${[program, ...args].join(' ')}: ${status}\n${options?.show ? '' : output}`)
  return output
}

/**
 * The full name of a program on the PATH, or undefined.
 * @param {string} name
 */
export function findProgram(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return [name, ...folders.map((folder) => join(folder, name))].find((path) => path.includes('/') && existsSync(path))
}

/** Runs the script when it was started by hand, and turns an Error into its message and exit code 1.
 * @param {string} url the script's import.meta.url
 * @param {(args: string[]) => Promise<void> | void} main
 */
export async function whenStarted(url, main) {
  if (realpathSync(process.argv[1]) !== fileURLToPath(url)) return
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}

/** @param {number} pid */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}
