/** @file Writes to variables: assignment, and one fused row for each optimiser's step. An update is a node; evaluating it writes. */
import { checkInteger, fail } from '../errors.ts'
import type { Operand, Row, Spec } from '../graph/row.ts'
import { apply, applyTuple, Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { normalizeAxis, sameShape, showShape, sizeOf } from '../shape.ts'
import { where } from './elementwise.ts'
import { window } from './reduction.ts'
import { asTensor, cast, constant, defineRow, operand } from './table.ts'
import type { TensorLike } from './table.ts'

const NO_GRADIENT = { none: 'it writes a variable' }

interface TargetAttrs {
  /** What the targets look like. */
  readonly specs: readonly Spec[]
}

/** Null: updates are made; else a bool of one element that says whether they are. */
let guard: Tensor | null = null

/** Updates that `build` makes happen only where `go`, a bool of one element, is true; else their targets stay as they are. */
export function guarded<R>(go: Tensor, build: () => R): R {
  const before = guard
  guard = go
  try {
    return build()
  } finally {
    guard = before
  }
}

/** Behind the numbers of a fused step: the guard, where there is one. */
const guardNumber = (): Tensor[] => (guard ? [cast(guard, 'f64')] : [])

/** Builds an update of `targets`; its results are their new contents. */
function update<A extends TargetAttrs>(
  row: Row<A>,
  targets: readonly Variable[],
  inputs: readonly Tensor[],
  attrs: Omit<A, 'specs'>,
): readonly Tensor[] {
  refuseFixed(row.name, targets)
  const specs = targets.map(({ shape, dtype }) => ({ shape, dtype }))
  const parts = applyTuple(row, inputs, { ...attrs, specs } as unknown as A, targets)
  for (const part of parts) {
    part.requiresGrad = false
    part.inputs[0]!.requiresGrad = false
  }
  return parts
}

/** STATE for a variable that cannot be written. */
export function refuseFixed(op: string, targets: readonly Variable[]): void {
  const fixed = targets.find(({ isWritable }) => !isWritable)
  if (fixed)
    fail(
      'STATE',
      op,
      `the variable '${fixed.name || 'unnamed'}' ${showShape(fixed.shape)} is quantised: it cannot be written.`,
    )
}

const assignRow = defineRow<TargetAttrs>({
  name: 'assign',
  kind: 'update',
  infer: (_, { specs }) => specs,
  vjp: NO_GRADIENT,
  emit: (e, _, [target]) => e.copy(target!, e.input(0)),
  moves: true,
})

/** Overwrites a variable when the returned tensor (its new content) is evaluated: `await evaluate(assign(v, x))`. */
export function assign(variable: Variable, value: TensorLike): Tensor {
  const t = asTensor('assign', value)
  if (!sameShape(t.shape, variable.shape)) {
    fail(
      'SHAPE',
      'assign',
      `the value must be ${showShape(variable.shape)} as the variable is, got ${showShape(t.shape)}.`,
    )
  }
  const content = cast(t, variable.dtype)
  return update(assignRow, [variable], [guard ? where(guard, content, variable.read()) : content], {})[0]!
}

const checkRangeRow = defineRow<{ low: number; high: number }>({
  name: 'checkRange',
  kind: 'kernel',
  canFail: true,
  infer: ([x]) => x!,
  vjp: NO_GRADIENT,
  emit: (e, { attrs }) => {
    e.instr('checkRange', [], [e.packed(e.input(0))], [attrs.low, attrs.high])
    e.copy(e.output(), e.input(0))
  },
})

const assignSliceRow = defineRow<TargetAttrs & { axis: number }>({
  name: 'assignSlice',
  kind: 'update',
  infer: (_, { specs }) => specs,
  vjp: NO_GRADIENT,
  emit: (e, { attrs }, [target]) =>
    e.instr('dynamicUpdate', [target!], [e.packed(e.input(0)), e.input(1)], [attrs.axis]),
  moves: true,
})

/**
 * Overwrites positions [start, start + length) of one axis of a variable when the returned tensor (all of its new content) is
 * evaluated. `start` is an operand: another one compiles nothing, so a cache of fixed capacity fills up with one plan.
 */
export function assignSlice(variable: Variable, value: TensorLike, start: number | TensorLike, axis = 0): Tensor {
  const t = cast(asTensor('assignSlice', value), variable.dtype)
  const at = normalizeAxis('assignSlice', axis, variable.rank)
  if (
    t.rank !== variable.rank ||
    t.shape.some((size, i) => (i === at ? size > variable.shape[i]! : size !== variable.shape[i]))
  ) {
    fail(
      'SHAPE',
      'assignSlice',
      `the value must fit ${showShape(variable.shape)} off axis ${at}, got ${showShape(t.shape)}.`,
    )
  }
  const room = variable.shape[at]! - t.shape[at]!
  const from =
    typeof start === 'number'
      ? operand(checkInteger('assignSlice', 'start', start, 0, room), 'i64')
      : apply(checkRangeRow, [cast(asTensor('assignSlice', start), 'i64')], { low: 0, high: room })
  if (from.size !== 1) fail('SHAPE', 'assignSlice', `start is one number, got ${showShape(from.shape)}.`)
  return update(assignSliceRow, [variable], [t, from], { axis: at })[0]!
}

const assignRowsRow = defineRow<TargetAttrs>({
  name: 'assignRows',
  kind: 'update',
  infer: (_, { specs }) => specs,
  vjp: NO_GRADIENT,
  emit: (e, { inputs: [ids] }, [target]) => {
    const [rows] = target!.dims as [number]
    const inner = sizeOf(target!.dims.slice(1))
    const from = window(e.packed(e.input(1)), [ids!.shape[0]!, inner])
    e.instr('assignRows', [window(target!, [rows, inner])], [e.packed(e.input(0)), from])
  },
  moves: true,
})

/**
 * Overwrites the rows ids[i] of a variable by values[i], in time that does not depend on how many rows it has: ids i64 [n], values
 * [n, ...]. Of equal ids the last one counts; ids that are no rows are passed over.
 */
export function assignRows(variable: Variable, ids: TensorLike, values: TensorLike): Tensor {
  const index = asTensor('assignRows', ids)
  const t = cast(asTensor('assignRows', values), variable.dtype)
  if (index.dtype !== 'i64' || index.rank !== 1)
    fail('SHAPE', 'assignRows', `ids are i64 [n], got ${index.dtype} ${showShape(index.shape)}.`)
  if (variable.rank === 0 || !sameShape(t.shape, [index.size, ...variable.shape.slice(1)]))
    fail('SHAPE', 'assignRows', `the values must be rows of ${showShape(variable.shape)}, got ${showShape(t.shape)}.`)
  const chosen = guard ? where(guard, index, constant(-1, 'i64')) : index
  return update(assignRowsRow, [variable], [chosen, t], {})[0]!
}

/** A number that may change from step to step: given, or looked up at each evaluation. */
export type Live = number | (() => number)

interface SgdAttrs extends TargetAttrs {
  readonly nesterov: boolean
  readonly maximize: boolean
}

const sgdRow = defineRow<SgdAttrs>({
  name: 'sgd',
  kind: 'update',
  infer: (_, { specs }) => specs,
  vjp: NO_GRADIENT,
  emit: (e, { attrs, inputs }, targets) =>
    emitStep('sgd', e, targets, inputs.length, [Number(attrs.nesterov), Number(attrs.maximize)]),
})

interface AdamAttrs extends TargetAttrs {
  readonly decoupled: boolean
  readonly maximize: boolean
}

const adamRow = defineRow<AdamAttrs>({
  name: 'adam',
  kind: 'update',
  infer: (_, { specs }) => specs,
  vjp: NO_GRADIENT,
  emit: (e, { attrs, inputs }, targets) =>
    emitStep('adam', e, targets, inputs.length, [Number(attrs.decoupled), Number(attrs.maximize)]),
})

type EmitFn = NonNullable<Row['emit']>
function emitStep(
  kernel: string,
  e: Parameters<EmitFn>[0],
  targets: readonly Operand[],
  numIns: number,
  attrs: number[],
): void {
  e.instr(
    kernel,
    targets,
    Array.from({ length: numIns }, (_, i) => e.packed(e.input(i))),
    attrs,
  )
}

const scalars = (...values: Live[]) => values.map((value) => operand(value, 'f64'))

export interface SgdStep {
  lr: Live
  momentum: Live
  dampening: Live
  weightDecay: Live
  nesterov: boolean
  maximize: boolean
  /** 1 at the first step of `buffer`, else 0. */
  first: Live
}

/** One step of stochastic gradient descent, in place (Sutskever et al. 2013, as PyTorch writes it). */
export function sgd(param: Variable, grad: Tensor, buffer: Variable | null, o: SgdStep): Tensor {
  const targets = buffer ? [param, buffer] : [param]
  const inputs = [grad, ...scalars(o.lr, o.momentum, o.dampening, o.weightDecay, o.first), ...guardNumber()]
  return update(sgdRow, targets, inputs, { nesterov: o.nesterov, maximize: o.maximize })[0]!
}

export interface AdamStep {
  lr: Live
  beta1: Live
  beta2: Live
  eps: Live
  weightDecay: Live
  /** 1 - beta1^t and 1 - beta2^t. */
  correction1: Live
  correction2: Live
  decoupled: boolean
  maximize: boolean
}

/** One step of Adam (Kingma & Ba 2015) or, decoupled, AdamW (Loshchilov & Hutter 2019), in place. `moments`: m, v, and vMax for AMSGrad. */
export function adam(param: Variable, grad: Tensor, moments: readonly Variable[], o: AdamStep): Tensor {
  const numbers = scalars(o.lr, o.beta1, o.beta2, o.eps, o.weightDecay, o.correction1, o.correction2)
  const inputs = [grad, ...numbers, ...guardNumber()]
  return update(adamRow, [param, ...moments], inputs, { decoupled: o.decoupled, maximize: o.maximize })[0]!
}
