/** @file Ahead: starts work before its result is asked for, a bounded number of pieces, and gives the results in order. */

/** Results of `start()`, in the order of the calls. It resolves to null when there is nothing more. */
export class Ahead<T> {
  readonly #start: () => Promise<T | null>
  readonly #depth: number
  readonly #waiting: Promise<T | null>[] = []
  #refill: NodeJS.Immediate | null = null
  #isClosed = false

  /** @param depth results that are prepared while the caller works with one; 0 prepares none */
  constructor(start: () => Promise<T | null>, depth: number) {
    this.#start = start
    this.#depth = depth
  }

  /** The next result. */
  next(): Promise<T | null> {
    if (this.#waiting.length === 0) this.#begin()
    const result = this.#waiting.shift()!
    this.#scheduleRefill()
    return result
  }

  /** Starts nothing more. */
  close(): void {
    this.#isClosed = true
    if (this.#refill) clearImmediate(this.#refill)
  }

  #begin(): void {
    const result = this.#start()
    // Whoever takes it gets the error; one that nobody takes any more must not end the process.
    result.catch(ignore)
    this.#waiting.push(result)
  }

  /** In a later turn of the event loop: by then the caller has submitted its step, and the work overlaps it. One piece a turn. */
  #scheduleRefill(): void {
    if (this.#isClosed || this.#refill || this.#waiting.length >= this.#depth) return
    this.#refill = setImmediate(() => {
      this.#refill = null
      if (this.#waiting.length < this.#depth) this.#begin()
      this.#scheduleRefill()
    })
  }
}

const ignore = (): void => {}
