/** @file Reading JSON that may be anything: every access checks, and says where in which file it was disappointed. */
import { fail, TenonError } from '../../errors.ts'

const MAX_SHORT = 64
/** NFKD makes one character 18. */
const MAX_GROWTH = 20

/** One value of a JSON file, and the way to it. */
export class Json {
  /** File and fields, as errors call it. */
  readonly where: string
  readonly value: unknown

  constructor(where: string, value: unknown) {
    this.where = where
    this.value = value
  }

  static parse(where: string, text: string): Json {
    try {
      return new Json(where, JSON.parse(text))
    } catch (error) {
      throw new TenonError('FORMAT', 'Tokenizer', `${where}: is not JSON: ${(error as Error).message}.`, {
        cause: error,
      })
    }
  }

  /** FORMAT, with the place. */
  refuse(rule: string): never {
    return fail('FORMAT', 'Tokenizer', `${this.where}: ${rule}, got ${show(this.value)}.`)
  }

  /** Whether it is missing or null. */
  get isNone(): boolean {
    return this.value === undefined || this.value === null
  }

  get isObject(): boolean {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value)
  }

  /** A field of an object; one that is not there has the value undefined. */
  field(name: string): Json {
    const object = this.isObject ? (this.value as Record<string, unknown>) : this.refuse('must be an object')
    return new Json(`${this.where}: ${name}`, Object.hasOwn(object, name) ? object[name] : undefined)
  }

  /** The fields of an object. */
  entries(): [string, Json][] {
    if (!this.isObject) return this.refuse('must be an object')
    return Object.entries(this.value as object).map(([name, value]) => [
      name,
      new Json(`${this.where}: ${name}`, value),
    ])
  }

  list(): Json[] {
    if (!Array.isArray(this.value)) return this.refuse('must be a list')
    return this.value.map((value, i) => new Json(`${this.where}[${i}]`, value))
  }

  text(fallback?: string): string {
    if (this.isNone && fallback !== undefined) return fallback
    return typeof this.value === 'string' ? this.value : this.refuse('must be a text')
  }

  /** A text that is put into others: a long one, put again and again, would take all memory. */
  shortText(): string {
    const text = this.text()
    return text.length <= MAX_SHORT ? text : this.refuse(`must have at most ${MAX_SHORT} characters`)
  }

  /** FORMAT if steps have made a text much longer. */
  checkGrowth(before: number, after: number): void {
    if (after > MAX_GROWTH * before + 1000) this.refuse(`must not make a text ${MAX_GROWTH} times as long`)
  }

  flag(fallback?: boolean): boolean {
    if (this.isNone && fallback !== undefined) return fallback
    return typeof this.value === 'boolean' ? this.value : this.refuse('must be true or false')
  }

  number(fallback?: number): number {
    if (this.isNone && fallback !== undefined) return fallback
    return Number.isFinite(this.value) ? (this.value as number) : this.refuse('must be a number')
  }

  /** An integer in [0, 2^31). */
  index(fallback?: number): number {
    if (this.isNone && fallback !== undefined) return fallback
    return isIndex(this.value) ? this.value : this.refuse('must be an integer in [0, 2^31)')
  }

  choice<T extends string>(choices: readonly T[], fallback?: T): T {
    if (this.isNone && fallback !== undefined) return fallback
    return choices.includes(this.value as T) ? (this.value as T) : this.refuse(`must be one of ${choices.join(', ')}`)
  }

  /** A map from tokens to ids. */
  vocabulary(): Map<string, number> {
    if (!this.isObject) return this.refuse('must be an object')
    const vocabulary = new Map<string, number>()
    for (const [token, id] of Object.entries(this.value as object)) {
      if (!isIndex(id)) return this.refuse(`the id of ${JSON.stringify(token)} must be an integer in [0, 2^31)`)
      vocabulary.set(token, id)
    }
    return vocabulary
  }
}

const isIndex = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : typeof value === 'object' && value ? 'a list or object' : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
