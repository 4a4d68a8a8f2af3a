/** @file The numbers of tensors that follow from constants alone: shapes computed from integers, folded in JavaScript as the dtypes have it. */
import { arrayOf, bytesOf, is64BitInteger, isNarrow } from '../../dtype.ts'
import type { DType, TypedArray } from '../../dtype.ts'
import type { ControlEmitter, Operand } from '../../graph/row.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { sizeOf, stridesOf } from '../../shape.ts'

/** Larger tensors are not folded. */
const MOST_ELEMENTS = 2 ** 16
/** Deeper chains are not folded. */
const MOST_STEPS = 10_000

/** What is known, or was found out by evaluating. */
const memory = new WeakMap<Tensor, TypedArray>()
let unknown = new WeakSet<Tensor>()
/** Inputs of models: their numbers are not part of a graph, though they may be there. */
const inputs = new WeakSet<Tensor>()

/** From now on nothing is known of a tensor until an evaluation says it. */
export function hide(t: Tensor): void {
  inputs.add(t)
  memory.delete(t)
}

/** Numbers that an evaluation found: as `data()` gives them. */
export function remember(t: Tensor, numbers: TypedArray): void {
  memory.set(t, numbers)
  // What waited for it may be known now.
  unknown = new WeakSet()
}

/**
 * The numbers of a tensor, or null when they depend on inputs or variables. Reads the rows that computations on shapes consist of; of any
 * other, and of large tensors, it says that it does not know.
 */
export function known(t: Tensor): TypedArray | null {
  const stack = [t]
  for (let steps = 0; stack.length > 0; steps++) {
    const node = stack[stack.length - 1]!
    if (memory.has(node) || unknown.has(node)) {
      stack.pop()
      continue
    }
    if (inputs.has(node) || node.size > MOST_ELEMENTS || steps > MOST_STEPS || isNarrow(node.dtype)) {
      unknown.add(node)
      continue
    }
    if (node.inputs.some((input) => unknown.has(input))) {
      unknown.add(node)
      continue
    }
    const waiting = node.value === null ? node.inputs.filter((input) => !memory.has(input)) : []
    if (waiting.length > 0) {
      stack.push(...waiting)
      continue
    }
    const numbers = compute(node)
    if (numbers) memory.set(node, numbers)
    else unknown.add(node)
  }
  return memory.get(t) ?? null
}

function compute(t: Tensor): TypedArray | null {
  // Only what was never asked of the engine: a result may still be under way.
  if (t.value !== null) return t.value.run === null ? arrayOf(t.dtype, t.value.buffer) : null
  const { row, inputs: sources } = t
  if (row.kind === 'leaf') return leaf(t)
  if (row.kind === 'view') return t.parts === null && row.view ? viewed(t) : null
  if (row.kind === 'kernel' && row.emit) return emitted(t)
  if (row.kind !== 'elementwise') return null
  if (row.name === 'iota') return filledBy(t, (i) => i)
  const source = sources.map((input) => reader(input, t.shape))
  if (row.name === 'cast') return castNumbers(t, source[0]!, sources[0]!.dtype)
  if (row.name === 'where') return filledBy(t, (i) => (source[0]!(i) ? source[1]!(i) : source[2]!(i)))
  const arithmetic = sources.length === 2 ? BINARY[row.name] : undefined
  const single = sources.length === 1 ? UNARY[row.name] : undefined
  const isBig = is64BitInteger(sources[0]!.dtype)
  if (arithmetic) {
    const f = isBig ? arithmetic[1] : arithmetic[0]
    return f ? filledBy(t, (i) => f(source[0]!(i) as never, source[1]!(i) as never)) : null
  }
  const f = single && (isBig ? single[1] : single[0])
  return f ? filledBy(t, (i) => f(source[0]!(i) as never)) : null
}

type Scalar = number | bigint

/** Constants, and operands that are numbers. */
function leaf(t: Tensor): TypedArray | null {
  if (t.row.name === 'constant') return filledBy(t, () => (t.attrs as { value: number }).value)
  const { scalar } = t
  return t.row.name === 'operand' && typeof scalar === 'number' ? filledBy(t, () => scalar) : null
}

function roomFor(dtype: DType, n: number): TypedArray {
  return arrayOf(dtype, new ArrayBuffer(n * bytesOf(dtype)))
}

/** Stores as the dtype does: integers wrap, floats round. */
function filledBy(t: { dtype: DType; size: number }, f: (i: number) => Scalar | boolean): TypedArray | null {
  const out = roomFor(t.dtype, t.size) as unknown as Record<number, Scalar>
  const isBig = is64BitInteger(t.dtype)
  try {
    for (let i = 0; i < t.size; i++) {
      const value = f(i)
      out[i] = isBig ? BigInt(value) : Number(value)
    }
  } catch (error) {
    // A division by 0 of integers, or an infinity for an integer: the engine has its own answer.
    if (error instanceof RangeError) return null
    throw error
  }
  return out as unknown as TypedArray
}

/** Element i of the shape that a tensor broadcasts to. */
function reader(t: Tensor, shape: readonly number[]): (i: number) => Scalar {
  const numbers = memory.get(t)!
  if (t.size === sizeOf(shape)) return (i) => numbers[i]!
  if (t.size === 1) return () => numbers[0]!
  const own = stridesOf(t.shape)
  const lead = shape.length - t.shape.length
  const strides = shape.map((_, i) => (i < lead || t.shape[i - lead] === 1 ? 0 : own[i - lead]!))
  return (i) => numbers[offsetOf(i, shape, strides)]!
}

function offsetOf(index: number, dims: readonly number[], strides: readonly number[]): number {
  let rest = index
  let offset = 0
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    offset += (rest % dims[axis]!) * strides[axis]!
    rest = Math.floor(rest / dims[axis]!)
  }
  return offset
}

function castNumbers(t: Tensor, source: (i: number) => Scalar, from: DType): TypedArray | null {
  if (t.dtype === 'bool') return filledBy(t, (i) => (source(i) ? 1 : 0))
  const isFloatSource = from === 'f32' || from === 'f64'
  if (!isFloatSource || t.dtype === 'f32' || t.dtype === 'f64') return filledBy(t, source)
  // Out of range: what the engine does is not repeated here.
  return filledBy(t, (i) => {
    const value = Math.trunc(source(i) as number)
    if (!(Math.abs(value) < 2 ** 31)) throw new RangeError('out of range')
    return value
  })
}

type Both<F extends (...args: never[]) => unknown, G extends (...args: never[]) => unknown> = readonly [F, G | null]
type Arithmetic = Both<(a: number, b: number) => number | boolean, (a: bigint, b: bigint) => bigint | boolean>

/** By the names of rows: for numbers, and for 64-bit integers. */
const BINARY: Readonly<Record<string, Arithmetic>> = {
  add: [(a, b) => a + b, (a, b) => a + b],
  sub: [(a, b) => a - b, (a, b) => a - b],
  mul: [(a, b) => a * b, (a, b) => a * b],
  maximum: [(a, b) => Math.max(a, b), (a, b) => (a > b ? a : b)],
  minimum: [(a, b) => Math.min(a, b), (a, b) => (a < b ? a : b)],
  div: [(a, b) => a / b, null],
  floorDivide: [(a, b) => Math.floor(a / b), floorOfQuotient],
  fmod: [(a, b) => a % b, (a, b) => a % b],
  remainder: [(a, b) => a - Math.floor(a / b) * b, (a, b) => a - floorOfQuotient(a, b) * b],
  eq: [(a, b) => a === b, (a, b) => a === b],
  ne: [(a, b) => a !== b, (a, b) => a !== b],
  lt: [(a, b) => a < b, (a, b) => a < b],
  le: [(a, b) => a <= b, (a, b) => a <= b],
  gt: [(a, b) => a > b, (a, b) => a > b],
  ge: [(a, b) => a >= b, (a, b) => a >= b],
  logicalAnd: [(a, b) => a !== 0 && b !== 0, null],
  logicalOr: [(a, b) => a !== 0 || b !== 0, null],
  logicalXor: [(a, b) => (a !== 0) !== (b !== 0), null],
}

const UNARY: Readonly<Record<string, Both<(a: number) => number | boolean, (a: bigint) => bigint>>> = {
  neg: [(a) => -a, (a) => -a],
  abs: [Math.abs, (a) => (a < 0n ? -a : a)],
  sign: [Math.sign, (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n)],
  floor: [Math.floor, null],
  ceil: [Math.ceil, null],
  trunc: [Math.trunc, null],
  sqrt: [Math.sqrt, null],
  reciprocal: [(a) => 1 / a, null],
  logicalNot: [(a) => a === 0, null],
}

function floorOfQuotient(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return quotient * b !== a && a < 0n !== b < 0n ? quotient - 1n : quotient
}

const packed = (buffer: number, t: { shape: readonly number[]; dtype: DType }): Operand => ({
  buffer,
  dtype: t.dtype,
  offset: 0,
  dims: t.shape,
  strides: stridesOf(t.shape),
})

function viewed(t: Tensor): TypedArray | null {
  const [input] = t.inputs as [Tensor]
  const from = t.row.view!(packed(0, input), t.shape, t.attrs)
  if (!from) return null
  const out = roomFor(t.dtype, t.size)
  copyWindow(out, packed(0, t), memory.get(input)!, from)
  return out
}

function copyWindow(out: TypedArray, to: Operand, source: TypedArray, from: Operand): void {
  const n = sizeOf(to.dims)
  const lead = to.dims.length - from.dims.length
  const strides = to.dims.map((_, i) => (i < lead || from.dims[i - lead] === 1 ? 0 : from.strides[i - lead]!))
  for (let i = 0; i < n; i++)
    out[to.offset + offsetOf(i, to.dims, to.strides)] = source[from.offset + offsetOf(i, to.dims, strides)]!
}

class NotKnown extends Error {}

/** A kernel row that copies and fills, or takes slices, or adds up: its own instructions, carried out here. */
function emitted(t: Tensor): TypedArray | null {
  if (t.parts !== null || t.variables.length > 0) return null
  const rooms: TypedArray[] = [roomFor(t.dtype, t.size), ...t.inputs.map((input) => memory.get(input)!)]
  const room = (operand: Operand) => rooms[operand.buffer]!
  const refuse = (): never => {
    throw new NotKnown()
  }
  const isPacked = ({ dims, strides }: Operand) =>
    stridesOf(dims).every((stride, i) => stride === strides[i] || dims[i] === 1)
  const emitter: ControlEmitter = {
    input: (i) => packed(i + 1, t.inputs[i]!),
    packed: (operand) => (isPacked(operand) ? operand : refuse()),
    output: (i = 0) => (i === 0 ? packed(0, t) : refuse()),
    temp: refuse,
    copy: (out, from) => copyWindow(room(out), out, room(from), from),
    fill: (out, value) => {
      const one = roomFor(out.dtype, 1) as unknown as Record<number, Scalar>
      one[0] = is64BitInteger(out.dtype) ? BigInt(value) : value
      copyWindow(room(out), out, one as unknown as TypedArray, { ...out, offset: 0, dims: [], strides: [] })
    },
    instr: (kernel, [out], ins) => {
      const f = KERNELS[kernel]
      if (!f || !out) return refuse()
      f(
        room(out),
        out.dims,
        ins.map(room),
        ins.map(({ dims }) => dims),
        refuse,
      )
    },
    inline: refuse,
    block: refuse,
    prepareInputs: refuse,
    control: refuse,
  }
  try {
    t.row.emit!(emitter, { attrs: t.attrs, inputs: t.inputs, outputs: [t] }, [])
    return rooms[0]!
  } catch (error) {
    if (error instanceof NotKnown) return null
    throw error
  }
}

type Kernel = (
  out: TypedArray,
  outDims: readonly number[],
  ins: readonly TypedArray[],
  dims: readonly (readonly number[])[],
  refuse: () => never,
) => void

/** What each reduction starts with is its first element: empty ones are not folded. */
const reduction =
  (f: (a: never, b: never) => Scalar): Kernel =>
  (out, _, [x], [dims], refuse) => {
    const [outer, n, inner] = dims as [number, number, number]
    if (n === 0 || !x) return refuse()
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        let total: Scalar = x[o * n * inner + i]!
        for (let k = 1; k < n; k++) total = f(total as never, x[(o * n + k) * inner + i] as never)
        out[o * inner + i] = total
      }
  }

/** By the kernels' names, as rows emit them. */
const KERNELS: Readonly<Record<string, Kernel>> = {
  sum: reduction((a: number, b: number) => a + b),
  prod: reduction((a: number, b: number) => a * b),
  max: reduction((a: number, b: number) => (a > b ? a : b)),
  min: reduction((a: number, b: number) => (a < b ? a : b)),
  take: (out, [outer, n, inner], [x, ids], [[, size]], refuse) => {
    for (let o = 0; o < outer!; o++)
      for (let k = 0; k < n!; k++) {
        const at = Number(ids![k])
        if (!(at >= 0 && at < size!)) refuse()
        for (let i = 0; i < inner!; i++) out[(o * n! + k) * inner! + i] = x![(o * size! + at) * inner! + i]!
      }
  },
}
