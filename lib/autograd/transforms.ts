/** @file Functions of functions: vjp, jvp, jacobian, hessian, hvp. All of them are the one reverse walk, in some arrangement. */
import { isFloat } from '../dtype.ts'
import { check, fail } from '../errors.ts'
import { requireGrad, vjp as walk } from '../graph/gradient.ts'
import { Tensor } from '../graph/tensor.ts'
import { eye, onesLike, zerosLike } from '../ops/create.ts'
import { scan } from '../ops/control.ts'
import { reshape } from '../ops/layout.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { sameShape, showShape } from '../shape.ts'

/** A function of tensors that gives one or several. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[]
/** One value where one was given, a list where a list was. */
type Like<T, R> = T extends readonly unknown[] ? Tensor[] : R

const listOf = <T>(x: T | readonly T[]): readonly T[] => (Array.isArray(x) ? (x as readonly T[]) : [x as T])

/** `fn` at `primals`, and the inputs that its outputs are differentiated by. */
function evaluated(op: string, fn: TensorFunction, primals: readonly TensorLike[]) {
  const inputs = primals.map((x) => {
    const t = asTensor(op, x)
    check(isFloat(t.dtype), 'DTYPE', op, () => `differentiates by floats, got ${t.dtype}. Cast it, or close over it.`)
    return requireGrad(t)
  })
  const value = fn(...inputs)
  const outputs = listOf(value)
  check(
    outputs.length > 0 && outputs.every((y) => y instanceof Tensor && isFloat(y.dtype)),
    'VALUE',
    op,
    () => 'the function must give a float tensor, or a list of them.',
  )
  return { inputs, value, outputs }
}

function checkLike(op: string, what: string, given: readonly TensorLike[], likes: readonly Tensor[]): Tensor[] {
  check(given.length === likes.length, 'VALUE', op, () => `needs ${likes.length} ${what}s, got ${given.length}.`)
  return given.map((x, i) => {
    const [t, like] = [asTensor(op, x), likes[i]!]
    if (sameShape(t.shape, like.shape) && t.dtype === like.dtype) return t
    const [wanted, got] = [like, t].map(({ dtype, shape }) => `${dtype} ${showShape(shape)}`)
    return fail('SHAPE', op, `${what} ${i} must be ${wanted}, got ${got}.`)
  })
}

/**
 * Vector-Jacobian product: `fn`'s value at `primals`, and v^T J for the cotangent v of its output (lists for several outputs): one
 * gradient an input, zeros where there is no dependence.
 */
export function vjp<Y extends Tensor | readonly Tensor[]>(
  fn: (...inputs: Tensor[]) => Y,
  primals: readonly TensorLike[],
  cotangents: TensorLike | readonly TensorLike[],
): { value: Y; grads: Tensor[] } {
  const { inputs, value, outputs } = evaluated('vjp', fn, primals)
  const dys = checkLike('vjp', 'cotangent', listOf(cotangents), outputs)
  const grads = walk(outputs, dys, inputs).map((d, i) => d ?? zerosLike(inputs[i]!))
  return { value: value as Y, grads }
}

/**
 * Jacobian-vector product: `fn`'s value at `primals`, and J v for tangents v of the inputs: the directional derivative. Forward mode by two
 * reverse walks (the gradient is linear in its cotangent, so the gradient of that is J v), so it needs second-order rules only
 * where the function is not linear.
 */
export function jvp<Y extends Tensor | readonly Tensor[]>(
  fn: (...inputs: Tensor[]) => Y,
  primals: readonly TensorLike[],
  tangents: readonly TensorLike[],
): { value: Y; tangent: Y } {
  const { inputs, value, outputs } = evaluated('jvp', fn, primals)
  const directions = checkLike('jvp', 'tangent', tangents, inputs)
  // Their values do not matter: what follows is linear in them.
  const cotangents = outputs.map((y) => requireGrad(zerosLike(y)))
  const grads = walk(outputs, cotangents, inputs)
  const reached = grads.flatMap((d, i) => (d ? [{ d, direction: directions[i]! }] : []))
  const found = walk(
    reached.map(({ d }) => d),
    reached.map(({ direction }) => direction),
    cotangents,
  )
  const tangent = found.map((t, i) => t ?? zerosLike(outputs[i]!))
  return { value: value as Y, tangent: (Array.isArray(value) ? tangent : tangent[0]) as Y }
}

/**
 * All first derivatives of a function with one output: [...output, ...input] by each input; a list of them where a list of inputs is
 * given. The function is computed once, and its gradient in one loop over the output's elements, inside of the plan.
 */
export function jacobian<X extends TensorLike | readonly TensorLike[]>(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: X,
): Like<X, Tensor> {
  const { inputs: xs, outputs } = evaluated('jacobian', fn, listOf(inputs as TensorLike))
  check(outputs.length === 1, 'VALUE', 'jacobian', () => 'the function must give one tensor.')
  const y = outputs[0]!
  const rows = eye(y.size, y.size, { dtype: y.dtype })
  const { ys } = scan(
    (carry, [row]) => {
      const grads = walk([y], [reshape(row!, y.shape)], xs)
      return { carry, ys: xs.map((x, i) => grads[i] ?? zerosLike(x)) }
    },
    [],
    [rows],
    y.size,
  )
  const found = ys.map((d, i) => reshape(d, [...y.shape, ...xs[i]!.shape]))
  return (Array.isArray(inputs) ? found : found[0]) as Like<X, Tensor>
}

/** The gradient of a scalar function by one input. */
function slope(op: string, fn: (x: Tensor) => Tensor, x: Tensor): Tensor {
  const y = fn(x)
  check(y instanceof Tensor && y.size === 1, 'SHAPE', op, () => `the function must give one number, got ${String(y)}.`)
  return walk([y], [onesLike(y)], [x])[0] ?? zerosLike(x)
}

/** All second derivatives of a scalar function by one input: [...input, ...input]. */
export function hessian(fn: (x: Tensor) => Tensor, input: TensorLike): Tensor {
  return jacobian((x) => slope('hessian', fn, x), input)
}

/** Hessian-vector product of a scalar function: H v, without H. */
export function hvp(fn: (x: Tensor) => Tensor, input: TensorLike, vector: TensorLike): Tensor {
  return vjp((x) => slope('hvp', fn, x), [input], [vector]).grads[0]!
}
