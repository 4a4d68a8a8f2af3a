/** @file Highway as tenon ships it: the headers, and the few sources that run-time dispatch needs. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../command.mjs'

/** @typedef {import('./openblas.mjs').Build} Build */

const sources = ['abort', 'aligned_allocator', 'per_target', 'print', 'targets']

/**
 * @param {string} folder its sources
 * @param {Build} build
 */
export async function buildHighway(folder, { out, cxx, prefix, show }) {
  const flags = ['-std=c++17', '-O2', '-fPIC', '-fvisibility=hidden', '-fno-exceptions', '-DNDEBUG', `-I${folder}`]
  const objects = sources.map((name) => join(folder, `${name}.o`))
  for (const [i, name] of sources.entries()) {
    await run(cxx, [...flags, '-c', join(folder, `hwy/${name}.cc`), '-o', objects[i]], { show })
  }
  await run(`${prefix}ar`, ['-rcs', join(out, 'lib/libhwy.a'), ...objects], { show })
  const wanted = (/** @type {string} */ path) => !/\.cc$|_test|hwy\/(tests|contrib|examples)/.test(path)
  cpSync(join(folder, 'hwy'), join(out, 'include/hwy'), { recursive: true, filter: wanted })
}
