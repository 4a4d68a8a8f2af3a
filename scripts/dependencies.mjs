/**
 * @file `node scripts/dependencies.mjs [linux-x64 | linux-arm64 | win32-x64]`: OpenBLAS and Highway as tenon ships
 * them, built from Debian's source archives. They are kept outside of the repository, under a hash of all that they
 * are made from, in TENON_DEPENDENCIES or ~/.cache/tenon; what is there is not built again.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt, findProgram, run, whenStarted } from './command.mjs'
import { digest } from './content.mjs'
import { buildHighway } from './dependencies/highway.mjs'
import { buildOpenBlas } from './dependencies/openblas.mjs'

/**
 * @typedef {object} Archive a source archive of Debian's pool
 * @property {string} path in the pool
 * @property {string} sha256
 * @property {string} licence its path in the archive
 */

/** @typedef {object} Toolchain
 * @property {string} prefix of the programs' names
 * @property {string} suffix of the compilers' names
 * @property {string[]} blas what OpenBLAS's makefiles are told of the target
 */

/** From Debian 13: its pool keeps a version as long as the release. @type {Record<'openblas' | 'highway', Archive>} */
const archives = {
  openblas: {
    path: 'main/o/openblas/openblas_0.3.29+ds.orig.tar.xz',
    sha256: 'eb691e2cff83799400da22aa6ab93ebaa346ad317fea578b7ae119e226ce1b01',
    licence: 'LICENSE',
  },
  highway: {
    path: 'main/h/highway/highway_1.2.0.orig.tar.gz',
    sha256: '7e0be78b8318e8bdbf6fa545d2ecb4c90f947df03f7aadc42c1967f019e63343',
    licence: 'LICENSE-BSD3',
  },
}

/** Where the pool is, and was: what a release no longer holds is kept in the archive and the snapshots. */
const pools = [
  'http://deb.debian.org/debian/pool', // the hash is what guards it
  'https://archive.debian.org/debian/pool',
  'https://snapshot.debian.org/archive/debian/20261101T000000Z/pool',
]

const x86 = 'NEHALEM SANDYBRIDGE HASWELL ZEN SKYLAKEX COOPERLAKE SAPPHIRERAPIDS'
const arm = 'CORTEXA53 CORTEXA57 NEOVERSEN1 NEOVERSEV1 NEOVERSEN2 ARMV8SVE'

/** The first target of OpenBLAS is the least that a processor must have. @type {Record<string, Toolchain>} */
export const toolchains = {
  'linux-x64': { prefix: '', suffix: '', blas: ['TARGET=PRESCOTT', `DYNAMIC_LIST=${x86}`] },
  'linux-arm64': {
    prefix: 'aarch64-linux-gnu-',
    suffix: '',
    blas: ['TARGET=ARMV8', `DYNAMIC_LIST=${arm}`, 'CROSS=1'],
  },
  'win32-x64': {
    prefix: 'x86_64-w64-mingw32-',
    suffix: '-posix',
    blas: ['TARGET=PRESCOTT', `DYNAMIC_LIST=${x86}`, 'CROSS=1'],
  },
}

/** This machine's platform. */
export const here = `${process.platform}-${process.arch}`

/**
 * The folder with include/, lib/libtenon_blas.a, lib/libhwy.a and the licences; built where it is not there yet.
 * @param {string} [platform]
 * @param {{ show?: boolean }} [options]
 */
export async function buildDependencies(platform = here, { show = false } = {}) {
  const toolchain = toolchains[platform]
  if (!toolchain) throw new Error(`dependencies: one of ${Object.keys(toolchains).join(', ')}, not ${platform}`)
  const native = platform === here
  const { suffix } = toolchain
  const prefix = native ? '' : toolchain.prefix
  const cc = native ? (process.env.CC ?? 'cc') : `${prefix}gcc${suffix}`
  const cxx = native ? (process.env.CXX ?? 'c++') : `${prefix}g++${suffix}`
  await needPrograms(['make', 'xz', 'tar', cc, cxx])
  const versions = await Promise.all([cc, cxx].map(async (name) => (await attempt(name, ['--version'])).output))
  const content = digest(['scripts/dependencies.mjs', 'scripts/dependencies'], [platform, ...versions])
  const home = process.env.TENON_DEPENDENCIES ?? join(homedir(), '.cache/tenon')
  const folder = join(home, `${platform}-${content.slice(0, 16)}`)
  if (existsSync(folder)) return folder
  console.log('OpenBLAS and Highway are built from source, once: a minute or two')
  const start = performance.now()
  const work = mkdtempSync(join(tmpdir(), 'tenon-dependencies-'))
  try {
    const blas = native ? toolchain.blas.filter((word) => word !== 'CROSS=1') : toolchain.blas
    const out = join(work, 'out')
    for (const name of ['include', 'lib', 'licences']) mkdirSync(join(out, name), { recursive: true })
    const options = { out, cc, cxx, prefix, blas, native, show, launcher: findProgram('ccache') ?? '' }
    await buildOpenBlas(await unpack('openblas', home, work), options)
    await buildHighway(await unpack('highway', home, work), options)
    // Another process may have been faster; what it left is the same.
    if (!existsSync(folder)) move(out, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  console.log(`${folder}: built in ${((performance.now() - start) / 1000).toFixed(0)} s`)
  return folder
}

/** @param {string[]} programs */
async function needPrograms(programs) {
  const missing = programs.filter((name) => !findProgram(name))
  if (missing.length) throw new Error(`dependencies: ${missing.join(', ')} missing (Debian: make, xz-utils, gcc, g++)`)
}

/**
 * The sources of a library, in a folder of `work`; the archive stays in `home`.
 * @param {keyof typeof archives} name
 * @param {string} home
 * @param {string} work
 */
async function unpack(name, home, work) {
  const archive = archives[name]
  const file = join(home, 'archives', archive.sha256)
  if (!existsSync(file) || sha256(readFileSync(file)) !== archive.sha256) {
    mkdirSync(join(home, 'archives'), { recursive: true })
    const part = `${file}.${process.pid}`
    await download(archive, part)
    renameSync(part, file)
  }
  const folder = join(work, name)
  mkdirSync(folder)
  await run('tar', ['-xf', file, '-C', folder, '--strip-components=1'])
  cpSync(join(folder, archive.licence), join(work, 'out/licences', `${name}.txt`))
  return folder
}

/**
 * @param {Archive} archive
 * @param {string} file
 */
async function download({ path, sha256: expected }, file) {
  const failures = []
  // Debian's own program knows this machine's proxies and certificates.
  const helper = '/usr/lib/apt/apt-helper'
  if (existsSync(helper)) {
    const { ok, output } = await attempt(helper, ['download-file', `${pools[0]}/${path}`, file, `SHA256:${expected}`])
    if (ok) return
    failures.push(output.trim())
  }
  for (const pool of pools) {
    try {
      const response = await fetch(`${pool}/${path}`)
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (sha256(bytes) !== expected) throw new Error(`its SHA-256 is ${sha256(bytes)}, not ${expected}`)
      writeFileSync(file, bytes)
      return
    } catch (error) {
      const { cause, message } = /** @type {Error} */ (error)
      failures.push(`${pool}/${path}: ${cause instanceof Error ? cause.message : message}`)
    }
  }
  throw new Error(`dependencies: cannot be had:\n${failures.join('\n')}`)
}

/** @param {Uint8Array} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * The temporary folder may be on another disk than the cache, where nothing may be seen half done.
 * @param {string} from
 * @param {string} to
 */
function move(from, to) {
  const part = `${to}.${process.pid}`
  cpSync(from, part, { recursive: true })
  renameSync(part, to)
}

await whenStarted(import.meta.url, async (platforms) => {
  for (const platform of platforms.length ? platforms : [here]) {
    console.log(await buildDependencies(platform, { show: Boolean(process.env.TENON_DEBUG) }))
  }
})
