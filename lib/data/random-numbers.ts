/** @file Random numbers of the data side: orders, samples, augmentation. Each stream is a function of its keys alone. */
import { checkInteger } from '../errors.ts'

/**
 * A stream of random numbers that its keys decide: (seed, epoch) for an order, (seed, epoch, index) for a sample. So work can be
 * repeated, resumed and spread over threads, and gives the same numbers. xoshiro128** (Blackman and Vigna, 2018).
 */
export class RandomNumbers {
  readonly #state: Uint32Array

  constructor(...keys: readonly number[]) {
    this.#state = seedWords(keys)
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const s = this.#state
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9)
    const t = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = rotate(s[3]!, 11)
    return result >>> 0
  }

  /** Uniform in [0, 1), with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53
  }

  /** An integer in [0, n), each equally likely; n at most 2^32. */
  below(n: number): number {
    checkInteger('RandomNumbers', 'n', n, 1, 2 ** 32)
    const limit = 2 ** 32 - (2 ** 32 % n)
    let x = this.uint32()
    while (x >= limit) x = this.uint32()
    return x % n
  }

  /** Standard normal (Box and Muller, 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  /** Puts the items into a random order, in place (Fisher and Yates). */
  shuffle<T extends { readonly length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const item = items[i]
      ;(items as Record<number, unknown>)[i] = items[j]
      ;(items as Record<number, unknown>)[j] = item
    }
    return items
  }
}

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

/** Four words from any number of keys: each key is mixed in by the finaliser of MurmurHash3. */
function seedWords(keys: readonly number[]): Uint32Array {
  let hash = mix(keys.length)
  for (const key of keys) {
    checkInteger('RandomNumbers', 'a key', key, 0)
    hash = mix(mix(hash ^ (key >>> 0)) ^ Math.floor(key / 2 ** 32))
  }
  const words = new Uint32Array(4)
  for (let i = 0; i < 4; i++) words[i] = hash = mix((hash + 0x9e3779b9) | 0)
  // The one state that the generator never leaves.
  if (words.every((word) => word === 0)) words[0] = 1
  return words
}

function mix(x: number): number {
  let h = (x + 0x9e3779b9) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
