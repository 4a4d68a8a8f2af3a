/** @file What a conformance run prints: failures with their errors, a table by group, and the counts as its last line. */
import type { Comparison } from './compare.ts'
import type { Case } from './cases.ts'

export type State = 'passed' | 'failed' | 'skipped'

export interface Outcome {
  readonly state: State
  /** Why it was skipped, or what was thrown. */
  readonly reason?: string
  /** By the result's name. */
  readonly results: ReadonlyMap<string, Comparison>
}

export type Counts = Record<State, number>

/** Prints outcomes as they come: for people, or as an object a line. */
export class Report {
  readonly counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  readonly #groups = new Map<string, Counts>()
  readonly #json: boolean

  constructor(json: boolean) {
    this.#json = json
  }

  add({ id, kind, op, group }: Case, { state, reason, results }: Outcome): void {
    const ofGroup = this.#groups.get(group) ?? { passed: 0, failed: 0, skipped: 0 }
    this.#groups.set(group, ofGroup)
    for (const counts of [this.counts, ofGroup]) counts[state]++
    if (this.#json) {
      const listed = [...results].map(([name, { ok, error, allowed, message }]) => [
        name,
        { ok, error, ...(ok ? {} : { allowed, message }) },
      ])
      return print({ id, kind, op, group, state, reason, results: Object.fromEntries(listed) })
    }
    if (state === 'skipped') console.log(`skipped  ${id}: ${reason}`)
    if (state !== 'failed') return
    console.log(`FAILED   ${id} (${op})${reason ? `: ${reason}` : ''}`)
    for (const { ok, error, allowed, message } of results.values()) {
      if (!ok)
        console.log(
          `         ${message}${Number.isFinite(error) ? ` (off by ${short(error)}, allowed ${short(allowed)})` : ''}`,
        )
    }
  }

  /** The table and the last line. */
  end(): void {
    const { passed, failed, skipped } = this.counts
    if (this.#json) return print(this.counts)
    const row = (cells: readonly unknown[]) =>
      cells.map((cell, i) => (i ? String(cell).padStart(8) : String(cell).padEnd(20))).join('')
    console.log(`\n${row(['group', 'passed', 'failed', 'skipped'])}`)
    for (const [group, counts] of [...this.#groups].sort(([a], [b]) => (a < b ? -1 : 1)))
      console.log(row([group, counts.passed, counts.failed, counts.skipped]))
    console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
  }
}

const short = (x: number) => x.toExponential(2)

/** JSON has no infinities. */
const print = (line: object) => console.log(JSON.stringify(line, (_, x: unknown) => (x === Infinity ? 'Infinity' : x)))
