/** @file Runs cases made with PyTorch against tenon: `tsx scripts/conformance/torch/run.ts --dir DIR [--only NAME] [--json]`. */
import { parseArgs } from 'node:util'
import type { Tensor } from '../../../lib/index.ts'
import { casesIn, tensorsOf } from '../cases.ts'
import type { Case } from '../cases.ts'
import { Report } from '../report.ts'
import type { Counts, Outcome } from '../report.ts'
import { loadCalls } from './adapter.ts'
import type { Calls } from './adapter.ts'
import { runCall } from './kinds/call.ts'
import type { CallCase } from './kinds/call.ts'
import { runClip } from './kinds/clip.ts'
import type { ClipCase } from './kinds/clip.ts'
import { runModule } from './kinds/module.ts'
import type { ModuleCase } from './kinds/module.ts'
import { runOptim } from './kinds/optim.ts'
import type { OptimCase } from './kinds/optim.ts'
import { runSched } from './kinds/sched.ts'
import type { SchedCase } from './kinds/sched.ts'
import { runTrain } from './kinds/train.ts'
import type { TrainCase } from './kinds/train.ts'
import { modules } from './modules.ts'
import type { Results } from './results.ts'
import { mostSkipped, skips } from './skips.ts'

const { values } = parseArgs({
  options: { dir: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean' } },
})
if (!values.dir) throw new Error('needs --dir DIR, a folder of cases')
const counts = await runCases(values.dir, values.only ?? '', values.json ?? false)
const { passed, failed, skipped } = counts
if (failed > 0 || skipped > mostSkipped || passed + skipped === 0) process.exitCode = 1

async function runCases(folder: string, only: string, json: boolean): Promise<Counts> {
  const calls = await loadCalls()
  const report = new Report(json)
  for (const one of casesIn(folder, only)) report.add(one, await outcomeOf(one, folder, calls))
  report.end()
  return report.counts
}

async function outcomeOf(one: Case, folder: string, calls: Calls): Promise<Outcome> {
  if (Object.hasOwn(skips, one.op)) return { state: 'skipped', reason: skips[one.op]!, results: new Map() }
  try {
    const results = await resultsOf(one, await tensorsOf(folder, one), calls)
    const ok = results.size > 0 && [...results.values()].every((result) => result.ok)
    return { state: ok ? 'passed' : 'failed', results }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { state: 'failed', reason, results: new Map() }
  }
}

async function resultsOf(one: Case, given: ReadonlyMap<string, Tensor>, calls: Calls): Promise<Results> {
  switch (one.kind) {
    case 'call':
      return runCall(one as CallCase, given, calls, modules)
    case 'module':
      return runModule(one as ModuleCase, given, modules)
    case 'optim':
      return runOptim(one as OptimCase, given)
    case 'sched':
      return runSched(one as SchedCase)
    case 'clip':
      return runClip(one as ClipCase, given)
    case 'train':
      return runTrain(one as TrainCase, given, modules)
    default:
      throw new Error(`there is no way to run a case of kind ${one.kind}`)
  }
}
