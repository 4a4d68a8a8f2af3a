/** @file Compiles native code for Windows (MinGW) and for arm64, without linking: what does not port is found early. */
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { buildFiles, madeWith } from './build.mjs'
import { findProgram, run, whenStarted } from './command.mjs'
import { digest, filesUnder, once } from './content.mjs'

export const targets = /** @type {const} */ ({
  mingw: { toolchain: 'win32-x64', compiler: 'x86_64-w64-mingw32-g++-posix' },
  arm64: { toolchain: 'linux-arm64', compiler: 'aarch64-linux-gnu-g++' },
})

/**
 * Throws with the compiler's output when it does not compile.
 * @param {keyof typeof targets} name
 * @returns {Promise<string>} why it was skipped, or nothing
 */
export async function crossCompile(name) {
  const { toolchain, compiler } = targets[name]
  if (!findProgram(compiler)) return `no ${compiler} here`
  const folder = `build/cross-${name}`
  const sources = filesUnder('native').filter((path) => !path.startsWith('native/test/'))
  const content = digest([...sources, ...buildFiles], await madeWith(compiler))
  await once(`cross-${name}`, content, folder, async () => {
    const require = createRequire(import.meta.url)
    const include = [require('node-addon-api').include_dir, require('node-api-headers').include_dir]
    await run('cmake', [
      ...['-G', 'Ninja', '-S', '.', '-B', folder, `-DCMAKE_TOOLCHAIN_FILE=cmake/${toolchain}.cmake`],
      ...['-DTENON_COMPILE_ONLY=ON', `-DCMAKE_JS_INC=${include.join(';')}`],
    ])
    // -k 0: all that does not port in one report.
    await run('cmake', ['--build', folder, '--parallel', String(availableParallelism()), '--', '-k', '0'])
  })
  return ''
}

await whenStarted(import.meta.url, async (names) => {
  for (const name of /** @type {(keyof typeof targets)[]} */ (names.length ? names : Object.keys(targets))) {
    console.log(`${name}: ${(await crossCompile(name)) || 'compiles'}`)
  }
})
