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

/** Runs `fn` without recording effects: it is traced for a part of a plan that may run never or often. */
export function noEffects<T>(fn: () => T): T {
  const before = state.effectsEnabled
  state.effectsEnabled = false
  try {
    return fn()
  } finally {
    state.effectsEnabled = before
  }
}

/** Runs `fn` under this autocast, whatever is on now. */
export function withAutocast<T>(autocast: Autocast | null, fn: () => T): T {
  const before = state.autocast
  state.autocast = autocast
  try {
    return fn()
  } finally {
    state.autocast = before
  }
}

let regions = 0

/** Runs `fn` without recording gradients. */
export function noGrad<T>(fn: () => T): T {
  const before = state.gradEnabled
  state.gradEnabled = false
  try {
    return fn()
  } finally {
    state.gradEnabled = before
  }
}

/** Runs `fn` so that its nodes are computed again instead of shared with equal ones elsewhere. */
export function inNewRegion<T>(fn: () => T): T {
  const { region, effectsEnabled } = state
  state.region = ++regions
  state.effectsEnabled = false
  try {
    return fn()
  } finally {
    state.region = region
    state.effectsEnabled = effectsEnabled
  }
}
