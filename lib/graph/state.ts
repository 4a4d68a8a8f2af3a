/** @file What the building of graphs depends on besides its arguments. One a thread: each worker loads its own modules. */
import type { Tensor } from './tensor.ts'

/** What autocast() does to the inputs of rows that say how they are computed under it. */
export interface Autocast {
  readonly dtype: 'bf16' | 'f16'
  operands(kind: 'narrow' | 'wide', inputs: readonly Tensor[]): readonly Tensor[]
}

export const state = {
  /** False inside noGrad(): what is built does not record how to differentiate it. */
  gradEnabled: true,
  /** 0, or the number of the checkpointed region that is being rebuilt: its nodes are not shared with others'. */
  region: 0,
  /** False while a forward pass is rebuilt: its effects (running statistics) were recorded the first time. */
  effectsEnabled: true,
  /** Counts evaluations that wrote variables. A recipe of a tensor evaluated before the last one has expired. */
  writes: 0,
  /**
   * What evaluated tensors were made from, until the next write: then all of it goes at once, whoever keeps the tensors. (Weak
   * references would hold each tensor until the event loop turns, which a synchronous loop never lets it do.)
   */
  recipes: new WeakMap<Tensor, readonly Tensor[]>(),
  /** Creation order of nodes. */
  nextId: 1,
  /** TENON_DEBUG: nodes remember the line that made them; compiled functions are retraced. */
  debug: Boolean(process.env.TENON_DEBUG && process.env.TENON_DEBUG !== '0'),
  /** Inside detectAnomaly(): evaluations look at every result. */
  anomaly: false,
  /** Inside autocast(). */
  autocast: null as Autocast | null,
}

/** A variable is written: what was evaluated before cannot be differentiated any more. */
export function countWrite(): void {
  state.writes++
  state.recipes = new WeakMap()
}

/** Runs `fn` while these entries of the state are others. */
function during<T>(changes: Partial<typeof state>, fn: () => T): T {
  const before = { ...state }
  Object.assign(state, changes)
  try {
    return fn()
  } finally {
    for (const key of Object.keys(changes) as (keyof typeof state)[]) restore(key, before)
  }
}

function restore<K extends keyof typeof state>(key: K, before: typeof state): void {
  state[key] = before[key]
}

/** Runs `fn` without recording effects: it is traced for a part of a plan that may run never or often. */
export const noEffects = <T>(fn: () => T): T => during({ effectsEnabled: false }, fn)

/** Runs `fn` under this autocast, whatever is on now. */
export const withAutocast = <T>(autocast: Autocast | null, fn: () => T): T => during({ autocast }, fn)

/** Runs `fn` without recording gradients. */
export const noGrad = <T>(fn: () => T): T => during({ gradEnabled: false }, fn)

/** Runs `fn` with gradients recorded: a rule that differentiates a composite needs its graph. */
export const recorded = <T>(fn: () => T): T => during({ gradEnabled: true }, fn)

let regions = 0

/** Runs `fn` so that its nodes are computed again instead of shared with equal ones elsewhere. */
export const inNewRegion = <T>(fn: () => T): T => during({ region: ++regions, effectsEnabled: false }, fn)
