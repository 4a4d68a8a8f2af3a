/** @file Plans by structure: least recently used go first, bounded in bytes. */
import type { Plan } from './plan.ts'
import { sameKey } from './walk.ts'
import type { Key } from './walk.ts'

interface Entry {
  readonly key: Key
  readonly plan: Plan
}

export class PlanCache {
  /** What all plans together may hold. */
  maxBytes: number
  #bytes = 0
  /** How many plans were compiled. */
  misses = 0
  // A Map keeps the order of insertion: the first bucket is the one not used for longest.
  readonly #buckets = new Map<number, Entry[]>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get(key: Key, compile: () => Plan): Plan {
    const bucket = this.#buckets.get(key.hash)
    const entry = bucket?.find((candidate) => sameKey(candidate.key, key))
    if (bucket && entry) {
      this.#buckets.delete(key.hash)
      this.#buckets.set(key.hash, bucket)
      return entry.plan
    }
    this.misses++
    const plan = compile()
    const kept = { hash: key.hash, numbers: Int32Array.from(key.numbers), texts: [...key.texts] }
    this.#buckets.delete(key.hash)
    this.#buckets.set(key.hash, [...(bucket ?? []), { key: kept, plan }])
    this.#bytes += sizeOf({ key: kept, plan })
    this.#evict(key.hash)
    return plan
  }

  get size(): number {
    let n = 0
    for (const bucket of this.#buckets.values()) n += bucket.length
    return n
  }

  get bytes(): number {
    return this.#bytes
  }

  clear(): void {
    this.#buckets.clear()
    this.#bytes = 0
  }

  #evict(keep: number): void {
    for (const [hash, bucket] of this.#buckets) {
      if (this.#bytes <= this.maxBytes || hash === keep) return
      this.#buckets.delete(hash)
      for (const entry of bucket) this.#bytes -= sizeOf(entry)
    }
  }
}

const sizeOf = ({ key, plan }: Entry) =>
  plan.bytes + key.numbers.length * 4 + key.texts.reduce((n, text) => n + text.length * 2, 0)
