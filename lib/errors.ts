/** @file The one error class of tenon, and the checks that throw it. */

export type ErrorCode =
  | 'SHAPE' // shapes that do not fit
  | 'DTYPE' // a dtype that an op does not take
  | 'AXIS' // an axis out of range or given twice
  | 'VALUE' // any other argument that is not acceptable
  | 'OPTION' // an option name that does not exist
  | 'INDEX' // an index or label out of range, found while running
  | 'SINGULAR' // a matrix that cannot be factorised, found while running
  | 'GRADIENT' // a gradient that does not exist
  | 'STALE' // a graph that read a variable which was written since
  | 'TRACE' // a compiled function that would trace differently now
  | 'DYNAMIC' // a shape that depends on data where it may not
  | 'MEMORY' // more memory needed than there is
  | 'BUSY' // too many evaluations waiting
  | 'ABORTED' // stopped by an AbortSignal
  | 'DISPOSED' // a variable used after dispose()
  | 'FORMAT' // a file that is not what it says
  | 'STATE' // parameters missing, unexpected or of other shape
  | 'NATIVE' // the addon cannot be loaded or refused a plan

/** Every error that tenon throws on purpose. `message` is `<op>: <rule>, got <values>. <what to do>.` */
export class TenonError extends Error {
  readonly code: ErrorCode
  /** The op or function that noticed. */
  readonly op: string
  constructor(code: ErrorCode, op: string, message: string, options?: ErrorOptions) {
    super(`${op}: ${message}`, options)
    this.name = 'TenonError'
    this.code = code
    this.op = op
  }
}

/** Throws a TenonError. */
export function fail(code: ErrorCode, op: string, message: string): never {
  throw new TenonError(code, op, message)
}

/** Throws a TenonError unless the condition holds. */
export function check(condition: unknown, code: ErrorCode, op: string, message: () => string): asserts condition {
  if (!condition) throw new TenonError(code, op, message())
}

/** Guards our own reasoning: a failure here is a bug in tenon, not in the caller. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** Throws OPTION when `given` has a name that is not in `allowed`, suggesting the nearest one. */
export function checkOptions(op: string, given: object | undefined, allowed: readonly string[]): void {
  for (const name of Object.keys(given ?? {})) {
    if (allowed.includes(name)) continue
    const near = allowed.find((other) => distance(name.toLowerCase(), other.toLowerCase()) <= 2)
    const hint = near ? `Did you mean '${near}'?` : `It takes: ${allowed.join(', ')}.`
    fail('OPTION', op, `unknown option '${name}'. ${hint}`)
  }
}

/** An integer within [low, high], or VALUE. */
export function checkInteger(op: string, name: string, value: number, low: number, high = Number.MAX_SAFE_INTEGER) {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value
  const range = high === Number.MAX_SAFE_INTEGER ? `>= ${low}` : `in [${low}, ${high}]`
  return fail('VALUE', op, `${name} must be an integer ${range}, got ${String(value)}.`)
}

/** Levenshtein distance, for suggestions. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
