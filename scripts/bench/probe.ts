/** @file What the machine can do at this moment, by probe.c: compiled at first use, so that it uses this processor's instructions. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, root } from '../command.mjs'
import { digest, once } from '../content.mjs'
import { jsonOf } from './child.ts'
import type { Limits } from './result.ts'

const source = 'scripts/bench/probe.c'
const program = 'build/bench/probe'

/** Multiply-adds and memcpy on so many threads. */
export async function probe(threads: number): Promise<Limits> {
  return (await jsonOf(join(root, program), [String(threads)], {})) as Limits
}

/** Compiles it; why it cannot be had, or an empty string. */
export async function prepareProbe(): Promise<string> {
  const compiler = process.env.CC ?? 'cc'
  let problem = ''
  const compile = async () => {
    mkdirSync(join(root, 'build/bench'), { recursive: true })
    // Some compilers name this processor by another option.
    for (const option of ['-march=native', '-mcpu=native']) {
      const args = ['-O3', option, '-ffp-contract=fast', '-pthread', source, '-o', program]
      const { ok, status } = await attempt(compiler, args)
      problem = ok ? '' : `${compiler}: ${status}`
      if (ok) return
    }
    throw new Error(problem)
  }
  const content = digest([source], [(await attempt(compiler, ['--version'])).output, process.arch])
  await once('bench-probe', content, program, compile).catch(() => {})
  return existsSync(join(root, program)) ? '' : `${source} cannot be compiled (${problem})`
}
