/** @file The README's TypeScript as programs: each ```ts block is run alone, against dist/ as a user's import would. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './command.mjs'

const folder = 'build/readme'

/**
 * The TypeScript blocks of a Markdown text, with the line on which the code begins.
 * @param {string} text
 * @returns {{ line: number, code: string }[]}
 */
export function codeBlocks(text) {
  return Array.from(text.matchAll(/^```ts\n([\s\S]*?)^```$/gm), (match) => ({
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[1],
  }))
}

/** One step a block of README.md; each throws when its program fails. */
export function readmeTests() {
  if (!existsSync(join(root, 'README.md'))) return []
  rmSync(join(root, folder), { recursive: true, force: true })
  mkdirSync(join(root, folder), { recursive: true })
  // Without the paths of the repository's own tsconfig.json, 'tenon' is what package.json exports.
  writeFileSync(join(root, folder, 'tsconfig.json'), '{ "compilerOptions": { "target": "es2022" } }\n')
  return codeBlocks(readFileSync(join(root, 'README.md'), 'utf8')).map(({ line, code }) => {
    const file = `${folder}/line-${line}.ts`
    writeFileSync(join(root, file), code)
    const env = { TSX_TSCONFIG_PATH: join(root, folder, 'tsconfig.json') }
    return {
      title: `README.md:${line}`,
      run: () => run(process.execPath, ['--import', 'tsx', file], { env, seconds: 120 }),
    }
  })
}
