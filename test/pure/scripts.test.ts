/** @file The pure parts of the scripts that check this repository. */
import * as assert from 'uvu/assert'
import { brokenArrows } from '../../scripts/arrows.mjs'
import { codeBlocks } from '../../scripts/readme.mjs'
import { judge, secondsOf } from '../../scripts/test-files.mjs'
import { suite } from '../support/suite.ts'

const test = suite('scripts')

/** Path in lib/, its text, and whether the arrows allow it. */
const arrows: [path: string, text: string, allowed: boolean][] = [
  ['graph/tensor.ts', "import { fail } from '../errors.ts'", true],
  ['graph/tensor.ts', "import { fs } from 'node:fs'", true],
  ['graph/tensor.ts', "import { row } from '../ops/table.ts'", false],
  ['graph/tensor.ts', "import type { Row } from '../ops/table.ts'", false],
  ['graph/tensor.ts', "export * from '../ops/table.ts'", false],
  ['graph/tensor.ts', "const x = await import('../ops/table.ts')", false],
  ['graph/tensor.ts', "let x: import('../ops/table.ts').Row", false],
  ['graph/tensor.ts', "import '../engine/run.ts'", false],
  ['graph/tensor.ts', "import { a } from './variable.ts'", true],
  ['graph/tensor.ts', "import {\n  a,\n  b,\n} from '../plan/encode.ts'", false],
  ['ops/index.ts', "declare module '../graph/tensor.ts' {}", true],
  ['plan/passes/fuse.ts', "import { a } from '../encode.ts'", true],
  ['plan/passes/fuse.ts', "import { a } from '../../ops/table.ts'", true],
  ['plan/passes/fuse.ts', "import { a } from '../../engine/run.ts'", false],
  ['shape.ts', "import { fail } from './errors.ts'", true],
  ['shape.ts', "import { Tensor } from './graph/tensor.ts'", false],
  ['nn/linear.ts', "import { SGD } from '../optim/sgd.ts'", false],
  ['train/trainer.ts', "import { SGD } from '../optim/sgd.ts'", true],
  ['vision/resnet.ts', "import { load } from '../io/safetensors.ts'", true],
  ['vision/resnet.ts', "import { tokens } from '../text/tokens.ts'", false],
  ['nn/linear.ts', "import { Tensor } from '../index.ts'", false],
  ['index.ts', "export { main } from './cli/main.ts'", true],
  ['elsewhere/a.ts', '', false],
]
for (const [path, text, allowed] of arrows) {
  test(`brokenArrows: ${path}: ${JSON.stringify(text)} is ${allowed ? '' : 'not '}allowed`, () => {
    assert.is(brokenArrows(new Map([[path, text]])).length, allowed ? 0 : 1)
  })
}

const none = { passed: 0, failed: 0, skipped: 0 }
const report = (passed: number, failed: number, skipped: number): string =>
  `dots\n#tests ${JSON.stringify({ passed, failed, skipped })}\n`
/** Output and status of a test file's process, and what it counts as. */
const judged: [title: string, output: string, status: string, counts: typeof none, problem: string][] = [
  ['passes', report(3, 0, 1), '', { passed: 3, failed: 0, skipped: 1 }, ''],
  ['counts failures', report(3, 2, 0), 'exit code 1', { passed: 3, failed: 2, skipped: 0 }, ''],
  ['only skips', report(0, 0, 2), '', { passed: 0, failed: 0, skipped: 2 }, ''],
  ['ran nothing', report(0, 0, 0), '', { ...none, failed: 1 }, 'ran no test'],
  ['crashed', 'dots', 'ended by SIGSEGV', { ...none, failed: 1 }, 'ended by SIGSEGV'],
  ['left early', 'dots', '', { ...none, failed: 1 }, 'ended before its tests did'],
  ['crashed at exit', report(3, 0, 0), 'ended by SIGABRT', { passed: 3, failed: 1, skipped: 0 }, 'ended by SIGABRT'],
]
for (const [title, output, status, counts, problem] of judged) {
  test(`judge: a file that ${title}`, () => assert.equal(judge(output, status), { counts, problem }))
}

test('secondsOf: 120 unless the file asks for more', () => {
  assert.is(secondsOf('/** @file */\n'), 120)
  assert.is(secondsOf('/** @file */\n// timeout: 600\n'), 600)
})

test('codeBlocks: TypeScript only, with its line', () => {
  const text = '# a\n```ts\nlet x = 1\n```\n```sh\nls\n```\n\n```ts\nlet y = 2\nlet z = 3\n```\n'
  assert.equal(codeBlocks(text), [
    { line: 3, code: 'let x = 1\n' },
    { line: 10, code: 'let y = 2\nlet z = 3\n' },
  ])
})
