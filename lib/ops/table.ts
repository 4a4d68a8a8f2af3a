/** @file The op table: every row registers here, and arguments become tensors. */
import { dtypes, isFloat, isNarrow, promote, promoteScalar } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { assert, fail } from '../errors.ts'
import type { Row, Spec, Vjp } from '../graph/row.ts'
import { apply, keyOf, Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'

/** Every row by name. */
export const table = new Map<string, Row>()

/** The gradient rule of what is constant between its jumps. */
export const ZERO: Vjp<null> = () => [null]
/** The gradient rule of what gives bools or integers. */
export const NOT_FLOAT = { none: 'its result is not a float' }

export function defineRow<A>(row: Row<A>): Row<A> {
  assert(!table.has(row.name), `internal: two rows are named ${row.name}`)
  table.set(row.name, row)
  return row
}

/** What ops take where they need a tensor. */
export type TensorLike = Tensor | Variable
/** What arithmetic takes: numbers are operands of the plan, so a changed one compiles nothing. */
export type Arg = TensorLike | number | bigint | boolean

/** A variable's present content; anything else than a tensor is refused. */
export function asTensor(op: string, x: TensorLike): Tensor {
  if (x instanceof Tensor) return x
  if (x instanceof Variable) return x.read()
  return fail('VALUE', op, `needs a tensor, got ${x === null ? 'null' : typeof x}. Make one with tensor(...).`)
}

export const operandRow = defineRow<null>({
  name: 'operand',
  kind: 'leaf',
  infer: () => SCALAR,
  vjp: { none: 'a leaf' },
})

const SCALAR: Spec = { shape: [], dtype: 'f64' }

/** A number that is an input of the plan, as a scalar of the given dtype. A function is called at each evaluation. */
export function operand(value: number | (() => number), dtype: DType): Tensor {
  const leaf = new Tensor(operandRow, { shape: SCALAR.shape, dtype }, [], null, '')
  leaf.scalar = value
  return leaf
}

export const constantRow = defineRow<{ value: number }>({
  name: 'constant',
  kind: 'leaf',
  infer: () => SCALAR,
  vjp: { none: 'a leaf' },
})

/** A number that is part of the plan's structure: for rules and composites, never for what a user may vary. */
export function constant(value: number, dtype: DType): Tensor {
  if (!isFloat(dtype) && !Number.isInteger(value)) fail('DTYPE', 'constant', `${value} is no ${dtype}.`)
  return new Tensor(constantRow, { shape: SCALAR.shape, dtype }, [], { value }, keyOf(value) || 'null')
}

const scalarTensor = (op: string, value: number | bigint | boolean, beside: DType): Tensor =>
  operand(scalarNumber(op, value), promoteScalar(beside, value))

/** What an operand holds; VALUE for what is no number, or a bigint that no number is. */
export function scalarNumber(op: string, value: number | bigint | boolean): number {
  if (!isScalar(value)) return fail('VALUE', op, `needs a number, got ${value === null ? 'null' : typeof value}.`)
  const number = Number(value)
  if (typeof value === 'bigint' && BigInt(number) !== value) {
    fail('VALUE', op, `${value} does not fit a scalar exactly. Use tensor(${value}n).`)
  }
  return number
}

/** Two arguments as tensors of their common dtype. At least one is a tensor. */
export function promoted(op: string, a: Arg, b: Arg): [Tensor, Tensor] {
  if (isScalar(a)) {
    const y = asTensor(op, b as TensorLike)
    return common(scalarTensor(op, a, y.dtype), y)
  }
  const x = asTensor(op, a)
  if (isScalar(b)) return common(x, scalarTensor(op, b, x.dtype))
  return common(x, asTensor(op, b))
}

function common(x: Tensor, y: Tensor): [Tensor, Tensor] {
  if (x.dtype === y.dtype) return [x, y]
  const dtype = promote(x.dtype, y.dtype)
  return [cast(x, dtype), cast(y, dtype)]
}

export const isScalar = (x: Arg): x is number | bigint | boolean =>
  typeof x === 'number' || typeof x === 'bigint' || typeof x === 'boolean'

export function checkDtype(op: string, dtype: DType): DType {
  if (!dtypes.includes(dtype))
    fail('DTYPE', op, `there is no dtype '${String(dtype)}'. There are: ${dtypes.join(', ')}.`)
  return dtype
}

const castRow: Row<{ dtype: DType }> = defineRow<{ dtype: DType }>({
  name: 'cast',
  kind: 'elementwise',
  infer: ([x], { dtype }) => ({ shape: x!.shape, dtype }),
  vjp: ({ dy, inputs: [x] }) => [cast(dy, x!.dtype)],
  moves: true,
})

/** The values in another dtype. Floats become integers by truncation (out of range: the nearest; NaN: 0), bools by `!= 0`. */
export function cast(x: TensorLike, dtype: DType): Tensor {
  const t = asTensor('cast', x)
  if (t.dtype === dtype) return t
  checkDtype('cast', dtype)
  // A number was never stored, so a narrow dtype has not rounded it.
  if (isNarrow(t.dtype) && isFloat(dtype) && (t.row === operandRow || t.row === constantRow)) return retyped(t, dtype)
  const y = apply(castRow, [t], { dtype }, dtype)
  // Nothing flows through integers.
  if (!/^(f|bf)/.test(dtype) || !/^(f|bf)/.test(t.dtype)) y.requiresGrad = false
  return y
}

function retyped(number: Tensor, dtype: DType): Tensor {
  if (number.row === operandRow) return operand(number.scalar, dtype)
  return constant((number.attrs as { value: number }).value, dtype)
}
