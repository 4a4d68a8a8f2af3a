/**
 * @file What the benchmark measures: a workload as a declaration, and from it what one step is, in each of the ways in which a user may
 * write it. A new one is a `training` or `computing` in a file of workloads/, and its name in workloads/index.ts.
 */
import { compile, evaluate, evaluateSync, nn, optim, trainStep } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import type { Plan } from '../../lib/plan/plan.ts'

/** How a step is written: with compile() or without, blocking or awaited. */
export type Way = 'compiled' | 'plain' | 'compiled sync' | 'plain sync'

/** The way without a suffix stands under the workload's own name. */
const USUAL: readonly Way[] = ['compiled', 'plain']
/** For steps so short that the way there and back to a promise (16-50 us) is most of them. */
export const SMALL: readonly Way[] = ['compiled sync', 'compiled', 'plain sync']

/** Largest relative difference to the peer that still counts as the same work. */
const TOLERANCE = 1e-4

export interface Workload {
  readonly name: string
  /** The first is the one that is compared under the workload's own name. */
  readonly ways: readonly Way[]
  readonly tolerance: number
  /** Random ones, for a run without the peer's. */
  readonly inputs: () => readonly Tensor[]
  readonly build: () => Built
}

export interface Built {
  /** Its state is loaded from the peer's. */
  readonly model: nn.Module | null
  readonly start: (way: Way, inputs: readonly Tensor[]) => Running
}

export interface Running {
  /** One unit of work, from inputs that are handed in anew: its loss, or null. A promise only where the way is not blocking. */
  readonly step: () => Promise<number | null> | (number | null)
  /** What is compared where there is no loss. */
  readonly outputs: (() => Promise<readonly Tensor[]>) | null
  /** What a step runs, one after the other. */
  readonly plans: () => readonly Plan[]
}

interface Declared {
  /** In the peer's order. */
  readonly inputs: () => readonly Tensor[]
  readonly ways?: readonly Way[]
  readonly tolerance?: number
}

interface Trained {
  readonly model: nn.Module
  readonly optimizer: optim.Optimizer<{ lr: number }>
  readonly loss: (...inputs: Tensor[]) => Tensor
}

interface Computed {
  readonly model?: nn.Module
  readonly compute: (...inputs: Tensor[]) => Tensor | readonly Tensor[]
}

/** A training step whose loss is read each time. */
export function training(name: string, declared: Declared & { readonly build: () => Trained }): Workload {
  const build = (): Built => {
    const { model, optimizer, loss } = declared.build()
    const start = (way: Way, inputs: readonly Tensor[]): Running => {
      const step = trainStep<readonly Tensor[], Tensor>(model, optimizer, loss, { compile: isCompiled(way) })
      const blocking = () => step.sync(...inputs).itemSync()
      const awaited = async () => (await step(...inputs)).itemSync()
      return { step: isBlocking(way) ? blocking : awaited, outputs: null, plans: () => [step.plan(...inputs)] }
    }
    return { model, start }
  }
  return workload(name, declared, build)
}

/** A function without a loss; `reads`: its numbers are taken to JavaScript each time. */
export function computing(
  name: string,
  declared: Declared & { readonly build: () => Computed; readonly reads?: boolean },
): Workload {
  const build = (): Built => {
    const { model = null, compute } = declared.build()
    const list = (...inputs: Tensor[]): readonly Tensor[] => [compute(...inputs)].flat()
    const start = (way: Way, inputs: readonly Tensor[]): Running => {
      const compiled = compile<readonly Tensor[], readonly Tensor[]>(list)
      const read = async (ts: readonly Tensor[]) => {
        if (declared.reads) for (const t of ts) Array.from((await t.data()) as Float32Array)
        return null
      }
      const readSync = (ts: readonly Tensor[]) => {
        if (declared.reads) for (const t of ts) Array.from(t.dataSync() as Float32Array)
        return null
      }
      const plain = async () => {
        const ts = list(...inputs)
        if (!declared.reads) await evaluate(...ts)
        return read(ts)
      }
      const plainSync = () => {
        const ts = list(...inputs)
        if (!declared.reads) evaluateSync(...ts)
        return readSync(ts)
      }
      const steps = {
        compiled: async () => read(await compiled(...inputs)),
        'compiled sync': () => readSync(compiled.sync(...inputs)),
        plain,
        'plain sync': plainSync,
      } satisfies Record<Way, Running['step']>
      const outputs = async () => {
        if (isCompiled(way)) return compiled(...inputs)
        const ts = list(...inputs)
        await evaluate(...ts)
        return ts
      }
      return { step: steps[way], outputs, plans: () => [compiled.plan(...inputs)] }
    }
    return { model, start }
  }
  return workload(name, declared, build)
}

const isCompiled = (way: Way): boolean => way.startsWith('compiled')
const isBlocking = (way: Way): boolean => way.endsWith('sync')

const workload = (
  name: string,
  { inputs, ways = USUAL, tolerance = TOLERANCE }: Declared,
  build: () => Built,
): Workload => ({
  name,
  ways,
  tolerance,
  inputs,
  build,
})
