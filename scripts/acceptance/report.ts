/** @file How an acceptance script ends: one line of JSON with its figures and the machine, and an exit code. */
import { cpus, loadavg } from 'node:os'
import { addon } from '../../lib/engine/addon.ts'

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

/** What the process holds of the machine's memory. */
export const residentBytes = (): number => process.memoryUsage.rss()

const print = (line: object) => console.log(JSON.stringify(line))

const round = (x: number) => (Number.isInteger(x) || Math.abs(x) < 1e-3 ? x : Number(x.toFixed(4)))

function machine(): object {
  const { threads, targets } = addon().stats()
  const processor = cpus()[0]?.model ?? 'unknown'
  return { processor, cpus: cpus().length, threads, simd: targets, load: loadavg().map(round), node: process.version }
}
