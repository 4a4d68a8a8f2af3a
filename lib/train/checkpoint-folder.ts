/** @file A folder of checkpoints: which are kept, which is the last, which the best. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import { cleanUp, isCheckpoint, peekCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.ts'
import type { CheckpointContent } from './checkpoint.ts'

export interface CheckpointOptions {
  /** Each checkpoint is a folder in this one. */
  dir: string
  /** After every so many epochs; null: only where everySteps says, and at the end. Default: 1. */
  everyEpochs?: number | null
  /** After every so many steps as well. Default: null, not. */
  everySteps?: number | null
  /** How many of the last are kept. Default: 3. */
  keepLast?: number
  /** How many of the best are kept besides. Default: 1. */
  keepBest?: number
  /** By which result an epoch is judged. Default: 'val_loss', or 'loss' where there is no validation. */
  monitor?: string | null
  /** Whether less or more of it is better. Default: 'min' for losses and errors, else 'max'. */
  mode?: 'min' | 'max' | null
}

export interface Listed {
  readonly path: string
  /** Steps of the optimiser until then. */
  readonly step: number
}

/** What a checkpoint says about itself at the end of an epoch. */
export interface Judged {
  readonly name: string
  readonly value: number
  readonly mode: 'min' | 'max'
}

const NAME = /^step-(\d{8,})$/
const nameOf = (step: number) => `step-${String(step).padStart(8, '0')}`

/** The checkpoints in a folder, by steps. */
export async function listCheckpoints(dir: string): Promise<Listed[]> {
  const found: Listed[] = []
  for (const name of await readdir(dir).catch(() => [])) {
    const match = NAME.exec(name)
    const path = join(dir, name)
    if (match && (await isCheckpoint(path))) found.push({ path, step: Number(match[1]) })
  }
  return found.sort((a, b) => a.step - b.step)
}

/** The one with the most steps, or null. */
export async function latestCheckpoint(dir: string): Promise<string | null> {
  return (await listCheckpoints(dir)).at(-1)?.path ?? null
}

export interface BestOptions {
  /** Whether less or more is better. Default: by what was monitored. */
  mode?: 'min' | 'max' | null
}

/** The one at the end of the best epoch, by what was monitored; the later of equal ones; null if there is none. */
export async function bestCheckpoint(dir: string, options: BestOptions = {}): Promise<string | null> {
  checkOptions('bestCheckpoint', options, ['mode'])
  return (await ranked(dir, options.mode ?? null))[0]?.path ?? null
}

/** Best first; those that were not judged are not among them. */
async function ranked(dir: string, mode: 'min' | 'max' | null): Promise<Listed[]> {
  const found: (Listed & Judged)[] = []
  for (const listed of await listCheckpoints(dir)) {
    const judged = (await peekCheckpoint(listed.path))?.judged as Judged | null | undefined
    if (typeof judged?.value === 'number') found.push({ ...listed, ...judged })
  }
  const sign = (mode ?? found.at(-1)?.mode) === 'min' ? 1 : -1
  return found.sort((a, b) => sign * (a.value - b.value) || b.step - a.step)
}

/** Whether less or more of a result is better, by its name. */
export function modeOf(name: string): 'min' | 'max' {
  return /loss|err|mae|mse|perplexity|wer$|cer$/i.test(name) ? 'min' : 'max'
}

/** A result by name, or the default one; VALUE when there is none of that name. */
export function monitored(
  op: string,
  { monitor, mode }: { readonly monitor: string | null; readonly mode: 'min' | 'max' | null },
  metrics: Readonly<Record<string, number>>,
): Judged {
  const name = monitor ?? ('val_loss' in metrics ? 'val_loss' : 'loss')
  const value = metrics[name]
  if (value !== undefined) return { name, value, mode: mode ?? modeOf(name) }
  return fail('VALUE', op, `there is no '${name}' to monitor. There are: ${Object.keys(metrics).join(', ')}.`)
}

export class CheckpointFolder {
  readonly options: Required<CheckpointOptions>

  constructor(given: string | CheckpointOptions) {
    const options = typeof given === 'string' ? { dir: given } : given
    const names = ['dir', 'everyEpochs', 'everySteps', 'keepLast', 'keepBest', 'monitor', 'mode']
    checkOptions('checkpoints', options, names)
    const { dir, everyEpochs = 1, everySteps = null, keepLast = 3, keepBest = 1, monitor = null, mode = null } = options
    check(typeof dir === 'string' && dir !== '', 'VALUE', 'checkpoints', () => 'needs a folder: { dir: "..." }.')
    if (everyEpochs !== null) checkInteger('checkpoints', 'everyEpochs', everyEpochs, 1)
    if (everySteps !== null) checkInteger('checkpoints', 'everySteps', everySteps, 1)
    checkInteger('checkpoints', 'keepLast', keepLast, 1)
    checkInteger('checkpoints', 'keepBest', keepBest, 0)
    const isMode = mode === null || mode === 'min' || mode === 'max'
    check(isMode, 'VALUE', 'checkpoints', () => `mode is 'min' or 'max', got ${String(mode)}.`)
    this.options = { dir, everyEpochs, everySteps, keepLast, keepBest, monitor, mode }
  }

  get dir(): string {
    return this.options.dir
  }

  latest(): Promise<string | null> {
    return latestCheckpoint(this.dir)
  }

  /** Removes what an interrupted run has left. STATE if there are checkpoints of another training beyond `step`. */
  async prepare(step: number): Promise<void> {
    await cleanUp(this.dir)
    const beyond = (await listCheckpoints(this.dir)).filter((listed) => listed.step > step)
    if (beyond.length === 0) return
    fail(
      'STATE',
      'checkpoints',
      `${this.dir} holds ${beyond.length} checkpoints of another training, up to step ${beyond.at(-1)!.step}. ` +
        'Go on from there with fit(..., { resume: true }), give another folder, or remove them.',
    )
  }

  /** How an epoch is judged. */
  judge(metrics: Readonly<Record<string, number>>): Judged {
    return monitored('checkpoints', this.options, metrics)
  }

  /** Writes one and then removes those that are not kept. */
  async save(step: number, content: CheckpointContent): Promise<string> {
    const path = join(this.dir, nameOf(step))
    await writeCheckpoint(path, content)
    const { keepLast, keepBest, mode } = this.options
    const all = await listCheckpoints(this.dir)
    const best = keepBest > 0 && all.length > keepLast ? (await ranked(this.dir, mode)).slice(0, keepBest) : []
    const kept = new Set([...all.slice(-keepLast), ...best].map((listed) => listed.path))
    for (const listed of all) if (!kept.has(listed.path)) await removeCheckpoint(listed.path)
    return path
  }
}
