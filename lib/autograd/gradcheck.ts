/** @file gradcheck and gradgradcheck: what the gradient rules say against central differences, in float64. */
import { isFloat } from '../dtype.ts'
import { data, evaluate } from '../engine/evaluate.ts'
import { check, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { tensor } from '../ops/create.ts'
import { randn } from '../ops/random.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { showShape, stridesOf } from '../shape.ts'
import { jacobian, vjp } from './transforms.ts'
import type { TensorFunction } from './transforms.ts'

export interface GradcheckOptions {
  /** Step of the differences. Default: 1e-6. */
  eps?: number
  /** Allowed: |gradient - difference| <= atol + rtol |difference|. Defaults: 1e-5 and 1e-3. */
  atol?: number
  rtol?: number
}

const OPTIONS = ['eps', 'atol', 'rtol']
const listOf = (y: Tensor | readonly Tensor[]): readonly Tensor[] => (y instanceof Tensor ? [y] : y)

/**
 * Compares the gradient of every float output of `fn` by every element of every f64 input with (f(x + eps) - f(x - eps)) / 2 eps. Inputs of
 * other dtypes are handed on. Throws GRADIENT, naming input, output and elements, at the first that differs; else gives true. `fn` must give the
 * same for the same inputs, and the inputs should be away from its kinks.
 */
export async function gradcheck(
  fn: TensorFunction,
  inputs: readonly TensorLike[],
  options: GradcheckOptions = {},
): Promise<true> {
  checkOptions('gradcheck', options, OPTIONS)
  return compare('gradcheck', fn, inputs, options)
}

/** gradcheck of the gradient of `fn`, as a function of the inputs and of the cotangents, which are random. */
export async function gradgradcheck(
  fn: TensorFunction,
  inputs: readonly TensorLike[],
  options: GradcheckOptions = {},
): Promise<true> {
  checkOptions('gradgradcheck', options, OPTIONS)
  const given = inputs.map((x) => asTensor('gradgradcheck', x))
  const outputs = floatsOf(fn(...given))
  const cotangents = outputs.map(({ shape, dtype }) => randn(shape, { dtype }))
  await evaluate(...cotangents)
  const smooth = given.filter(({ dtype }) => dtype === 'f64')
  const slope: TensorFunction = (...all) => {
    const [xs, dys] = [all.slice(0, given.length), all.slice(given.length)]
    const at = smooth.map((x) => xs[given.indexOf(x)]!)
    const partial: TensorFunction = (...now) => {
      const left = [...now]
      return floatsOf(fn(...given.map((x, i) => (x.dtype === 'f64' ? left.shift()! : xs[i]!))))
    }
    return vjp(partial, at, dys).grads
  }
  return compare('gradgradcheck', slope, [...given, ...cotangents], options)
}

const floatsOf = (y: Tensor | readonly Tensor[]) => listOf(y).filter(({ dtype }) => isFloat(dtype))

async function compare(
  op: string,
  fn: TensorFunction,
  inputs: readonly TensorLike[],
  { eps = 1e-6, atol = 1e-5, rtol = 1e-3 }: GradcheckOptions,
): Promise<true> {
  const given = inputs.map((x) => asTensor(op, x))
  await evaluate(...given)
  check(
    given.some(({ dtype }) => dtype === 'f64'),
    'DTYPE',
    op,
    () => "needs an input of dtype f64: differences in f32 say nothing. Cast it: x.cast('f64').",
  )
  const numOutputs = floatsOf(fn(...given)).length
  check(numOutputs > 0, 'VALUE', op, () => 'the function must give a float tensor.')
  for (const [i, x] of given.entries()) {
    if (x.dtype !== 'f64') continue
    const at = (now: Tensor) => floatsOf(fn(...given.map((t, k) => (k === i ? now : t))))
    const slopes = await differences(at, x, eps)
    for (let k = 0; k < numOutputs; k++) {
      const analytic = await data(jacobian((now) => at(now)[k]!, x))
      checkNear(op, { analytic: analytic as Float64Array, slopes: slopes[k]!, input: i, output: k, x, atol, rtol })
    }
  }
  return true
}

interface Slopes {
  readonly shape: readonly number[]
  /** [element of the output][element of the input]. */
  readonly rows: Float64Array[]
}

/** Central differences of every output by every element of `x`. */
async function differences(fn: (x: Tensor) => readonly Tensor[], x: Tensor, eps: number): Promise<Slopes[]> {
  const base = (await data(x)) as Float64Array
  const values = async (j: number, step: number) => {
    const moved = base.slice()
    moved[j]! += step
    const ys = fn(tensor(moved, { shape: x.shape }))
    await evaluate(...ys)
    return Promise.all(ys.map(async (y) => ({ shape: y.shape, values: await data(y) })))
  }
  const found: Slopes[] = (await values(0, 0)).map(({ shape, values: { length } }) => ({
    shape,
    rows: Array.from({ length }, () => new Float64Array(x.size)),
  }))
  for (let j = 0; j < x.size; j++) {
    const [above, below] = [await values(j, eps), await values(j, -eps)]
    found.forEach(({ rows }, k) => {
      rows.forEach((row, r) => {
        row[j] = (Number(above[k]!.values[r]) - Number(below[k]!.values[r])) / (2 * eps)
      })
    })
  }
  return found
}

interface Compared {
  readonly analytic: Float64Array
  readonly slopes: Slopes
  readonly input: number
  readonly output: number
  readonly x: Tensor
  readonly atol: number
  readonly rtol: number
}

function checkNear(op: string, { analytic, slopes, input, output, x, atol, rtol }: Compared): void {
  slopes.rows.forEach((row, r) => {
    row.forEach((want, j) => {
      const got = analytic[r * x.size + j]!
      if (Math.abs(got - want) <= atol + rtol * Math.abs(want)) return
      const [to, by] = [position(r, slopes.shape), position(j, x.shape)]
      fail(
        'GRADIENT',
        op,
        `the gradient of output ${output} ${to} by input ${input} ${by} is ${got}, differences say ${want}. ` +
          'Check the gradient rule, and that the input is away from kinks.',
      )
    })
  })
}

/** Where an element stands. */
const position = (at: number, shape: readonly number[]): string =>
  showShape(stridesOf(shape).map((stride, axis) => Math.floor(at / stride) % shape[axis]!))
