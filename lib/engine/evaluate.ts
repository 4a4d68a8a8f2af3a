/** @file The one place where work starts: from the tensors asked for to a run of the engine, and back. */
import { arrayOf, bytesOf, is64BitInteger, isNarrow } from '../dtype.ts'
import type { TypedArray } from '../dtype.ts'
import { check, checkOptions, fail, TenonError } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import type { Row } from '../graph/row.ts'
import { countWrite, state } from '../graph/state.ts'
import { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { engine } from '../ops/dynamic.ts'
import { asTensor, cast } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import { PlanCache } from '../plan/cache.ts'
import { compilePlan } from '../plan/plan.ts'
import type { Plan, Summary } from '../plan/plan.ts'
import { scalarOf, walk } from '../plan/walk.ts'
import type { Request, Walk } from '../plan/walk.ts'
import { showShape, sizeOf } from '../shape.ts'
import { addon, codes } from './addon.ts'
import { throwAnomaly } from './anomaly.ts'
import { checkSignal, enqueue, isIdle, Run, runNow } from './queue.ts'
import type { Binding } from './queue.ts'

/** Compiled plans of this thread. */
export const planCache = new PlanCache(64 << 20)

export interface EvaluateOptions {
  /** Stops the evaluation before its next instruction, unless it is writing variables already. */
  signal?: AbortSignal
}

type EvaluateArgs = readonly TensorLike[] | readonly [...TensorLike[], EvaluateOptions]

/** Computes tensors together, on the engine's threads. Asking again costs nothing. */
export async function evaluate(...args: EvaluateArgs): Promise<void> {
  const { tensors, options } = parse(args)
  await settle(tensors, options.signal)
}

/** The same, blocking: for scripts. Small plans run on the calling thread. */
export function evaluateSync(...tensors: readonly TensorLike[]): void {
  settleSync(tensors.map((t) => asTensor('evaluateSync', t)))
}

function parse(args: EvaluateArgs): { tensors: Tensor[]; options: EvaluateOptions } {
  const last = args[args.length - 1]
  const isOptions = last !== undefined && !(last instanceof Tensor) && !(last instanceof Variable)
  const options = isOptions ? (last as EvaluateOptions) : {}
  checkOptions('evaluate', options, ['signal'])
  checkSignal(options.signal)
  const tensors = (isOptions ? args.slice(0, -1) : args) as readonly TensorLike[]
  return { tensors: tensors.map((t) => asTensor('evaluate', t)), options }
}

engine.evaluate = evaluate
engine.numberOf = item

/** Evaluates what is not evaluated, and waits for what is under way. */
async function settle(tensors: readonly Tensor[], signal?: AbortSignal): Promise<void> {
  const pending = new Set(tensors.flatMap((t) => (t.value?.run ? [t.value.run as Run] : [])))
  const run = prepare({ results: missing(tensors), updates: [] })
  if (run) pending.add(run)
  await Promise.all([...pending].map((other) => (other === run ? enqueue(other, signal) : other.done)))
}

function settleSync(tensors: readonly Tensor[]): void {
  const run = prepare({ results: missing(tensors), updates: [] })
  if (run) runNow(run)
}

const missing = (tensors: readonly Tensor[]) => [...new Set(tensors)].filter((t) => t.value === null)

/** Performs updates together with computing tensors: an optimiser's step. */
export async function perform(
  updates: readonly Tensor[],
  also: readonly Tensor[],
  signal?: AbortSignal,
): Promise<void> {
  const run = prepare({ results: missing(also), updates })
  if (run) await enqueue(run, signal)
}

export function performSync(updates: readonly Tensor[], also: readonly Tensor[]): void {
  const run = prepare({ results: missing(also), updates })
  if (run) runNow(run)
}

/** @internal The run that answers a request, not started yet; null when there is nothing to do. */
export function prepare(request: Request): Run | null {
  if (request.results.length === 0 && request.updates.length === 0) return null
  const found = walk(request)
  if (state.anomaly) throwAnomaly(found, settleSync)
  const run = bind(found, planOf(found), (leaf) => leaf)
  // What a graph changes, it changes once. (A compiled function does so at every call.)
  for (const update of found.updates) update.version = 1
  for (const node of found.nodes) node.effects?.forEach((effect) => (effect.done = true))
  return run
}

const planOf = (found: Walk): Plan => planCache.get(found.key, () => compilePlan(found, codes()))

/** Makes the run: buffers for the results, values for the leaves. `of` gives the tensor that a leaf stands for in this call. */
export function bind(found: Walk, plan: Plan, of: (leaf: Tensor) => Tensor, results = found.results): Run {
  initialize(found.variables)
  const outputs = results.map(roomFor)
  const run = new Run(plan, bindingOf(found, of, outputs), results, () => {})
  results.forEach((t, i) => {
    t.value = { buffer: outputs[i]!, run }
    t.evaluatedAt = state.writes
  })
  // Versions count at submission: graphs that read the old ones are stale from here on.
  if (found.updates.length > numEffects(found)) countWrite()
  for (const update of found.updates) for (const variable of update.variables) variable.version++
  return run
}

function roomFor({ shape, dtype }: Tensor): ArrayBuffer {
  const bytes = sizeOf(shape) * bytesOf(dtype)
  try {
    return new ArrayBuffer(bytes)
  } catch (error) {
    const text = `the result ${showShape(shape)} of ${dtype} needs ${bytes} bytes, which cannot be had.`
    throw new TenonError('MEMORY', 'evaluate', text, { cause: error })
  }
}

/** Updates that a forward pass causes (running statistics) are not read by version: what was computed before them stays good. */
function numEffects({ nodes, updates }: Walk): number {
  if (updates.length === 0) return 0
  const caused = new Set<Tensor>()
  // Nearly no node has any, so nothing is allocated for those that have none.
  for (const node of nodes) node.effects?.forEach(({ update }) => caused.add(update.inputs[0]!))
  return caused.size === 0 ? 0 : updates.filter((update) => caused.has(update)).length
}

function bindingOf(found: Walk, of: (leaf: Tensor) => Tensor, outputs: readonly ArrayBuffer[]): Binding {
  const inputs = found.inputs.map(of)
  return {
    inputs: inputs.map((t) => t.value!.buffer),
    operands: Float64Array.from(found.operands, scalarOf),
    variables: found.variables.map((v) => v.storage),
    outputs,
    after: [...new Set(inputs.flatMap((t) => (t.value!.run ? [t.value!.run as Run] : [])))],
  }
}

/** Gives storage to variables that have none yet, and their initial values. */
function initialize(variables: readonly Variable[]): void {
  const fresh = variables.filter((v) => v.storage === null)
  if (fresh.length === 0) return
  for (const v of fresh)
    check(v.initial, 'DISPOSED', 'evaluate', () => `the variable '${v.name || 'unnamed'}' was disposed of.`)
  const initial = fresh.map((v) => v.initial!)
  const found = walk({ results: [], updates: fresh.map((v, i) => assign(v, initial[i]!)) })
  // An initial value may read other variables.
  initialize(found.variables.filter((v) => !fresh.includes(v)))
  fresh.forEach((v) => {
    v.storage = addon().createVariable(v.size * bytesOf(v.dtype))
    v.initial = null
  })
  const undo = () => fresh.forEach((v, i) => ((v.storage = null), (v.initial = initial[i]!)))
  // Versions stay: nobody can have read an older content.
  const run = new Run(
    planOf(found),
    bindingOf(found, (leaf) => leaf, []),
    [],
    undo,
  )
  void enqueue(run)
  if (run.state === 'failed') throw run.error
}

export interface DataOptions {
  /** Give away the tensor's own buffer; it has no value afterwards. Copies when the buffer is still being read. */
  transfer?: boolean
}

/** The numbers, row-major, in an array of their own. i64 and u64 give BigInt arrays, bool Uint8Array, f16 and bf16 Float32Array. */
export async function data(t: Tensor, options: DataOptions = {}): Promise<TypedArray> {
  checkOptions('data', options, ['transfer'])
  if (options.transfer) {
    await settle([t])
    return give(t) ?? data(t)
  }
  const copy = copyOf(t)
  await settle([t, copy])
  return arrayOf(copy.dtype, copy.value!.buffer)
}

export function dataSync(t: Tensor, options: DataOptions = {}): TypedArray {
  checkOptions('dataSync', options, ['transfer'])
  if (options.transfer) {
    settleSync([t])
    const given = give(t)
    if (given) return given
  }
  const copy = copyOf(t)
  settleSync([t, copy])
  return arrayOf(copy.dtype, copy.value!.buffer)
}

/** The same values in a buffer that the engine fills and nobody else holds. */
const copyOf = (t: Tensor): Tensor => (isNarrow(t.dtype) ? cast(detach(t), 'f32') : detach(t))

function give(t: Tensor): TypedArray | null {
  if (!isIdle() || isNarrow(t.dtype) || t.value!.run) return null
  const array = arrayOf(t.dtype, t.value!.buffer)
  t.becomeLeaf(takenRow)
  return array
}

/** What is left of a tensor whose buffer was given away. */
const takenRow: Row = {
  name: 'taken',
  kind: 'leaf',
  infer: () => fail('VALUE', 'data', 'internal: not an op.'),
  vjp: { none: 'its buffer was given away' },
}

/** The number of a tensor of one element; throws VALUE for i64 beyond 2^53. */
export async function item(t: Tensor): Promise<number> {
  checkItem(t)
  const x = isNarrow(t.dtype) ? cast(detach(t), 'f32') : t
  await settle([x])
  return numberOf(x)
}

export function itemSync(t: Tensor): number {
  checkItem(t)
  // A result under way may fail: only a run that comes after it can tell.
  const x = isNarrow(t.dtype) ? cast(detach(t), 'f32') : t.value?.run ? detach(t) : t
  settleSync([x])
  return numberOf(x)
}

function checkItem(t: Tensor): void {
  if (t.size !== 1) fail('SHAPE', 'item', `needs a tensor of one element, got ${showShape(t.shape)}. Use data().`)
}

function numberOf(t: Tensor): number {
  const value = arrayOf(t.dtype, t.value!.buffer)[0]!
  const number = Number(value)
  if (is64BitInteger(t.dtype) && BigInt(number) !== value)
    fail('VALUE', 'item', `${value} is not exact as a number. Use data().`)
  return number
}

/** Nested lists of the numbers. */
export async function toArray(t: Tensor): Promise<unknown> {
  return nest(await data(t), t.shape, t.dtype === 'bool')
}

function nest(array: TypedArray, shape: readonly number[], isBool: boolean): unknown {
  const at = (depth: number, offset: number): unknown => {
    if (depth === shape.length) return isBool ? Boolean(array[offset]) : array[offset]
    const stride = sizeOf(shape.slice(depth + 1))
    return Array.from({ length: shape[depth]! }, (_, i) => at(depth + 1, offset + i * stride))
  }
  return at(0, 0)
}

/** The plan that evaluating these tensors takes: prints itself. */
export function plan(...tensors: readonly TensorLike[]): Plan {
  return planOf(walk({ results: missing(tensors.map((t) => asTensor('plan', t))), updates: [] }))
}

/** Operations and memory of a plan, before it runs. */
export function summary(of: Plan): Summary {
  const native = of.native((words, constants) => addon().createPlan(words, constants))
  return of.cost(native, addon().threads())
}
