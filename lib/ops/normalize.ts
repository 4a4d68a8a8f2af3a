/** @file Normalisations: softmax, logSoftmax, rows of mean 0 and variance 1, batch normalisation. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import type { Row } from '../graph/row.ts'
import { state } from '../graph/state.ts'
import { apply, applyTuple, Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { normalizeAxis, sameShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { add, exp, mul, rsqrt, sub } from './elementwise.ts'
import { permute, reshape } from './layout.ts'
import { mean, sum, variance, window } from './reduction.ts'
import { asTensor, cast, constant, defineRow, operand } from './table.ts'
import type { TensorLike } from './table.ts'
import { assign } from './update.ts'

const rowsOf = (shape: Shape): [number, number] => {
  const n = shape[shape.length - 1] ?? 1
  return [n === 0 ? 0 : sizeOf(shape) / n, n]
}

/** A row over the last axis: every input has the shape of the output. */
function lastAxisRow(name: string, vjp: Row<null>['vjp']): Row<null> {
  return defineRow<null>({
    name,
    kind: 'kernel',
    autocast: 'wide',
    inPlace: [0, 1],
    infer: ([x]) => x!,
    vjp,
    emit: (e, { inputs }) => {
      const dims = rowsOf(inputs[0]!.shape)
      const ins = inputs.map((_, i) => window(e.packed(e.input(i)), dims))
      e.instr(name, [window(e.output(), dims)], ins)
    },
  })
}

const softmaxRow = lastAxisRow('softmax', ({ dy, outputs: [y] }) => [apply(softmaxGradRow, [y!, dy], null, '')])
const softmaxGradRow: Row<null> = lastAxisRow('softmaxGrad', ({ dy: g, inputs: [y, dy], needs }) => {
  // dx = y (dy - <dy, y>)
  const inner = sum(mul(dy!, y!), -1, { keepDims: true })
  const along = sum(mul(g, y!), -1, { keepDims: true })
  const byY = () => sub(mul(g, sub(dy!, inner)), mul(dy!, along))
  return [needs(0) ? byY() : null, needs(1) ? apply(softmaxGradRow, [y!, g], null, '') : null]
})

const logSoftmaxRow = lastAxisRow('logSoftmax', ({ dy, outputs: [y] }) => [
  apply(logSoftmaxGradRow, [y!, dy], null, ''),
])
const logSoftmaxGradRow: Row<null> = lastAxisRow('logSoftmaxGrad', ({ dy: g, inputs: [y, dy], needs }) => {
  // dx = dy - exp(y) sum(dy)
  const p = exp(y!)
  const total = sum(dy!, -1, { keepDims: true })
  const byY = () => mul(mul(g, p), mul(total, constant(-1, g.dtype)))
  const byDy = () => sub(g, sum(mul(g, p), -1, { keepDims: true }))
  return [needs(0) ? byY() : null, needs(1) ? byDy() : null]
})

function alongAxis(row: Row<null>, x: TensorLike, axis: number): Tensor {
  const t = asTensor(row.name, x)
  if (!isFloat(t.dtype)) fail('DTYPE', row.name, `needs floats, got ${t.dtype}.`)
  if (t.rank === 0) return reshape(apply(row, [reshape(t, [1])], null, ''), [])
  const at = normalizeAxis(row.name, axis, t.rank)
  const swap = t.shape.map((_, i) => (i === at ? t.rank - 1 : i === t.rank - 1 ? at : i))
  return permute(apply(row, [permute(t, swap)], null, ''), swap)
}

/** exp(x) / sum(exp(x)) along an axis. */
export const softmax = (x: TensorLike, axis = -1): Tensor => alongAxis(softmaxRow, x, axis)
/** log(softmax(x)), without the loss of digits. */
export const logSoftmax = (x: TensorLike, axis = -1): Tensor => alongAxis(logSoftmaxRow, x, axis)

interface EpsAttrs {
  readonly eps: number
}

/** (x - mean) / sqrt(var + eps) over the last axis, and 1 / sqrt(var + eps). */
const standardizeRow: Row<EpsAttrs> = defineRow<EpsAttrs>({
  name: 'standardize',
  kind: 'kernel',
  autocast: 'wide',
  infer: ([x]) => [
    { shape: x!.shape, dtype: x!.dtype },
    { shape: [...x!.shape.slice(0, -1), 1], dtype: x!.dtype },
  ],
  vjp: ({ inputs: [x], outputs: [xhat, rstd], cotangents: [d, dr] }) => {
    const first = d ? apply(standardizeGradRow, [xhat!, rstd!, d], null, '') : null
    if (!dr) return [first]
    // rstd = (var + eps)^-1/2, so its gradient is -rstd^2 xhat / n.
    const second = mul(mul(mul(dr, mul(rstd!, rstd!)), xhat!), constant(-1 / x!.shape[x!.rank - 1]!, x!.dtype))
    return [first ? add(first, second) : second]
  },
  emit: (e, { attrs, inputs }) => {
    const [rows, n] = rowsOf(inputs[0]!.shape)
    e.instr(
      'standardize',
      [window(e.output(0), [rows, n]), window(e.output(1), [rows])],
      [window(e.packed(e.input(0)), [rows, n])],
      [attrs.eps],
    )
  },
})

/** rstd (dy - mean(dy) - xhat mean(dy xhat)). */
const standardizeGradRow: Row<null> = defineRow<null>({
  name: 'standardizeGrad',
  kind: 'kernel',
  infer: ([xhat]) => ({ shape: xhat!.shape, dtype: xhat!.dtype }),
  vjp: ({ dy: g, inputs: [xhat, rstd, dy], needs }) => {
    const average = (t: Tensor) => mean(t, -1, { keepDims: true })
    const inner = average(mul(dy!, xhat!))
    const scaled = mul(g, rstd!)
    const byXhat = () => {
      const along = average(mul(scaled, xhat!))
      return mul(add(mul(scaled, inner), mul(dy!, along)), constant(-1, g.dtype))
    }
    const byRstd = () => sum(mul(g, sub(sub(dy!, average(dy!)), mul(xhat!, inner))), -1, { keepDims: true })
    // The map is symmetric in dy.
    return [
      needs(0) ? byXhat() : null,
      needs(1) ? byRstd() : null,
      needs(2) ? apply(standardizeGradRow, [xhat!, rstd!, g], null, '') : null,
    ]
  },
  emit: (e, { inputs }) => {
    const [rows, n] = rowsOf(inputs[0]!.shape)
    const from = [
      window(e.packed(e.input(0)), [rows, n]),
      window(e.packed(e.input(1)), [rows]),
      window(e.packed(e.input(2)), [rows, n]),
    ]
    e.instr('standardizeGrad', [window(e.output(), [rows, n])], from)
  },
})

/** @internal (x - mean) / sqrt(var + eps) over the last axis. */
export const standardized = (x: Tensor, eps: number): Tensor => applyTuple(standardizeRow, [x], { eps })[0]!

export interface BatchNormOptions {
  weight?: TensorLike | null
  bias?: TensorLike | null
  /** [C]; read when not training; variables are updated as an effect when training. */
  runningMean?: TensorLike | null
  runningVar?: TensorLike | null
  /** Use the batch's statistics. Default: false. */
  training?: boolean
  /** Share of the new statistic, a number or a scalar tensor. Default: 0.1. */
  momentum?: number | Tensor
  /** Default: 1e-5. */
  eps?: number
}

/**
 * Normalises each channel (axis 1) over all other axes (Ioffe & Szegedy 2015). In training the running statistics are updated
 * with the first evaluation that needs the result: running = (1 - momentum) running + momentum statistic (variance: unbiased).
 */
export function batchNorm(x: TensorLike, options: BatchNormOptions = {}): Tensor {
  checkOptions('batchNorm', options, ['weight', 'bias', 'runningMean', 'runningVar', 'training', 'momentum', 'eps'])
  const { weight, bias, runningMean, runningVar, training = false, momentum = 0.1, eps = 1e-5 } = options
  const t = asTensor('batchNorm', x)
  if (t.rank < 2 || !isFloat(t.dtype))
    fail('SHAPE', 'batchNorm', `needs floats [B, C, ...], got ${t.dtype} ${showShape(t.shape)}.`)
  const channels = t.shape[1]!
  for (const [name, v] of Object.entries({ weight, bias, runningMean, runningVar })) {
    if (v && !sameShape(v.shape, [channels]))
      fail('SHAPE', 'batchNorm', `${name} must be [${channels}], got ${showShape(v.shape)}.`)
  }
  const useBatch = training || !runningMean || !runningVar
  const axes = t.shape.flatMap((_, i) => (i === 1 ? [] : [i]))
  const n = t.size / Math.max(channels, 1)
  if (training) checkRunning('batchNorm', runningMean, runningVar)
  if (training && n <= 1)
    fail('SHAPE', 'batchNorm', `training needs more than one value a channel, got ${showShape(t.shape)}.`)
  const column = (v: TensorLike) => reshape(asTensor('batchNorm', v), [channels, ...t.shape.slice(2).map(() => 1)])
  const center = useBatch ? mean(t, axes, { keepDims: true }) : column(runningMean)
  const spread = useBatch ? variance(t, axes, { keepDims: true, correction: 0 }) : column(runningVar)
  let scale = rsqrt(add(spread, constant(eps, t.dtype)))
  if (weight) scale = mul(scale, column(weight))
  const y = mul(sub(t, center), scale)
  const result = bias ? add(y, column(bias)) : y
  if (training) {
    updateRunning(result, runningMean, reshape(center, [channels]), momentum)
    updateRunning(result, runningVar, reshape(spread, [channels]), momentum, n / (n - 1))
  }
  return result
}

/** @internal Statistics that are to be updated must be variables. */
export function checkRunning(op: string, ...statistics: (TensorLike | null | undefined)[]): void {
  for (const statistic of statistics) {
    if (statistic && !(statistic instanceof Variable))
      fail('VALUE', op, 'running statistics that are updated must be variables, got a tensor. Use new Variable(...).')
  }
}

/** @internal running = (1 - momentum) running + momentum factor statistic, with the first evaluation that needs `t`. */
export function updateRunning(
  t: Tensor,
  variable: TensorLike | null | undefined,
  statistic: Tensor,
  momentum: number | Tensor,
  factor = 1,
): void {
  if (!(variable instanceof Variable) || !state.effectsEnabled) return
  const dtype = variable.dtype
  const share = typeof momentum === 'number' ? operand(momentum, dtype) : cast(momentum, dtype)
  const old = mul(variable.readLate(), sub(constant(1, dtype), share))
  const fresh = mul(cast(detach(statistic), dtype), mul(share, constant(factor, dtype)))
  addEffect(t, assign(variable, add(old, fresh)))
}

/** @internal The update happens once, with the first evaluation that needs `t`. */
export function addEffect(t: Tensor, update: Tensor): void {
  ;(t.effects ??= []).push({ update, done: false })
}
