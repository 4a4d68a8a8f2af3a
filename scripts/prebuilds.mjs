/**
 * @file `npm run prebuilds`: prebuilds/PLATFORM/tenon*.node of this platform, as users get it, by prebuildify; prints
 * its size and what it needs, and fails where it exports more than Node looks for. (npm would run a script named
 * `prebuild` before `build`.)
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root, run, whenStarted } from './command.mjs'
import { here } from './dependencies.mjs'

const require = createRequire(import.meta.url)

/** Of an addon that hides all else. */
const exported = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']
const mostBytes = 8e6

/** Makes the file and gives a line about it; throws where it is not as it must be. */
export async function prebuild() {
  if (process.platform !== 'linux') throw new Error(`prebuilds: made on Linux, not on ${process.platform}`)
  const work = join(root, 'build/prebuilds')
  const folder = join(root, 'prebuilds', here)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const compile = join(root, 'scripts/prebuild/compile.mjs')
  // prebuildify starts nodeGyp in `cwd` and takes build/Release/*.node from there.
  const options = { napi: true, name: 'tenon', tagLibc: true, strip: true, cwd: work, out: root, shell: true }
  const nodeGyp = `"${process.execPath}" "${compile}"`
  await new Promise((resolve, reject) => {
    const done = (/** @type {Error | undefined} */ error) => (error ? reject(error) : resolve(0))
    require('prebuildify')({ ...options, nodeGyp }, done)
  })
  return report(join(folder, readdirSync(folder)[0]))
}

/** @param {string} file */
async function report(file) {
  const bytes = statSync(file).size
  const symbols = await run('objdump', ['-T', file])
  const headers = await run('objdump', ['-p', file])
  const exports = [...symbols.matchAll(/^[0-9a-f]+ g .* (\S+)$/gm)].map(([, name]) => name)
  const needs = [...headers.matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name)
  const versions = [...symbols.matchAll(/GLIBC_([0-9.]+)/g)].map(([, version]) => version)
  versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const wrong = []
  if (bytes > mostBytes) wrong.push(`${bytes} bytes, at most ${mostBytes}`)
  if (exports.sort().join() !== exported.join()) wrong.push(`exports ${exports.join(', ')}`)
  if (wrong.length) throw new Error(`${file}: ${wrong.join('; ')}`)
  return `${file}: ${(bytes / 1e6).toFixed(2)} MB, needs ${needs.join(', ')}, glibc ${versions.at(-1)}`
}

await whenStarted(import.meta.url, async () => console.log(await prebuild()))
