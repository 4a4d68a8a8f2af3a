/** @file Guards: what a glance over the repository would find, found by a test. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('house')

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  encoding: 'utf8',
})
  .split('\0')
  .filter((path) => path && existsSync(path))
const sources = files.filter((path) => /\.(ts|mjs|cc|h|cmake|sh)$/.test(path) || path === 'CMakeLists.txt')
const read = (path: string): string => readFileSync(path, 'utf8')
const linesOf = (path: string): number => read(path).split('\n').length - 1

/** The guard's title, the files that it looks at, and what may not be true of any of them. */
const guards: [title: string, files: string[], isBad: (path: string) => boolean][] = [
  ['no file in lib has over 500 lines', inFolder('lib'), (path) => linesOf(path) > 500],
  ['no file in native has over 600 lines', inFolder('native'), (path) => linesOf(path) > 600],
  ['a file in lib begins with what it is', inFolder('lib'), (path) => !/^(#!.*\n)?\/\*\* @file /.test(read(path))],
  ['nothing is left for later', sources, (path) => /\b(TO[D]O|FIX[M]E|XX[X])\b/.test(read(path))],
  ['no test narrows the run to itself', inFolder('test'), (path) => /\.only\(/.test(read(path))],
  [
    'every test file uses suite()',
    testFiles(),
    (path) => !/\bsuite\(/.test(read(path)) || /from 'uv[u]'/.test(read(path)),
  ],
  ['the lock file holds no addresses', ['package-lock.json'], (path) => read(path).includes('"resolved"')],
  ['no file is larger than 1 MiB', files, (path) => statSync(path).size > 2 ** 20],
  ['shell scripts may be run', shellScripts(), (path) => (statSync(path).mode & 0o111) === 0],
]

for (const [title, paths, isBad] of guards) {
  test(title, () => assert.equal(paths.filter(isBad), []))
}

test('the package has no install script and none that npm would run by itself', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const own = ['preinstall', 'install', 'postinstall', 'prepare', 'prebuild', 'postbuild', 'pretest', 'posttest']
  assert.equal(
    own.filter((name) => name in scripts),
    [],
  )
  assert.not.ok(existsSync('binding.gyp'), 'npm runs node-gyp where a binding.gyp is')
})

function inFolder(folder: string): string[] {
  return sources.filter((path) => path.startsWith(`${folder}/`))
}

function testFiles(): string[] {
  return inFolder('test').filter((path) => path.endsWith('.test.ts'))
}

function shellScripts(): string[] {
  return files.filter((path) => path.endsWith('.sh') || path === '.ci/run')
}
