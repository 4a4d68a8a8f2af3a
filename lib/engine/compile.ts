/** @file compile(fn): traces a function once for each signature of its arguments, and from then on only runs its plan. */
import { check, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { state } from '../graph/state.ts'
import { Tensor } from '../graph/tensor.ts'
import { tracing } from '../ops/random.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { compilePlan } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import { sameKey, walk } from '../plan/walk.ts'
import type { Walk } from '../plan/walk.ts'
import { generator } from '../random.ts'
import { codes } from './addon.ts'
import { bind, perform, performSync, planCache, prepare } from './evaluate.ts'
import { enqueue, runNow } from './queue.ts'
import type { Run } from './queue.ts'

/** What a compiled function may return. */
export type Results = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>

/** What a traced function does: results, and updates that happen at every call. */
export interface Traced<R extends Results> {
  readonly results: R
  readonly updates: readonly Tensor[]
}

export interface Compiled<A extends readonly TensorLike[], R extends Results> {
  (...args: A): Promise<R>
  /** The blocking twin. */
  sync(...args: A): R
  /** The plan for arguments like these. */
  plan(...args: A): Plan
}

const argumentRow: Row = {
  name: 'argument',
  kind: 'leaf',
  infer: () => fail('TRACE', 'compile', 'internal: not an op.'),
  vjp: { none: 'a leaf' },
}

interface Trace<R extends Results> {
  readonly args: readonly Tensor[]
  readonly results: R
  readonly walk: Walk
  readonly plan: Plan
  /** Random numbers that a call takes. */
  readonly draws: number
  readonly seat: { base: number }
}

/**
 * A function that skips building its graph: it is traced at the first call for each combination of argument shapes and dtypes, and its
 * inputs are its arguments and the variables it reads. Everything else that it closes over (numbers, tensors) stays what it was then;
 * with TENON_DEBUG=1 every call traces again and throws TRACE on a difference. Random numbers are new at each call.
 */
export function compile<A extends readonly TensorLike[], R extends Results>(
  fn: (...args: { [K in keyof A]: Tensor }) => R,
): Compiled<A, R> {
  return compileTraced((...args) => ({ results: fn(...args), updates: [] }))
}

/** @internal The same for functions that also write variables. */
export function compileTraced<A extends readonly TensorLike[], R extends Results>(
  fn: (...args: { [K in keyof A]: Tensor }) => Traced<R>,
): Compiled<A, R> {
  const traces = new Map<string, Trace<R>>()
  const traceOf = (given: readonly Tensor[]): Trace<R> => {
    const key =
      given.map((t) => `${t.dtype}${t.shape.join()}`).join(';') +
      Number(state.gradEnabled) +
      (state.autocast?.dtype ?? '')
    const known = traces.get(key)
    if (known && state.debug) checkSame(known, trace(fn, given))
    if (known) return known
    const made = trace(fn, given)
    traces.set(key, made)
    return made
  }
  /** `first` starts what computes the arguments; the run comes after it. */
  const start = (args: A, first: (run: Run) => unknown): { run: Run; results: R } => {
    check(
      tracing.start < 0,
      'TRACE',
      'compile',
      () => 'a compiled function was called while another is traced. Call the plain function there.',
    )
    const given = args.map((arg) => asTensor('compile', arg))
    const missing = prepare({ results: [...new Set(given)].filter((t) => t.value === null), updates: [] })
    if (missing) first(missing)
    if (missing?.state === 'failed') throw missing.error
    const found = traceOf(given)
    found.seat.base = generator.position
    generator.position += found.draws
    const leaves = new Map(found.args.map((leaf, i) => [leaf, given[i]!]))
    const results = mapResults(found.results, (t) => new Tensor(resultRow, t, [], null, ''))
    return { run: bind(found.walk, found.plan, (leaf) => leaves.get(leaf) ?? leaf, listOf(results)), results }
  }
  /** Inside detectAnomaly() a call is what it was written as. */
  const untraced = (args: A) => fn(...(args.map((arg) => asTensor('compile', arg)) as never))
  const call = async (...args: A): Promise<R> => {
    if (state.anomaly) {
      const { results, updates } = untraced(args)
      await perform(updates, listOf(results))
      return results
    }
    const { run, results } = start(args, enqueue)
    await enqueue(run)
    return results
  }
  const sync = (...args: A): R => {
    if (state.anomaly) {
      const { results, updates } = untraced(args)
      performSync(updates, listOf(results))
      return results
    }
    const { run, results } = start(args, runNow)
    runNow(run)
    return results
  }
  return Object.assign(call, { sync, plan: (...args: A) => traceOf(args.map((arg) => asTensor('compile', arg))).plan })
}

const resultRow: Row = {
  name: 'result',
  kind: 'leaf',
  infer: () => fail('TRACE', 'compile', 'internal: not an op.'),
  vjp: { none: 'the result of a compiled function. Differentiate inside of it' },
}

function trace<R extends Results>(fn: (...args: never) => Traced<R>, given: readonly Tensor[]): Trace<R> {
  const args = given.map((t) => new Tensor(argumentRow, t, [], null, ''))
  const seat = { base: generator.position }
  const outer = { ...tracing }
  const start = generator.position
  tracing.start = start
  tracing.base = () => seat.base
  try {
    const { results, updates } = fn(...(args as never))
    const list = listOf(results)
    for (const t of list)
      check(
        t instanceof Tensor,
        'VALUE',
        'compile',
        () => 'the function must return tensors: one, a list, or an object of them.',
      )
    const found = walk({ results: list, updates, args })
    const plan = planCache.get(found.key, () => compilePlan(found, codes()))
    return { args, results, walk: found, plan, draws: generator.position - start, seat }
  } finally {
    Object.assign(tracing, outer)
    generator.position = start
  }
}

function checkSame<R extends Results>(known: Trace<R>, now: Trace<R>): void {
  if (sameKey(known.walk.key, now.walk.key) && sameCaptures(known, now)) return
  fail(
    'TRACE',
    'compile',
    'the function traces differently than at its first call: it depends on something besides its arguments and variables. Pass that as an argument.',
  )
}

/** Numbers and tensors that are closed over must be the same ones. */
function sameCaptures<R extends Results>(a: Trace<R>, b: Trace<R>): boolean {
  const numbers = a.walk.operands.every((t, i) => {
    const other = b.walk.operands[i]!.scalar
    return typeof t.scalar === 'function' ? typeof other === 'function' : Object.is(t.scalar, other)
  })
  const tensors = a.walk.inputs.every(
    (t, i) => t === b.walk.inputs[i] || (a.args.includes(t) && b.args.includes(b.walk.inputs[i]!)),
  )
  return numbers && tensors && a.walk.variables.every((v, i) => v === b.walk.variables[i])
}

function listOf(results: Results): readonly Tensor[] {
  if (results instanceof Tensor) return [results]
  return Array.isArray(results) ? (results as readonly Tensor[]) : Object.values(results as Record<string, Tensor>)
}

function mapResults<R extends Results>(results: R, fn: (t: Tensor) => Tensor): R {
  if (results instanceof Tensor) return fn(results) as R
  if (Array.isArray(results)) return (results as Tensor[]).map(fn) as unknown as R
  return Object.fromEntries(Object.entries(results as Record<string, Tensor>).map(([name, t]) => [name, fn(t)])) as R
}
