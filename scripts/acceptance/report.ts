/** @file How an acceptance script ends: one line of JSON with its figures and the machine, and an exit code. */
import { cpus, loadavg } from 'node:os'
import { addon } from '../../lib/engine/addon.ts'
import { collectNow } from '../process-memory.ts'

/** A figure, the most that it may be, and what it counts. */
export interface Bound {
  readonly name: string
  readonly value: number
  readonly most: number
}

/** Exit code 1 when a bound is broken. `figures` is what else is worth knowing. */
export function report(name: string, bounds: readonly Bound[], figures: Readonly<Record<string, unknown>> = {}): void {
  // NaN is not within any bound.
  const broken = bounds.filter(({ value, most }) => !(value <= most)).map((bound) => bound.name)
  const measured = Object.fromEntries(bounds.map((bound) => [bound.name, round(bound.value)]))
  const allowed = Object.fromEntries(bounds.map((bound) => [bound.name, bound.most]))
  print({ name, ok: broken.length === 0, broken, ...measured, allowed, ...figures, machine: machine() })
  if (broken.length > 0) process.exitCode = 1
}

/** The point cannot be measured here, and why. */
export function skip(name: string, reason: string): void {
  print({ name, skipped: reason })
}

export const megabytes = (bytes: number): number => bytes / 2 ** 20

/**
 * Resident memory of the process over a run: the most between 10 and 20 % of it, against the most in its last tenth. (At single moments it
 * would say how long ago V8 has collected its garbage.) Both windows begin with a full collection, so that they hold as much garbage.
 */
export class Memory {
  #early = 0
  #late = 0

  /** `done`: share of the run. */
  sample(done: number): void {
    if (done < 0.1 || (done > 0.2 && done < 0.9)) return
    if (done <= 0.2) this.#early = most(this.#early)
    else this.#late = most(this.#late)
  }

  get growthMb(): number {
    return this.#early && this.#late ? megabytes(this.#late - this.#early) : NaN
  }

  get lateMb(): number {
    return Math.round(megabytes(this.#late))
  }
}

/** The most of memory in a window, 0 before it has begun. */
function most(sofar: number): number {
  if (sofar === 0) collectNow()
  return Math.max(sofar, process.memoryUsage.rss())
}

const print = (line: object) => console.log(JSON.stringify(line))

/** For reading. */
export const round = (x: number): number => (Number.isInteger(x) || Math.abs(x) < 1e-3 ? x : Number(x.toFixed(4)))

function machine(): object {
  const { threads, targets } = addon().stats()
  const processor = cpus()[0]?.model ?? 'unknown'
  return { processor, cpus: cpus().length, threads, simd: targets, load: loadavg().map(round), node: process.version }
}
