/**
 * @file `npm run build`, `build:shipped`, `build:debug`, `build:asan`, `build:tsan`: the addon by cmake-js, and dist/
 * by tsc. Each is skipped when its sources and its tools are those of the last time.
 */
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { attempt, root, run, whenStarted } from './command.mjs'
import { digest, filesUnder, once } from './content.mjs'
import { buildDependencies } from './dependencies.mjs'

/** @typedef {'release' | 'shipped' | 'debug' | 'asan' | 'tsan'} Variant shipped: release with the libraries that users get */

/** @type {Record<Variant, { folder: string, config: 'Release' | 'Debug', sanitize: string }>} */
const variants = {
  release: { folder: 'build', config: 'Release', sanitize: '' },
  shipped: { folder: 'build-shipped', config: 'Release', sanitize: '' },
  debug: { folder: 'build-debug', config: 'Debug', sanitize: '' },
  asan: { folder: 'build-asan', config: 'Release', sanitize: 'address,undefined' },
  tsan: { folder: 'build-tsan', config: 'Release', sanitize: 'thread' },
}

/**
 * Builds the addon; false when it was built from the same content before.
 * @param {Variant} variant
 * @param {{ show?: boolean }} [options]
 */
export async function buildAddon(variant, options) {
  const sources = filesUnder('native').filter((path) => !path.startsWith('native/test/'))
  const libraries = variant === 'shipped' ? await buildDependencies() : ''
  const content = digest([...sources, ...buildFiles], [...(await madeWith()), libraries])
  return once(`addon-${variant}`, content, addonPath(variant), () =>
    compile(variant, 'tenon', { ...options, libraries }),
  )
}

/**
 * Builds the native tests and gives the paths of their programs: `NAME_test` passes or not, `NAME_fuzz` takes `--runs`.
 * @param {Variant} variant
 */
export async function buildNativeTests(variant) {
  const content = digest(['native', ...buildFiles], await madeWith())
  const folder = `${variants[variant].folder}/native-tests`
  await once(`native-tests-${variant}`, content, folder, () => compile(variant, 'native_tests'))
  return filesUnder('native/test')
    .filter((path) => /_(test|fuzz)\.cc$/.test(path))
    .map((path) => path.replace('native/test', folder).replace('.cc', ''))
}

/** Builds dist/ from lib/; false when it was built from the same content before. */
export async function buildDist() {
  const content = digest(['lib', 'tsconfig.json', 'tsconfig.build.json', 'node_modules/typescript/package.json'])
  return once('dist', content, 'dist/index.js', async () => {
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'])
    chmodSync(join(root, 'dist/cli/main.js'), 0o755) // `npx tenon` in this folder starts the file itself
  })
}

/** What a build is made with besides files: the compiler, the platform, and tenon's version, which the addon tells. */
export async function madeWith(compiler = process.env.CXX ?? 'c++') {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return [(await attempt(compiler, ['--version'])).output, process.platform, process.arch, version]
}

/** Files that decide how native code is built, besides the sources. */
export const buildFiles = [
  'CMakeLists.txt',
  'cmake',
  ...['cmake-js', 'node-addon-api', 'node-api-headers'].map((name) => `node_modules/${name}/package.json`),
]

/** Where `buildAddon` leaves it, from the root. @param {Variant} variant */
export function addonPath(variant) {
  const { folder, config } = variants[variant]
  return `${folder}/${config}/tenon.node`
}

/**
 * @param {Variant} variant
 * @param {'tenon' | 'native_tests'} target
 * @param {{ show?: boolean, libraries?: string }} [options] libraries: those of scripts/dependencies.mjs
 */
async function compile(variant, target, { show, libraries } = {}) {
  const { folder, config, sanitize } = variants[variant]
  const cache = join(root, folder, 'CMakeCache.txt')
  // CMake refuses a build folder that was copied from elsewhere.
  const home = `CMAKE_HOME_DIRECTORY:INTERNAL=${root.replace(/\/$/, '')}\n`
  if (existsSync(cache) && !readFileSync(cache, 'utf8').includes(home)) rmSync(join(root, folder), { recursive: true })
  const cmakeJs = ['node_modules/cmake-js/bin/cmake-js', 'configure', '--out', folder, '--config', config]
  if (sanitize) cmakeJs.push(`--CDTENON_SANITIZE=${sanitize}`)
  if (libraries) cmakeJs.push(`--CDTENON_LIBRARIES=${libraries}`)
  await run(process.execPath, cmakeJs, { show })
  const jobs = String(availableParallelism())
  await run('cmake', ['--build', folder, '--target', target, '--parallel', jobs], { show })
}

await whenStarted(import.meta.url, async ([name]) => {
  const variant = /** @type {Variant} */ (name)
  if (!Object.hasOwn(variants, variant)) throw new Error(`build.mjs: one of ${Object.keys(variants).join(', ')}`)
  const built = await buildAddon(variant, { show: true })
  console.log(`${addonPath(variant)}: ${built ? 'built' : 'nothing has changed'}`)
  if (variant === 'release') console.log(`dist: ${(await buildDist()) ? 'built' : 'nothing has changed'}`)
  else console.log(`To use it: TENON_NATIVE=${addonPath(variant)} (docs/building.md)`)
})
