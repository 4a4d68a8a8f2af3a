/** @file Random tensors: uniform, normal, what is made of them, and dropout. */
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { generator } from '../random.ts'
import { checkShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { add, floor, lt, mul, where } from './elementwise.ts'
import { asTensor, cast, constant, defineRow, operand } from './table.ts'
import type { TensorLike } from './table.ts'
import type { CreateOptions } from './create.ts'

interface RandomAttrs {
  readonly shape: Shape
  readonly dtype: DType
}

const randomRow = (name: string) =>
  defineRow<RandomAttrs>({
    name,
    kind: 'elementwise',
    infer: (_, { shape, dtype }) => ({ shape, dtype }),
    vjp: { none: 'it is drawn, not computed' },
  })

const uniformRow = randomRow('randomUniform')
const normalRow = randomRow('randomNormal')

/** While a function is traced: the position at which its present call began. */
export const tracing: { start: number; base: () => number } = { start: -1, base: () => 0 }

/** Takes the next position: the three numbers that random rows read. */
export function drawPosition(): readonly [seed: Tensor, stream: Tensor, counter: Tensor] {
  const position = generator.position++
  const { start, base } = tracing
  // A traced function draws anew at each call: its positions count from where that call begins.
  const counter = start < 0 ? position : () => base() + position - start
  const seed = start < 0 ? generator.seed : () => generator.seed
  return [operand(seed, 'f64'), operand(0, 'f64'), operand(counter, 'f64')]
}

/** What `rand` gives for a position that was taken before, f32. */
export const randAt = (position: readonly Tensor[], shape: Shape): Tensor =>
  apply(uniformRow, position, { shape: [...shape], dtype: 'f32' })

function draw(op: string, row: typeof uniformRow, shape: Shape, options: CreateOptions): Tensor {
  checkOptions(op, options, ['dtype'])
  const dtype = options.dtype ?? 'f32'
  if (!isFloat(dtype)) fail('DTYPE', op, `draws floats, got ${dtype}.`)
  const drawn = dtype === 'f64' ? 'f64' : 'f32'
  const t = apply(row, drawPosition(), { shape: [...checkShape(op, shape)], dtype: drawn })
  t.requiresGrad = false
  return cast(t, dtype)
}

/** Uniform in [0, 1). */
export function rand(shape: Shape, options: CreateOptions = {}): Tensor {
  return draw('rand', uniformRow, shape, options)
}

/** Standard normal. */
export function randn(shape: Shape, options: CreateOptions = {}): Tensor {
  return draw('randn', normalRow, shape, options)
}

/** Uniform in [low, high). */
export function uniform(shape: Shape, low: number, high: number, options: CreateOptions = {}): Tensor {
  const t = rand(shape, options)
  return add(mul(t, constant(high - low, t.dtype)), constant(low, t.dtype))
}

/** Normal with the given mean and standard deviation. */
export function normal(shape: Shape, mean: number, std: number, options: CreateOptions = {}): Tensor {
  const t = randn(shape, options)
  return add(mul(t, constant(std, t.dtype)), constant(mean, t.dtype))
}

/** Integers in [low, high), i64. */
export function randint(low: number, high: number, shape: Shape): Tensor {
  checkInteger('randint', 'low', low, -(2 ** 52))
  checkInteger('randint', 'high', high, low + 1, 2 ** 52)
  return cast(add(floor(mul(rand(shape, { dtype: 'f64' }), constant(high - low, 'f64'))), constant(low, 'f64')), 'i64')
}

/** true with the given probability. */
export function bernoulli(shape: Shape, probability: number): Tensor {
  checkProbability('bernoulli', probability)
  return lt(rand(shape), operand(probability, 'f32'))
}

/** VALUE unless p is a probability. */
export function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) fail('VALUE', op, `a probability lies in [0, 1], got ${p}.`)
}

/** Zeroes elements with probability p and scales the others by 1 / (1 - p) (Srivastava et al. 2014). Identity unless `training`. */
export function dropout(x: TensorLike, p = 0.5, training = true): Tensor {
  const t = asTensor('dropout', x)
  checkProbability('dropout', p)
  if (!isFloat(t.dtype)) fail('DTYPE', 'dropout', `needs floats, got ${t.dtype}.`)
  if (!training || p === 0) return t
  const keep = bernoulli(t.shape, 1 - p)
  return mul(t, where(keep, operand(p < 1 ? 1 / (1 - p) : 0, t.dtype), constant(0, t.dtype)))
}
