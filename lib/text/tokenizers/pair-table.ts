/** @file A hash table from pairs of small integers to integers: merges of a BPE model, edges of a trie. */

const EMPTY = -1
/** Odd numbers near 2^32 over the golden ratio and over e. */
const MIX_A = 0x9e3779b1
const MIX_B = 0x5e2d58d9

/** Open addressing, at most half full. Keys and values are integers in [0, 2^31). */
export class PairTable {
  #keysA: Int32Array
  #keysB: Int32Array
  #values: Int32Array
  #size = 0

  constructor() {
    this.#keysA = new Int32Array(64).fill(EMPTY)
    this.#keysB = new Int32Array(64)
    this.#values = new Int32Array(64)
  }

  /** -1 where there is none. */
  get(a: number, b: number): number {
    const slot = this.#find(a, b)
    return this.#keysA[slot] === EMPTY ? -1 : this.#values[slot]!
  }

  set(a: number, b: number, value: number): void {
    const slot = this.#find(a, b)
    if (this.#keysA[slot] === EMPTY) this.#size++
    this.#keysA[slot] = a
    this.#keysB[slot] = b
    this.#values[slot] = value
    if (this.#size * 2 > this.#keysA.length) this.#grow()
  }

  #find(a: number, b: number): number {
    const mask = this.#keysA.length - 1
    const mixed = Math.imul(a, MIX_A) ^ Math.imul(b, MIX_B)
    let slot = (mixed ^ (mixed >>> 15)) & mask
    while (this.#keysA[slot] !== EMPTY && (this.#keysA[slot] !== a || this.#keysB[slot] !== b)) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [keysA, keysB, values] = [this.#keysA, this.#keysB, this.#values]
    const length = keysA.length * 2
    this.#keysA = new Int32Array(length).fill(EMPTY)
    this.#keysB = new Int32Array(length)
    this.#values = new Int32Array(length)
    for (let i = 0; i < keysA.length; i++) {
      if (keysA[i] === EMPTY) continue
      const slot = this.#find(keysA[i]!, keysB[i]!)
      this.#keysA[slot] = keysA[i]!
      this.#keysB[slot] = keysB[i]!
      this.#values[slot] = values[i]!
    }
  }
}
