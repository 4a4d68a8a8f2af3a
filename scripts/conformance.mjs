/**
 * @file `npm run conformance -- torch | onnx | onnx-legacy | onnx-export | webnn [--dir DIR] [--only NAME] [--json]`: runs cases made
 * with other frameworks against tenon. They come from DIR, from TENON_CONFORMANCE (a folder with the archives) or from
 * ../shared/conformance. Ends with `N passed, N failed, N skipped`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { getPackages, getSystem } from './bootstrap.mjs'
import { buildAddon } from './build.mjs'
import { root, run, whenStarted } from './command.mjs'

/** Archive, list of cases and runner of each suite. @type {Record<string, { archive: string, index: string, runner: string }>} */
const suites = {
  torch: { archive: 'torch-dev.tar.gz', index: 'index.json', runner: 'scripts/conformance/torch/run.ts' },
  onnx: { archive: 'onnx-dev.tar.gz', index: 'manifest.json', runner: 'scripts/conformance/onnx/run.ts' },
  'onnx-legacy': {
    archive: 'onnx-legacy-dev.tar.gz',
    index: 'manifest.json',
    runner: 'scripts/conformance/onnx/run.ts',
  },
  'onnx-export': {
    archive: 'onnx-export-dev.tar.gz',
    index: 'manifest.json',
    runner: 'scripts/conformance/onnx/run.ts',
  },
  webnn: { archive: 'webnn-dev.tar.gz', index: 'index.json', runner: 'scripts/conformance/webnn/run.ts' },
}

const usage = `usage: npm run conformance -- ${Object.keys(suites).join(' | ')} [--dir DIR] [--only NAME] [--json]`

/**
 * The archive of a suite, or undefined where there is none.
 * @param {string} suite
 */
export function archiveOf(suite) {
  const folder = process.env.TENON_CONFORMANCE ?? join(root, '../shared/conformance')
  const path = join(folder, suites[suite].archive)
  return existsSync(path) ? path : undefined
}

/**
 * Runs a suite; gives the exit code.
 * @param {string} suite
 * @param {{ dir?: string, only?: string, json?: boolean }} options
 */
export async function conformance(suite, { dir, only, json }) {
  const unpacked = dir === undefined ? await unpack(suite) : undefined
  try {
    const folder = withIndex(resolve(dir ?? /** @type {string} */ (unpacked)), suites[suite].index)
    const args = ['--dir', folder, ...(only ? ['--only', only] : []), ...(json ? ['--json'] : [])]
    const command = ['--import', 'tsx', suites[suite].runner, ...args]
    return spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' }).status ?? 1
  } finally {
    if (unpacked) rmSync(unpacked, { recursive: true, force: true })
  }
}

/** @param {string} suite */
async function unpack(suite) {
  const archive = archiveOf(suite)
  const { archive: name } = suites[suite]
  if (!archive) throw new Error(`There is no ${name} in TENON_CONFORMANCE or ../shared/conformance. Give --dir DIR.`)
  const folder = mkdtempSync(join(tmpdir(), 'tenon-conformance-'))
  await run('tar', ['-xzf', archive, '-C', folder])
  return folder
}

/**
 * The folder itself or the one in it that has the index.
 * @param {string} folder
 * @param {string} index
 */
function withIndex(folder, index) {
  const inside = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
  const found = [folder, ...inside].find((path) => existsSync(join(path, index)))
  if (!found) throw new Error(`There is no ${index} in ${folder}.`)
  return found
}

await whenStarted(import.meta.url, async (args) => {
  const text = /** @type {const} */ ({ type: 'string' })
  const options = { dir: text, only: text, json: /** @type {const} */ ({ type: 'boolean' }) }
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [suite, ...rest] = positionals
  if (!suite || rest.length || !Object.hasOwn(suites, suite)) throw new Error(usage)
  await getSystem()
  await getPackages()
  if (!process.env.TENON_NATIVE) await buildAddon('release', { show: !values.json })
  process.exitCode = await conformance(suite, values)
})
