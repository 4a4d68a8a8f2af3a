/** @file Sequences of tokens that end a text, and what has to be held back until it is clear that none begins. */

/** A token, or several in a row. */
export type Stop = number | readonly number[]

const sequencesOf = (stop: readonly Stop[]): number[][] =>
  stop.map((one) => (typeof one === 'number' ? [one] : [...one])).filter((one) => one.length > 0)

/** The tokens before the sequence that they end with, or null: they end with none. */
export function textBefore(tokens: readonly number[], stop: readonly Stop[]): number[] | null {
  const ended = sequencesOf(stop).find((one) => endsWith(tokens, one, one.length))
  return ended ? tokens.slice(0, tokens.length - ended.length) : null
}

/** Takes tokens and gives those that are sure to belong to the text. */
export class StopFilter {
  readonly #stop: readonly number[][]
  #held: number[] = []

  constructor(stop: readonly Stop[]) {
    this.#stop = sequencesOf(stop)
  }

  /** Takes one token; gives those that are sure to belong to the text, and whether it has ended. */
  take(token: number): { tokens: number[]; isEnd: boolean } {
    this.#held.push(token)
    const text = textBefore(this.#held, this.#stop)
    if (text) {
      this.#held = []
      return { tokens: text, isEnd: true }
    }
    const kept = Math.max(0, ...this.#stop.map((one) => longestBeginning(this.#held, one)))
    return { tokens: this.#held.splice(0, this.#held.length - kept), isEnd: false }
  }

  /** What is left when no more tokens come. */
  rest(): number[] {
    return this.#held.splice(0)
  }
}

/** Whether the list ends with the first n of `one`. */
function endsWith(list: readonly number[], one: readonly number[], n: number): boolean {
  if (n > list.length) return false
  for (let i = 0; i < n; i++) if (list[list.length - n + i] !== one[i]) return false
  return true
}

/** How many tokens at the end of the list are the beginning of `one`. */
function longestBeginning(list: readonly number[], one: readonly number[]): number {
  for (let n = Math.min(one.length - 1, list.length); n > 0; n--) if (endsWith(list, one, n)) return n
  return 0
}
