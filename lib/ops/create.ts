/** @file Tensors from numbers: of data, constant, counted, random. */
import { arrayOf, bytesOf, dtypeOfArray, is64BitInteger, isFloat, isNarrow } from '../dtype.ts'
import type { DType, TypedArray } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { checkShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { add, ge, le, mul, where } from './elementwise.ts'
import { apply } from '../graph/tensor.ts'
import { expand, reshape } from './layout.ts'
import { asTensor, cast, checkDtype, constant, defineRow, operand, scalarNumber } from './table.ts'
import type { TensorLike } from './table.ts'

const valueRow = defineRow<null>({
  name: 'value',
  kind: 'leaf',
  infer: () => fail('NATIVE', 'value', 'internal: made by fromBuffer only.'),
  vjp: { none: 'a leaf' },
})

/** @internal A tensor over a buffer that nobody else holds. */
export function fromBuffer(buffer: ArrayBuffer, shape: Shape, dtype: DType): Tensor {
  const leaf = new Tensor(valueRow, { shape, dtype }, [], null, '')
  leaf.value = { buffer, run: null }
  return leaf
}

type Scalar = number | bigint | boolean
export type NestedArray = Scalar | readonly NestedArray[]

export interface TensorOptions {
  dtype?: DType
  /** For typed arrays and flat lists. Default: the list's own nesting. */
  shape?: Shape
  /** Take the typed array's buffer over instead of copying it; the array is empty afterwards. */
  transfer?: boolean
}

/**
 * A tensor of the given numbers: a number, nested lists, or a typed array. Numbers become f32, bigints i64, booleans bool; a typed
 * array keeps its type. Copies, unless `transfer`. Throws SHAPE for ragged lists, VALUE for integers that do not fit the dtype.
 */
export function tensor(data: NestedArray | TypedArray, options: TensorOptions = {}): Tensor {
  checkOptions('tensor', options, ['dtype', 'shape', 'transfer'])
  if (options.dtype !== undefined) checkDtype('tensor', options.dtype)
  if (ArrayBuffer.isView(data)) return fromTypedArray(data as TypedArray, options)
  if (options.transfer) fail('VALUE', 'tensor', 'only a typed array can be transferred.')
  const shape: number[] = []
  for (let level: NestedArray | undefined = data; Array.isArray(level); level = (level as NestedArray[])[0])
    shape.push(level.length)
  checkShape('tensor', shape)
  const flat: Scalar[] = []
  flattenInto(flat, data, shape, 0)
  const dtype = options.dtype ?? (typeof flat[0] === 'bigint' ? 'i64' : typeof flat[0] === 'boolean' ? 'bool' : 'f32')
  const wanted = options.shape ? checkShape('tensor', options.shape) : shape
  if (sizeOf(wanted) !== flat.length)
    fail('SHAPE', 'tensor', `${flat.length} numbers do not make ${showShape(wanted)}.`)
  return fromScalars(flat, wanted, dtype)
}

function flattenInto(flat: Scalar[], data: NestedArray, shape: number[], depth: number): void {
  if (depth === shape.length) {
    if (typeof data !== 'number' && typeof data !== 'bigint' && typeof data !== 'boolean') {
      fail(
        Array.isArray(data) ? 'SHAPE' : 'VALUE',
        'tensor',
        `lists must be evenly nested and hold numbers, got ${Array.isArray(data) ? 'a list' : String(data)} at depth ${depth}.`,
      )
    }
    flat.push(data)
    return
  }
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    fail(
      'SHAPE',
      'tensor',
      `lists must be evenly nested, got ${Array.isArray(data) ? data.length : String(data)} where ${shape[depth]} are expected.`,
    )
  }
  for (const item of data as NestedArray[]) flattenInto(flat, item, shape, depth + 1)
}

function fromScalars(flat: readonly Scalar[], shape: Shape, dtype: DType): Tensor {
  if (isNarrow(dtype)) return cast(fromScalars(flat, shape, 'f32'), dtype)
  const buffer = new ArrayBuffer(flat.length * bytesOf(dtype))
  const array = arrayOf(dtype, buffer) as unknown as Record<number, number | bigint>
  flat.forEach((value, i) => (array[i] = element(value, dtype)))
  return fromBuffer(buffer, shape, dtype)
}

function element(value: Scalar, dtype: DType): number | bigint {
  if (dtype === 'bool') return value ? 1 : 0
  if (isFloat(dtype)) return Number(value)
  if (typeof value === 'number' && !Number.isInteger(value))
    fail('VALUE', 'tensor', `${value} is not an integer (${dtype}).`)
  const big = BigInt(value)
  const bits = bytesOf(dtype) * 8
  if ((dtype[0] === 'u' ? BigInt.asUintN(bits, big) : BigInt.asIntN(bits, big)) !== big) {
    fail('VALUE', 'tensor', `${value} does not fit ${dtype}.`)
  }
  return is64BitInteger(dtype) ? big : Number(big)
}

/** The bytes of an array, alone in a buffer. (`slice` of a Buffer would share its pool.) */
function copyOf({ buffer, byteOffset, byteLength }: TypedArray): ArrayBuffer {
  const copy = new Uint8Array(byteLength)
  copy.set(new Uint8Array(buffer, byteOffset, byteLength))
  return copy.buffer
}

function fromTypedArray(array: TypedArray, { dtype, shape = [array.length], transfer = false }: TensorOptions): Tensor {
  const own = dtypeOfArray(array)
  checkShape('tensor', shape)
  if (sizeOf(shape) !== array.length)
    fail('SHAPE', 'tensor', `${array.length} numbers do not make ${showShape(shape)}.`)
  const isWhole = array.byteOffset === 0 && array.byteLength === array.buffer.byteLength
  // A view of a larger or shared buffer cannot be taken over without its rest.
  const buffer =
    transfer && isWhole && array.buffer instanceof ArrayBuffer
      ? structuredClone(array.buffer, { transfer: [array.buffer] })
      : copyOf(array)
  const t = fromBuffer(buffer, [...shape], own)
  return dtype === undefined ? t : cast(t, dtype)
}

export interface CreateOptions {
  /** Default: 'f32'. */
  dtype?: DType
}

const dtypeOf = (op: string, options: CreateOptions): DType => {
  checkOptions(op, options, ['dtype'])
  return checkDtype(op, options.dtype ?? 'f32')
}

/** A tensor filled with one number. */
export function full(shape: Shape, value: number | bigint | boolean, options: CreateOptions = {}): Tensor {
  return expand(operand(scalarNumber('full', value), dtypeOf('full', options)), checkShape('full', shape))
}

/** Zeros. */
export function zeros(shape: Shape, options: CreateOptions = {}): Tensor {
  return expand(constant(0, dtypeOf('zeros', options)), checkShape('zeros', shape))
}

/** Ones. */
export function ones(shape: Shape, options: CreateOptions = {}): Tensor {
  return expand(constant(1, dtypeOf('ones', options)), checkShape('ones', shape))
}

/** Zeros of the shape and dtype of x. */
export const zerosLike = (x: TensorLike): Tensor => zeros(x.shape, { dtype: x.dtype })
/** Ones of the shape and dtype of x. */
export const onesLike = (x: TensorLike): Tensor => ones(x.shape, { dtype: x.dtype })

interface ShapeAttrs {
  readonly shape: Shape
  readonly dtype: DType
}

/** 0, 1, 2, ... in row-major order. */
const iotaRow = defineRow<ShapeAttrs>({
  name: 'iota',
  kind: 'elementwise',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  vjp: { none: 'it has no inputs' },
})

export function iota(shape: Shape, dtype: DType): Tensor {
  if (dtype === 'f32' || dtype === 'f64' || dtype === 'i32' || dtype === 'i64')
    return apply(iotaRow, [], { shape: [...shape], dtype })
  return cast(iota(shape, isFloat(dtype) ? 'f32' : 'i64'), dtype)
}

/** start, start + step, ... up to but without stop; integers give i64, others f32. `arange(n)` counts from 0. */
export function arange(start: number, stop?: number, step = 1, options: CreateOptions = {}): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop]
  const integers = [from, to, step].every(Number.isInteger)
  const dtype = dtypeOf('arange', { dtype: integers ? 'i64' : 'f32', ...options })
  if (!Number.isFinite((to - from) / step) || step === 0)
    fail('VALUE', 'arange', `needs finite bounds and a step that is not 0, got ${from}, ${to}, ${step}.`)
  const n = Math.max(0, Math.ceil((to - from) / step))
  if (from === 0 && step === 1) return iota([n], dtype)
  const wide = integers ? 'i64' : 'f64'
  return cast(add(mul(iota([n], wide), constant(step, wide)), constant(from, wide)), dtype)
}

/** n numbers from start to stop, both included, evenly spaced. */
export function linspace(start: number, stop: number, n: number, options: CreateOptions = {}): Tensor {
  const dtype = dtypeOf('linspace', options)
  checkInteger('linspace', 'n', n, 0)
  const t = add(mul(iota([n], 'f64'), constant(n > 1 ? (stop - start) / (n - 1) : 0, 'f64')), constant(start, 'f64'))
  return cast(t, dtype)
}

/** The identity matrix. */
export function eye(n: number, m = n, options: CreateOptions = {}): Tensor {
  const dtype = dtypeOf('eye', options)
  checkShape('eye', [n, m])
  return cast(below(n, m).eq(0), dtype)
}

/** Column minus row, [n, m], i64. */
function below(n: number, m: number): { eq(k: number): Tensor; le(k: number): Tensor; ge(k: number): Tensor } {
  const rows = reshape(iota([n], 'i64'), [n, 1])
  const cols = iota([m], 'i64')
  const shifted = (k: number) => add(rows, constant(k, 'i64'))
  return {
    eq: (k) => where(le(cols, shifted(k)), ge(cols, shifted(k)), constant(0, 'bool')),
    le: (k) => le(cols, shifted(k)),
    ge: (k) => ge(cols, shifted(k)),
  }
}

/** The lower triangle of matrices (columns <= row + diagonal), the rest 0. */
export function tril(x: TensorLike, diagonal = 0): Tensor {
  return triangle('tril', x, diagonal, 'le')
}

/** The upper triangle of matrices (columns >= row + diagonal), the rest 0. */
export function triu(x: TensorLike, diagonal = 0): Tensor {
  return triangle('triu', x, diagonal, 'ge')
}

function triangle(op: string, x: TensorLike, diagonal: number, side: 'le' | 'ge'): Tensor {
  const t = asTensor(op, x)
  if (t.rank < 2) fail('SHAPE', op, `needs a matrix, got ${showShape(t.shape)}.`)
  checkInteger(op, 'diagonal', diagonal, -(2 ** 31), 2 ** 31)
  return where(below(t.shape[t.rank - 2]!, t.shape[t.rank - 1]!)[side](diagonal), t, constant(0, t.dtype))
}
