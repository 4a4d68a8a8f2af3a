/**
 * @file `npm run bootstrap`: everything between a fresh clone and a built addon. Looks for compiler, CMake, ninja and
 * the libraries, installs what is missing where it may, then the npm packages, then builds the addon. Each part is
 * skipped when nothing that it depends on has changed. Runs before node_modules is there.
 */
import { buildAddon } from './build.mjs'
import { attempt, findProgram, run, whenStarted } from './command.mjs'
import { digest, once } from './content.mjs'

/**
 * @typedef {object} Need
 * @property {string} what
 * @property {() => boolean | Promise<boolean>} has
 * @property {string} apt package names by package manager; a manager that has none is not offered
 * @property {string} [dnf]
 * @property {string} [brew]
 */

const compiler = process.env.CXX ?? 'c++'

/** What the addon is built with. @type {Need[]} */
const toBuild = [
  { what: 'a C++20 compiler', has: () => compiles('#include <concepts>'), apt: 'g++', dnf: 'gcc-c++', brew: 'gcc' },
  { what: 'CMake', has: () => onPath('cmake'), apt: 'cmake', dnf: 'cmake', brew: 'cmake' },
  { what: 'ninja', has: () => onPath('ninja'), apt: 'ninja-build', dnf: 'ninja-build', brew: 'ninja' },
  {
    what: 'OpenBLAS',
    has: () => hasHeader('cblas.h', 'openblas/cblas.h'),
    apt: 'libopenblas-dev',
    dnf: 'openblas-devel',
    brew: 'openblas',
  },
  {
    what: 'Highway',
    has: () => hasHeader('hwy/highway.h'),
    apt: 'libhwy-dev',
    dnf: 'highway-devel',
    brew: 'highway',
  },
]

/** What OpenBLAS and Highway are built with, as users get them. @type {Need[]} */
const toShip = [
  { what: 'make', has: () => onPath('make'), apt: 'make', dnf: 'make', brew: 'make' },
  { what: 'xz', has: () => onPath('xz'), apt: 'xz-utils', dnf: 'xz', brew: 'xz' },
]

/** What the checks use besides; a check without its tool is skipped. @type {Need[]} */
const toCheck = [
  { what: 'clang-format 14', has: () => onPath('clang-format-14'), apt: 'clang-format-14' },
  { what: 'MinGW', has: () => onPath('x86_64-w64-mingw32-g++-posix'), apt: 'g++-mingw-w64-x86-64-posix' },
  { what: 'valgrind', has: () => onPath('valgrind'), apt: 'valgrind' },
  { what: 'g++ for arm64', has: () => onPath('aarch64-linux-gnu-g++'), apt: 'g++-aarch64-linux-gnu' },
]

/**
 * Gets the tools and libraries that the build needs; throws with the command to run where it may not install them.
 * @param {{ toShip?: boolean }} [options] also what scripts/dependencies.mjs needs
 */
export async function getSystem(options) {
  const missing = await missingOf(options?.toShip ? [...toBuild, ...toShip] : toBuild)
  if (missing.length === 0) return
  const names = missing.map(({ what }) => what).join(', ')
  if (await mayUseApt()) await aptInstall(missing)
  else throw new Error(`Missing: ${names}. ${commandFor(missing)}`)
  const still = await missingOf(missing)
  if (still.length) throw new Error(`Still missing after apt-get install: ${still.map(({ what }) => what).join(', ')}.`)
}

/** Gets the tools of the checks where that is possible. */
export async function getCheckTools() {
  const missing = await missingOf(toCheck)
  if (missing.length === 0 || !(await mayUseApt())) return
  // One by one: where a distribution lacks one of them, the others are still worth having.
  for (const need of missing) await aptInstall([need]).catch((error) => console.error(error.message))
}

/** Installs the npm packages of package-lock.json. */
export async function getPackages() {
  const content = digest(['package.json', 'package-lock.json', '.npmrc'], [process.platform, process.arch])
  const npm = process.env.npm_execpath
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  await once('packages', content, 'node_modules/tsx', () => {
    console.log('npm ci')
    return npm?.endsWith('.js') ? run(process.execPath, [npm, ...args]) : run('npm', args)
  })
}

/** @param {Need[]} needs */
async function missingOf(needs) {
  const has = await Promise.all(needs.map((need) => need.has()))
  return needs.filter((_, i) => !has[i])
}

/** @param {string} name */
const onPath = (name) => findProgram(name) !== undefined

/** @param {string} code */
async function compiles(code) {
  const flags = ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-']
  return (await attempt(compiler, flags, { input: `${code}\n` })).ok
}

/** @param {string[]} names any one of them is enough */
function hasHeader(...names) {
  const prefixes = ['/opt/homebrew/include', '/opt/homebrew/opt/openblas/include', '/usr/local/opt/openblas/include']
  const places = names.flatMap((name) => [`<${name}>`, ...prefixes.map((prefix) => `"${prefix}/${name}"`)])
  const found = places.map((place) => `__has_include(${place})`).join(' || ')
  return compiles(`#if !(${found})\n#error missing\n#endif`)
}

async function mayUseApt() {
  if (!onPath('apt-get')) return false
  return process.getuid?.() === 0 || (onPath('sudo') && (await attempt('sudo', ['-n', 'true'])).ok)
}

let updated = false

/** @param {Need[]} needs */
async function aptInstall(needs) {
  const packages = needs.map((need) => need.apt)
  console.log(`apt-get install ${packages.join(' ')}`)
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const apt = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-y']
  const [program, ...args] = apt
  if (!updated) await attempt(program, [...args, 'update']) // one source of many may be out of reach, the rest may do
  updated = true
  await run(program, [...args, 'install', '--no-install-recommends', ...packages])
}

/** @param {Need[]} needs */
function commandFor(needs) {
  const managers = /** @type {const} */ ([
    ['apt-get', 'sudo apt-get install', 'apt'],
    ['dnf', 'sudo dnf install', 'dnf'],
    ['brew', 'brew install', 'brew'],
  ])
  for (const [program, command, key] of managers) {
    if (onPath(program)) return `Run: ${command} ${needs.map((need) => need[key]).join(' ')}`
  }
  return `Install them with this system's package manager (names on Debian: ${needs.map((need) => need.apt).join(' ')}).`
}

await whenStarted(import.meta.url, async () => {
  await getSystem()
  await getPackages()
  console.log((await buildAddon('release', { show: true })) ? 'The addon is built.' : 'Nothing to do.')
})
