/** @file trainStep: forward, backward and the update as one asynchronous function. */
import { check, checkOptions, fail } from '../errors.ts'
import { compileTraced } from '../engine/compile.ts'
import { perform, performSync } from '../engine/evaluate.ts'
import { backward, trainableLeaves } from '../graph/gradient.ts'
import { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import type { Plan } from '../plan/plan.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { showShape } from '../shape.ts'
import type { GradScaler } from './grad-scaler.ts'
import { countStep, forget } from './optimizer.ts'
import type { Optimizer, PendingStep } from './optimizer.ts'

/** What trainStep needs of a model. */
interface Trainable {
  parameters(): Iterable<Variable>
}

/** The loss, or the loss and more to compute. */
export type StepResults = Tensor | (Readonly<Record<string, Tensor>> & { readonly loss: Tensor })

export interface TrainStepOptions {
  /**
   * Trace `fn` once for each combination of argument shapes and dtypes and then only run its plan: what it closes over, and the
   * model's mode, stay what they were then. Default: false.
   */
  compile?: boolean
  /** Called between backward and the update with the parameters that have a gradient: the place to clip. */
  gradients?: ((parameters: readonly Variable[]) => void) | undefined
  /** Scales the loss, and skips steps with an overflow: for autocast('f16'). Steps then wait for the one before. */
  scaler?: GradScaler | null
}

/** One training step as a function; it resolves to what the traced function returned. */
export interface TrainStep<A extends readonly TensorLike[], R extends StepResults> {
  (...args: A): Promise<R>
  /** The blocking twin: for scripts; a small step runs on the calling thread. */
  sync(...args: A): R
  /** The plan of a step on arguments like these; nothing runs. */
  plan(...args: A): Plan
}

/**
 * A function that makes one training step: calls `fn`, differentiates its loss, updates, and gives what `fn` returned, evaluated and
 * from before the update. Gradients that are there already are discarded. Throws STATE if the loss reaches a trainable variable that
 * `model.parameters()` does not list.
 */
export function trainStep<A extends readonly TensorLike[], R extends StepResults>(
  model: Trainable,
  optimizer: Optimizer<{ lr: number }>,
  fn: (...args: { [K in keyof A]: Tensor }) => R,
  options: TrainStepOptions = {},
): TrainStep<A, R> {
  checkOptions('trainStep', options, ['compile', 'gradients', 'scaler'])
  const scaler = options.scaler ?? null
  const build = (args: readonly Tensor[]): BuiltStep<R> => {
    const { results, reached } = differentiate(model, optimizer, () => fn(...(args as never)), scaler)
    if (options.gradients) {
      scaler?.unscale(reached)
      options.gradients(reached.filter(({ grad }) => grad !== null))
    }
    const pending = optimizer.pending(scaler)
    reached.forEach(forget)
    return { results, updates: pending.updates, pending }
  }
  const step = options.compile ? compiledStep<A, R>(optimizer, build) : plainStep<A, R>(optimizer, build)
  return scaler ? inTurn(step) : step
}

/** Whether a step was skipped has to be known before the next one is numbered. */
function inTurn<A extends readonly TensorLike[], R extends StepResults>(step: TrainStep<A, R>): TrainStep<A, R> {
  let last: Promise<unknown> = Promise.resolve()
  const call = (...args: A): Promise<R> => {
    const run = last.then(() => step(...args))
    last = run.catch(() => {})
    return run
  }
  return Object.assign(call, { sync: step.sync, plan: step.plan })
}

/** @internal What a step will do. */
export interface BuiltStep<R> {
  readonly results: R
  readonly updates: readonly Tensor[]
  /** Null: the optimiser makes no step with it. */
  readonly pending: PendingStep | null
}

type Build<R> = (args: readonly Tensor[]) => BuiltStep<R>

/** @internal Builds its graph at each call. */
export function plainStep<A extends readonly TensorLike[], R extends StepResults>(
  optimizer: Optimizer<{ lr: number }>,
  build: Build<R>,
): TrainStep<A, R> {
  const built = (args: A) => {
    const made = build(args.map((arg) => asTensor('trainStep', arg)))
    const finite = made.pending?.finite
    return { ...made, also: [...tensorsOf(made.results), ...(finite ? [finite] : [])] }
  }
  const call = async (...args: A): Promise<R> => {
    const { results, updates, pending, also } = built(args)
    const run = perform(updates, also)
    await (pending ? optimizer.track(pending, run) : run)
    return results
  }
  const sync = (...args: A): R => {
    const { results, updates, pending, also } = built(args)
    performSync(updates, also)
    if (pending) countStep(pending, pending.finite)
    return results
  }
  const plan = (...args: A): Plan => compiledStep<A, R>(optimizer, build).plan(...args)
  return Object.assign(call, { sync, plan })
}

const tensorsOf = (results: StepResults): Tensor[] => (results instanceof Tensor ? [results] : Object.values(results))

/** @internal Builds it once for each combination of argument shapes and dtypes. */
export function compiledStep<A extends readonly TensorLike[], R extends StepResults>(
  optimizer: Optimizer<{ lr: number }>,
  build: Build<R>,
): TrainStep<A, R> {
  const steps = new Map<string, { pending: PendingStep | null; names: readonly string[] | null }>()
  // A list: what says whether the step was skipped travels behind the results.
  const run = compileTraced<A, readonly Tensor[]>((...args) => {
    const { results, updates, pending } = build(args)
    steps.set(signatureOf(args), { pending, names: results instanceof Tensor ? null : Object.keys(results) })
    return { results: [...tensorsOf(results), ...(pending?.finite ? [pending.finite] : [])], updates }
  })
  const named = (list: readonly Tensor[], names: readonly string[] | null): R =>
    (names ? Object.fromEntries(names.map((name, i) => [name, list[i]!])) : list[0]!) as R
  const finiteOf = (list: readonly Tensor[], { finite }: PendingStep) => (finite ? list[list.length - 1]! : null)
  const call = async (...args: A): Promise<R> => {
    const results = run(...args)
    // Traced by now, unless that has failed, or nothing is traced (detectAnomaly).
    const { pending, names } = steps.get(signatureOf(args)) ?? { pending: null, names: null }
    if (!pending) return named(await results, names)
    return named(await optimizer.track(pending, results, (list) => finiteOf(list, pending)), names)
  }
  const sync = (...args: A): R => {
    const results = run.sync(...args)
    const { pending, names } = steps.get(signatureOf(args))!
    if (pending) countStep(pending, finiteOf(results, pending))
    return named(results, names)
  }
  return Object.assign(call, { sync, plan: run.plan })
}

/** @internal What compiled functions are traced for. */
export const signatureOf = (args: readonly TensorLike[]): string =>
  args.map(({ dtype, shape }) => `${dtype}${shape.join()}`).join(';')

/** @internal Calls `fn` and leaves the gradients of its loss in the variables that it reaches. */
export function differentiate<R extends StepResults>(
  model: Trainable,
  optimizer: Optimizer<{ lr: number }>,
  fn: () => R,
  scaler: GradScaler | null = null,
): { readonly results: R; readonly reached: readonly Variable[] } {
  optimizer.zeroGrad()
  const results = fn()
  const loss = results instanceof Tensor ? results : (results as { loss?: unknown })?.loss
  check(
    loss instanceof Tensor,
    'VALUE',
    'trainStep',
    () => 'the function must return the loss, or an object with a `loss`.',
  )
  const reached = trainableLeaves(loss).map((leaf) => leaf.variables[0]!)
  checkListed(model, reached)
  reached.forEach(forget)
  backward(scaler ? scaler.scale(loss) : loss)
  return { results, reached }
}

function checkListed(model: Trainable, reached: readonly Variable[]): void {
  const listed = new Set(model.parameters())
  for (const variable of reached) {
    if (listed.has(variable)) continue
    const text = `${variable.name ? `'${variable.name}' ` : ''}${showShape(variable.shape)}`
    fail(
      'STATE',
      'trainStep',
      `the loss reaches the trainable variable ${text}, which model.parameters() does not list. Make it a public field of the model, or not trainable.`,
    )
  }
}
