/** @file Gradients, first and second, against finite differences in float64. */
import * as assert from 'uvu/assert'
import { grad, sum, mul } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { filled, fromTensors, range, toTensor } from './arrays.ts'
import type { Nd } from './reference.ts'

type Maps = (...inputs: Tensor[]) => Tensor | readonly Tensor[]
type Scalar = (...inputs: Tensor[]) => Tensor

const STEP = 2e-3
/** The formula's own error is about STEP^4 of the fifth derivative. */
const NEAR = 1e-6

export const listOf = (y: Tensor | readonly Tensor[]): readonly Tensor[] => (Array.isArray(y) ? y : [y as Tensor])
export const floatsOf = (y: Tensor | readonly Tensor[]): Tensor[] => listOf(y).filter((t) => /^(f|bf)/.test(t.dtype))

/** sum_i <ys[i], weights[i]>. */
export function inner(ys: readonly Tensor[], weights: readonly Tensor[]): Tensor {
  return ys.map((y, i) => sum(mul(y, weights[i]))).reduce((a, b) => a.add(b))
}

/** Random numbers of the shapes of tensors, for cotangents. */
export const weightsLike = (tensors: readonly Tensor[], random: () => number): Tensor[] =>
  tensors.map((t) => toTensor(filled(t.shape, range(-1, 1), random), 'f64'))

/** The gradient of <fn(x), weights> by every x. */
export function checkFirst(fn: Maps, inputs: readonly Nd[], random: () => number): void {
  const weights = weightsLike(floatsOf(fn(...inputs.map((x) => toTensor(x)))), random)
  compare('gradient', (...xs) => inner(floatsOf(fn(...xs)), weights), inputs)
}

/** The gradient of <gradient, r> by every x and by the cotangent, for random r. */
export function checkSecond(fn: Maps, inputs: readonly Nd[], random: () => number): void {
  const starts = inputs.map((x) => toTensor(x))
  const outputs = floatsOf(fn(...starts))
  const cotangents = outputs.map((t) => filled(t.shape, range(-1, 1), random))
  const directions = weightsLike(starts, random)
  const slope: Scalar = (...all) => {
    const [xs, weights] = [all.slice(0, inputs.length), all.slice(inputs.length)]
    return inner(grad((...now) => inner(floatsOf(fn(...now)), weights))(...xs), directions)
  }
  compare('second gradient', slope, [...inputs, ...cotangents])
}

function compare(what: string, fn: Scalar, inputs: readonly Nd[]): void {
  const got = fromTensors(grad(fn)(...inputs.map((x) => toTensor(x))))
  got.forEach((d, i) => {
    const want = differences(fn, inputs, i)
    const scale = want.reduce((top, x) => Math.max(top, Math.abs(x)), 1e-2)
    want.forEach((x, j) => {
      const error = Math.abs(x - d.data[j])
      if (error <= NEAR * scale) return
      assert.unreachable(`${what} by input ${i}, element ${j}: ${d.data[j]}, differences say ${x} (off by ${error})`)
    })
  })
}

/** Central differences of fourth order by each element of one input. */
function differences(fn: Scalar, inputs: readonly Nd[], which: number): number[] {
  const tensors = inputs.map((x) => toTensor(x))
  const base = inputs[which]
  return Array.from(base.data, (_, j) => {
    const value = (k: number) => {
      const data = Float64Array.from(base.data)
      data[j] += k * STEP
      return fn(...tensors.map((t, i) => (i === which ? toTensor({ shape: base.shape, data }) : t)))
    }
    const [a, b, c, d] = fromTensors([value(1), value(-1), value(2), value(-2)]).map((y) => y.data[0])
    return (8 * (a - b) - (c - d)) / (12 * STEP)
  })
}
