/** @file Layout of the sources: prettier for TypeScript and JavaScript, clang-format 14 for C++. `--write` mends. */
import { attempt, findProgram, run, whenStarted } from './command.mjs'
import { filesUnder } from './content.mjs'

/** clang-format lays out differently in each version, so it has to be this one. */
const clangVersion = 14

/** @param {boolean} write mend, instead of throwing at the first file that is out of shape */
export async function formatScript(write) {
  const mode = write ? ['--write', '--list-different'] : ['--check']
  return run(process.execPath, ['node_modules/prettier/bin/prettier.cjs', ...mode, '.'])
}

/**
 * @param {boolean} write
 * @returns {Promise<string>} why it was skipped, or nothing
 */
export async function formatNative(write) {
  const program = await findClangFormat()
  if (!program) return `no clang-format ${clangVersion} here`
  const files = filesUnder('native').filter((path) => /\.(cc|h)$/.test(path))
  if (files.length) await run(program, [...(write ? ['-i'] : ['--dry-run', '--Werror']), ...files])
  return ''
}

async function findClangFormat() {
  const names = [`clang-format-${clangVersion}`, 'clang-format'].filter(findProgram)
  for (const name of names) {
    if ((await attempt(name, ['--version'])).output.includes(`version ${clangVersion}.`)) return name
  }
  return undefined
}

await whenStarted(import.meta.url, async (args) => {
  const write = args.includes('--write')
  process.stdout.write(await formatScript(write))
  console.log((await formatNative(write)) || 'C++: done')
})
