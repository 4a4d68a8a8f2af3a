/** @file A case of an op as one row of a table, and the tests that follow from it. */
import * as assert from 'uvu/assert'
import { cast, evaluateSync, expand, flip, grad, narrow, permute, slice } from '../../lib/index.ts'
import type { DType, Tensor } from '../../lib/index.ts'
import { codes } from '../../lib/engine/addon.ts'
import { bind } from '../../lib/engine/evaluate.ts'
import { runNow } from '../../lib/engine/queue.ts'
import { compilePlan, optional } from '../../lib/plan/plan.ts'
import { walk } from '../../lib/plan/walk.ts'
import { filled, fromTensor, fromTensors, randomNumbers, toTensor } from './arrays.ts'
import type { Fill } from './arrays.ts'
import { checkFirst, checkSecond, floatsOf, inner, listOf, weightsLike } from './gradcheck.ts'
import { transposed } from './reference.ts'
import type { Nd } from './reference.ts'
import type { suite } from './suite.ts'
import { checkNear, tolerances } from './tolerance.ts'
import type { Kind, Near } from './tolerance.ts'

export interface Input {
  readonly shape: readonly number[]
  readonly fill: Fill
  /** Of positions, labels, masks. Missing: the dtype that is tested, and differentiated by. */
  readonly dtype?: DType
}

export interface OpCase {
  /** Begins with the op's name. */
  readonly title: string
  readonly fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[]
  readonly inputs: readonly Input[]
  readonly reference: (...inputs: Nd[]) => Nd | readonly Nd[]
  readonly kind: Kind
  /** Further shapes of all inputs, for values only: empty, of one element, scalars. */
  readonly shapes?: readonly (readonly (readonly number[])[])[]
  /** One row of the table computes it, so that f16 and bf16 are rounded once. */
  readonly isSingle?: boolean
  /** Why no gradient is compared with differences. */
  readonly noGradient?: string
  /** Why a narrow dtype or f32 is left out. */
  readonly only?: { readonly dtypes: readonly ('f32' | 'f16' | 'bf16')[]; readonly because: string }
  /** Another tolerance of f32, in units of the table's. */
  readonly looser?: { readonly factor: number; readonly because: string }
}

type Test = ReturnType<typeof suite>

export const input = (shape: readonly number[], fill: Fill, dtype?: DType): Input =>
  dtype ? { shape, fill, dtype } : { shape, fill }

export function testCases(test: Test, cases: readonly OpCase[]): void {
  for (const one of cases) {
    const { title } = one
    test(`${title}: f64 is the reference`, () => checkValues(one))
    const narrow = one.only?.dtypes ?? ['f32', 'f16', 'bf16']
    if (narrow.includes('f32')) test(`${title}: f32 is near f64`, () => checkF32(one))
    if (narrow.length > 1)
      test(`${title}: f16 and bf16 are storage`, () => narrow.forEach((dtype) => checkNarrow(one, dtype)))
    test(`${title}: views give what packed tensors give`, () => checkViews(one))
    test(`${title}: passes change no bit`, () => checkPasses(one))
    if (one.noGradient || !one.inputs.some(({ dtype }) => dtype === undefined)) continue
    test(`${title}: gradient is that of differences`, () => withFloats(one, checkFirst))
    test(`${title}: second gradient is that of differences`, () => withFloats(one, checkSecond))
  }
}

const seedOf = (title: string) => Array.from(title).reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) | 0, 7)

/** The inputs of a case. Floats are ones that f32 holds. */
export function inputsOf({ title, inputs }: OpCase, shapes = inputs.map(({ shape }) => shape)): Nd[] {
  const random = randomNumbers(seedOf(title))
  return inputs.map(({ fill, dtype }, i) => {
    const x = filled(shapes[i], fill, random)
    return dtype === undefined ? { shape: x.shape, data: x.data.map(Math.fround) } : x
  })
}

/** As tensors, floats in the dtype that is tested. */
export const tensorsOf = (one: OpCase, values: readonly Nd[], dtype: DType): Tensor[] =>
  values.map((x, i) => toTensor(x, one.inputs[i].dtype ?? dtype))

const run = (one: OpCase, tensors: readonly Tensor[]): Nd[] => fromTensors(listOf(one.fn(...tensors)))

const referenceOf = (one: OpCase, values: readonly Nd[]): readonly Nd[] => {
  const y = one.reference(...values)
  return Array.isArray(y) ? y : [y as Nd]
}

function checkValues(one: OpCase): void {
  for (const shapes of [undefined, ...(one.shapes ?? [])]) {
    const values = inputsOf(one, shapes as number[][] | undefined)
    const want = referenceOf(one, values)
    run(one, tensorsOf(one, values, 'f64')).forEach((got, i) =>
      checkNear(`output ${i}`, got, want[i], tolerances[one.kind].f64),
    )
  }
}

function checkF32(one: OpCase): void {
  const factor = one.looser?.factor ?? 1
  const { relative, scale } = tolerances[one.kind].f32
  for (const shapes of [undefined, ...(one.shapes ?? [])]) {
    const values = inputsOf(one, shapes as number[][] | undefined)
    const want = run(one, tensorsOf(one, values, 'f64')).map(({ shape, data }) => ({
      shape,
      data: data.map(Math.fround),
    }))
    const near = { relative: relative * factor, scale: scale * factor }
    run(one, tensorsOf(one, values, 'f32')).forEach((got, i) => checkNear(`output ${i}`, got, want[i], near))
  }
}

/** f16 and bf16: read as f32, computed, and rounded; several rows round several times. */
function checkNarrow(one: OpCase, dtype: 'f32' | 'f16' | 'bf16'): void {
  if (dtype === 'f32') return
  const given = tensorsOf(one, inputsOf(one), dtype)
  const isGiven = (t: Tensor) => t.dtype === dtype
  const outputs = listOf(one.fn(...given))
  const wide = listOf(one.fn(...given.map((t) => (isGiven(t) ? cast(t, 'f32') : t))))
  const want = fromTensors(wide.map((t, i) => cast(t, outputs[i].dtype)))
  if (given.some(isGiven))
    wide.forEach((t, i) => t.dtype === 'f32' && assert.is(outputs[i].dtype, dtype, 'keeps the dtype'))
  const near = one.isSingle ? tolerances.moves[dtype] : tolerances[one.kind][dtype]
  fromTensors(outputs).forEach((got, i) => checkNear(`${dtype} output ${i}`, got, want[i], near))
}

/** The same numbers as windows on memory that is laid out otherwise. */
const layouts: Record<string, (x: Nd, dtype: DType) => Tensor> = {
  permuted: (x, dtype) => {
    const axes = x.shape.map((_, i) => x.shape.length - 1 - i)
    return permute(toTensor(transposed(x, axes), dtype), axes)
  },
  flipped: (x, dtype) => {
    const axes = x.shape.map((_, i) => i)
    return flip(fromReversed(x, dtype), axes)
  },
  stepped: (x, dtype) => {
    const wide = {
      shape: x.shape.map((size) => 2 * size + 1),
      data: new Float64Array(x.shape.reduce((n, s) => n * (2 * s + 1), 1)),
    }
    const strides = wide.shape.map((_, i) => wide.shape.slice(i + 1).reduce((a, b) => a * b, 1))
    x.data.forEach((value, i) => {
      let rest = i
      let offset = 0
      for (let axis = x.shape.length - 1; axis >= 0; axis--) {
        offset += (2 * (rest % x.shape[axis]) + 1) * strides[axis]
        rest = Math.floor(rest / x.shape[axis])
      }
      wide.data[offset] = value
    })
    return slice(
      toTensor(wide, dtype),
      x.shape.map(() => [1, null, 2] as const),
    )
  },
}

const fromReversed = (x: Nd, dtype: DType) =>
  toTensor({ shape: x.shape, data: Float64Array.from(x.data).reverse() }, dtype)

function checkViews(one: OpCase): void {
  const values = inputsOf(one)
  const want = run(one, tensorsOf(one, values, 'f32'))
  // BLAS adds in another order where an operand is transposed.
  const near = one.kind === 'sums' || one.kind === 'solves' ? tolerances[one.kind].f32 : tolerances.moves.f32
  for (const [name, layout] of Object.entries(layouts)) {
    const tensors = values.map((x, i) => layout(x, one.inputs[i].dtype ?? 'f32'))
    run(one, tensors).forEach((got, i) => checkNear(`${name}: output ${i}`, got, want[i], near))
  }
  for (const axis of [0, -1]) checkRepeated(one, values, axis, near)
}

/** Memory that is read again and again, by a stride of 0. */
function checkRepeated(one: OpCase, values: readonly Nd[], axis: number, near: Near): void {
  const dtypeOf = (i: number) => one.inputs[i].dtype ?? 'f32'
  const canRepeat = ({ shape }: Nd) => shape.length > 0 && shape.every((size) => size > 0)
  // Equal rows make matrices that cannot be factorised.
  if (one.kind === 'solves' || !values.every(canRepeat)) return
  const expanded = values.map((x, i) => expand(narrow(toTensor(x, dtypeOf(i)), axis, 0, 1), x.shape))
  const copies = fromTensors(expanded).map((x, i) => toTensor(x, dtypeOf(i)))
  const want = run(one, copies)
  run(one, expanded).forEach((got, i) => checkNear(`repeated along ${axis}: output ${i}`, got, want[i], near))
}

/** Every pass but the one that lets BLAS round another way. */
const exact = optional.filter((pass) => pass !== 'orient')

/** Evaluates without the passes that can be switched off. */
export function evaluatePlainly(tensors: readonly Tensor[], off: readonly string[] = exact): Nd[] {
  const missing = [...new Set(tensors)].filter((t) => t.value === null)
  if (missing.length > 0) {
    const found = walk({ results: missing, updates: [] })
    runNow(bind(found, compilePlan(found, codes(), new Set(off)), (leaf) => leaf))
  }
  return tensors.map(fromTensor)
}

/** Outputs, and gradients where there are any. */
function everything(one: OpCase, values: readonly Nd[]): Tensor[] {
  const given = tensorsOf(one, values, 'f32')
  const isFree = (i: number) => one.inputs[i].dtype === undefined
  const outputs = listOf(one.fn(...given))
  const floats = floatsOf(outputs)
  if (one.noGradient || floats.length === 0 || !given.some((_, i) => isFree(i))) return [...outputs]
  const weights = weightsLike(floats, randomNumbers(1)).map((t) => cast(t, 'f32'))
  const grads = grad((...free) => {
    const all = given.map((t, i) => (isFree(i) ? free[given.slice(0, i).filter((_, j) => isFree(j)).length] : t))
    return inner(floatsOf(one.fn(...all)), weights)
  })(...given.filter((_, i) => isFree(i)))
  return [...outputs, ...grads]
}

function checkPasses(one: OpCase): void {
  const values = inputsOf(one)
  const usual = everything(one, values)
  evaluateSync(...usual)
  const plain = evaluatePlainly(everything(one, values))
  usual.forEach((t, i) => {
    const got = fromTensor(t)
    got.data.forEach((x, j) =>
      assert.ok(
        Object.is(x, plain[i].data[j]),
        `value ${i}, element ${j}: ${x} with passes, ${plain[i].data[j]} without`,
      ),
    )
  })
}

function withFloats(one: OpCase, check: typeof checkFirst): void {
  const values = inputsOf(one)
  const isFree = one.inputs.map(({ dtype }) => dtype === undefined)
  const fixed = tensorsOf(one, values, 'f64')
  const fn = (...free: Tensor[]) => {
    let next = 0
    return one.fn(...fixed.map((t, i) => (isFree[i] ? free[next++] : t)))
  }
  check(
    fn,
    values.filter((_, i) => isFree[i]),
    randomNumbers(seedOf(one.title) + 1),
  )
}

/** Every tensor whose computing a case leads to: values, gradients, gradients of gradients. Nothing is evaluated. */
export function graphOf(one: OpCase): Tensor[] {
  const all: Tensor[] = []
  const given = tensorsOf(one, inputsOf(one), 'f64')
  const isFree = one.inputs.map(({ dtype }) => dtype === undefined)
  all.push(...listOf(one.fn(...given)))
  if (one.noGradient || !isFree.includes(true) || floatsOf(all).length === 0) return all
  const free = given.filter((_, i) => isFree[i])
  const fn = (...now: Tensor[]) => {
    let next = 0
    return floatsOf(one.fn(...given.map((t, i) => (isFree[i] ? now[next++] : t))))
  }
  const random = randomNumbers(1)
  const weights = weightsLike(fn(...free), random)
  const slope = (...xs: Tensor[]) => {
    const grads = grad((...now) => inner(fn(...now), weights))(...xs)
    all.push(...grads)
    return inner(grads, grads)
  }
  all.push(...grad(slope)(...free))
  return all
}
