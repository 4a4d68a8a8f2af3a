/** @file A prefix tree of texts over UTF-16 units. */
import { PairTable } from './pair-table.ts'

export class Trie {
  readonly #edges = new PairTable()
  /** The value of each node, or -1. */
  readonly #values: number[] = [-1]

  /** A text that was there before gets the new value. The empty text is ignored. */
  add(text: string, value: number): void {
    if (text.length === 0) return
    let node = 0
    for (let i = 0; i < text.length; i++) {
      let next = this.#edges.get(node, text.charCodeAt(i))
      if (next < 0) {
        next = this.#values.push(-1) - 1
        this.#edges.set(node, text.charCodeAt(i), next)
      }
      node = next
    }
    this.#values[node] = value
  }

  /** The node behind `node` by a unit, or -1. The root is 0. */
  step(node: number, unit: number): number {
    return this.#edges.get(node, unit)
  }

  /** The value of a node, or -1. */
  valueOf(node: number): number {
    return this.#values[node]!
  }

  /** The value and end of the longest text that begins at `at`; null for none. */
  longestAt(text: string, at: number): { value: number; end: number } | null {
    let node = 0
    let value = -1
    let end = at
    for (let i = at; i < text.length; i++) {
      node = this.#edges.get(node, text.charCodeAt(i))
      if (node < 0) break
      if (this.#values[node]! < 0) continue
      value = this.#values[node]!
      end = i + 1
    }
    return value < 0 ? null : { value, end }
  }
}
