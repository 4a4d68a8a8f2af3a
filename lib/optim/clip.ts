/** @file Clipping of gradients: graph functions that replace what backward() left, before the step evaluates it. */
import { check, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import { abs, add, clamp, div, minimum, mul, pow, sqrt, square } from '../ops/elementwise.ts'
import { stack } from '../ops/layout.ts'
import { max, sum } from '../ops/reduction.ts'
import { cast, operand } from '../ops/table.ts'

export interface ClipGradNormOptions {
  /** The p of the norm, > 0; Infinity: the largest magnitude. Default: 2. */
  normType?: number
}

/**
 * Scales the gradients of all parameters together so that their norm, as if they were one vector, is at most maxNorm: by
 * min(1, maxNorm / (norm + 1e-6)) (Pascanu et al. 2013, as PyTorch writes it). Gives the norm before that, to be asked for together
 * with the step: `step({ also: [norm] })`.
 */
export function clipGradNorm(
  parameters: Iterable<Variable>,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): Tensor {
  checkOptions('clipGradNorm', options, ['normType'])
  const { normType = 2 } = options
  checkLimit('clipGradNorm', 'maxNorm', maxNorm)
  checkLimit('clipGradNorm', 'normType', normType)
  const params = withGradient('clipGradNorm', parameters)
  const { dtype } = params[0]!.grad!
  const each = stack(params.map(({ grad }) => cast(partOf(grad!, normType), dtype)))
  const norm = wholeOf(each, normType)
  const scale = minimum(div(operand(maxNorm, dtype), add(norm, 1e-6)), 1)
  for (const param of params) param.grad = mul(param.grad!, cast(scale, param.dtype))
  return norm
}

/** What a tensor adds to the norm of all: the sum of its p-th powers, or its largest magnitude. */
function partOf(t: Tensor, p: number): Tensor {
  if (p === Infinity) return max(abs(t))
  return sum(p === 2 ? square(t) : pow(abs(t), p))
}

function wholeOf(parts: Tensor, p: number): Tensor {
  if (p === Infinity) return max(parts)
  return p === 2 ? sqrt(sum(parts)) : pow(sum(parts), 1 / p)
}

/** Limits each number of the gradients to [-limit, limit]. */
export function clipGradValue(parameters: Iterable<Variable>, limit: number): void {
  checkLimit('clipGradValue', 'the limit', limit)
  for (const param of withGradient('clipGradValue', parameters)) param.grad = clamp(param.grad!, -limit, limit)
}

function withGradient(op: string, parameters: Iterable<Variable>): Variable[] {
  const params = [...parameters].filter(({ grad }) => grad !== null)
  check(params.length > 0, 'GRADIENT', op, () => 'no parameter has a gradient. Call backward() first.')
  return params
}

function checkLimit(op: string, name: string, value: number): void {
  check(typeof value === 'number' && value > 0, 'VALUE', op, () => `${name} must be > 0, got ${String(value)}.`)
}
