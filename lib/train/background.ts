/** @file Work that happens in order behind the caller's back: how logs reach their files without keeping the training waiting. */
import { check, TenonError } from '../errors.ts'

/**
 * Hands what is pushed to `write`, in order and in batches. A failure (a full disk) warns at once, drops what comes after, and
 * is thrown by close(): a log must not end the training that it is about.
 */
export class Background<T> {
  readonly #op: string
  readonly #path: string
  readonly #write: (items: readonly T[]) => Promise<void>
  #items: T[] = []
  #running: Promise<void> | null = null
  #error: TenonError | null = null
  #isClosed = false

  constructor(op: string, path: string, write: (items: readonly T[]) => Promise<void>) {
    this.#op = op
    this.#path = path
    this.#write = write
  }

  push(item: T): void {
    check(!this.#isClosed, 'VALUE', this.#op, () => `${this.#path} was closed. Make a new logger.`)
    if (this.#error) return
    this.#items.push(item)
    this.#running ??= this.#drain()
  }

  /** Waits for everything; `last` releases what `write` uses. */
  async close(last: () => unknown = () => {}): Promise<void> {
    this.#isClosed = true
    await this.#running
    await last()
    if (this.#error) throw this.#error
  }

  async #drain(): Promise<void> {
    // What is pushed in this turn of the event loop goes together.
    await Promise.resolve()
    try {
      while (this.#items.length > 0) await this.#write(this.#items.splice(0))
    } catch (cause) {
      this.#items = []
      this.#error = new TenonError(
        'FORMAT',
        this.#op,
        `${this.#path}: cannot be written: ${(cause as Error).message}.`,
        { cause },
      )
      process.emitWarning(this.#error.message)
    }
    this.#running = null
  }
}
