/** @file Tensor: a value that may not be computed yet, and the graph's node. Its methods are installed from the op table. */
import type { DType } from '../dtype.ts'
import { arrayOf } from '../dtype.ts'
import { assert, fail } from '../errors.ts'
import { showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import type { Row, Spec } from './row.ts'
import { state } from './state.ts'
import type { Variable } from './variable.ts'

/** Where the numbers of an evaluated tensor are. Users never get `buffer` itself, unless they take it. */
export interface Value {
  buffer: ArrayBuffer
  /** The evaluation that fills it, while it is under way. */
  run: object | null
}

/** A change of a variable that happens with the first evaluation that needs a certain tensor. */
export interface Effect {
  readonly update: Tensor
  done: boolean
}

/**
 * An n-dimensional array, lazy: `shape` and `dtype` are known at once, the numbers when they are asked for
 * (`await t.data()`, `await t.item()`, `await evaluate(t)`). Immutable.
 */
export class Tensor {
  readonly shape: Shape
  readonly dtype: DType
  /** @internal */ readonly id: number
  /** @internal */ row: Row
  /** @internal Structure: what a plan is compiled for. */ readonly attrs: unknown
  /** @internal `attrs` as text, for comparing plans; '' for none. */ readonly attrsKey: string
  /** Whether gradients flow through this tensor. */
  requiresGrad: boolean
  /** @internal */ value: Value | null = null
  /** @internal state.writes when it was evaluated. */ evaluatedAt = 0
  /** @internal */ readonly region: number
  /** @internal All outputs of a row that has several, else null. */ parts: readonly Tensor[] | null = null
  /** @internal Of leaves: a number, or where to look for it each time. */ scalar: number | (() => number) = 0
  /** @internal Of leaves and updates. */ variables: readonly Variable[] = NONE
  /** @internal Of leaves of variables; -1: whatever it is then. */ version = 0
  /** @internal */ effects: Effect[] | null = null
  /** @internal Where it was made, with TENON_DEBUG. */ site = ''
  /** @internal Scratch of graph walks. */ mark = 0
  /** @internal Scratch of graph walks. */ position = 0
  /** Null: among state.recipes. */
  #inputs: readonly Tensor[] | null

  /** @internal Use `tensor()`, `zeros()` and so on. */
  constructor(row: Row, spec: Spec, inputs: readonly Tensor[], attrs: unknown, attrsKey: string) {
    this.shape = spec.shape
    this.dtype = spec.dtype
    this.id = state.nextId++
    this.row = row
    this.#inputs = inputs
    this.attrs = attrs
    this.attrsKey = attrsKey
    this.requiresGrad = false
    this.region = state.region
    if (state.debug) this.site = callSite()
  }

  /** @internal What it is made from; nothing for leaves and for what was evaluated and cannot be differentiated (any more). */
  get inputs(): readonly Tensor[] {
    return this.#inputs ?? state.recipes.get(this) ?? NO_INPUTS
  }

  /** @internal Once it is evaluated: only gradients need the recipe from now on, and only until a variable is written. */
  releaseRecipe(): void {
    if (this.requiresGrad && !hasExpired(this)) state.recipes.set(this, this.inputs)
    this.#inputs = this.requiresGrad ? null : NO_INPUTS
  }

  /** @internal It is a leaf without a value from now on. */
  becomeLeaf(row: Row): void {
    this.row = row
    this.value = null
    this.#inputs = NO_INPUTS
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  get [Symbol.toStringTag](): string {
    return 'Tensor'
  }

  toString(): string {
    return describe(this)
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return describe(this)
  }
}

const NONE: readonly Variable[] = []
const NO_INPUTS: readonly Tensor[] = []

/** Builds the node (or nodes) of an op. */
export function apply<A>(row: Row<A>, given: readonly Tensor[], attrs: A, attrsKey = keyOf(attrs)): Tensor {
  const inputs = operandsOf(row, given)
  const spec = row.infer(inputs, attrs)
  assert(!Array.isArray(spec), `internal: ${row.name} has several outputs`)
  const node = new Tensor(row, spec as Spec, inputs, attrs, attrsKey)
  node.requiresGrad = flows(inputs)
  return node
}

/** The same for rows with several outputs, or with targets. */
export function applyTuple<A>(
  row: Row<A>,
  given: readonly Tensor[],
  attrs: A,
  targets = NONE,
  attrsKey = keyOf(attrs),
): readonly Tensor[] {
  const inputs = operandsOf(row, given)
  const specs = row.infer(inputs, attrs) as readonly Spec[]
  const tuple = new Tensor(row, specs[0] ?? { shape: [], dtype: 'bool' }, inputs, attrs, attrsKey)
  tuple.variables = targets
  tuple.requiresGrad = flows(inputs)
  tuple.parts = specs.map((spec, i) => {
    const part = new Tensor(partRow, spec, [tuple], { index: i }, String(i))
    part.requiresGrad =
      tuple.requiresGrad && (spec.dtype === 'f32' || spec.dtype === 'f64' || spec.dtype.endsWith('f16'))
    return part
  })
  return tuple.parts
}

function operandsOf(row: Row, inputs: readonly Tensor[]): readonly Tensor[] {
  return state.autocast !== null && row.autocast ? state.autocast.operands(row.autocast, inputs) : inputs
}

/** One output of a row that has several. */
export const partRow: Row<{ index: number }> = {
  name: 'part',
  kind: 'view',
  infer: () => fail('NATIVE', 'part', 'internal: made by applyTuple only.'),
  vjp: { none: 'the gradient walk hands its cotangent to the whole' },
  moves: true,
}

function flows(inputs: readonly Tensor[]): boolean {
  return state.gradEnabled && inputs.some((input) => input.requiresGrad)
}

/** Attributes as text: numbers keep -0, NaN and infinities apart. Not JSON.stringify, which took a tenth of a small uncompiled step. */
export function keyOf(attrs: unknown): string {
  return attrs === null || attrs === undefined ? '' : textOf(attrs)
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`
  let text = '{'
  for (const [name, item] of Object.entries(value)) text += `${name}:${textOf(item)},`
  return `${text}}`
}

/** Whether an evaluated tensor has lost its recipe: a variable was written since, so it cannot be differentiated any more. */
export function hasExpired(t: Tensor): boolean {
  return t.value !== null && t.evaluatedAt < state.writes
}

function describe(t: Tensor): string {
  const head = `Tensor ${t.dtype} ${showShape(t.shape)}`
  if (t.value === null) return `${head} (not evaluated)`
  if (t.value.run !== null) return `${head} (being evaluated)`
  const values = arrayOf(t.dtype, t.value.buffer, 0, t.size)
  if (t.dtype === 'f16' || t.dtype === 'bf16') return `${head} (evaluated)`
  if (t.rank === 0) return `${head} ${format(values[0]!, t.dtype)}`
  return `${head} ${nested(values, t, 0, 0)}`
}

const SHOWN = 6

function nested(values: ArrayLike<number | bigint>, t: Tensor, axis: number, offset: number): string {
  if (axis === t.rank) return format(values[offset]!, t.dtype)
  const stride = sizeOf(t.shape.slice(axis + 1))
  const n = t.shape[axis]!
  const items: string[] = []
  for (let i = 0; i < n; i++) {
    if (n > SHOWN && i === SHOWN / 2) {
      items.push('...')
      i = n - SHOWN / 2
    }
    items.push(nested(values, t, axis + 1, offset + i * stride))
  }
  return `[${items.join(', ')}]`
}

function format(value: number | bigint, dtype: DType): string {
  if (dtype === 'bool') return value ? 'true' : 'false'
  if (typeof value === 'bigint' || Number.isInteger(value)) return String(value)
  return String(Number(value.toPrecision(dtype === 'f64' ? 8 : 5)))
}

function callSite(): string {
  const lines = (new Error().stack ?? '').split('\n').slice(1)
  const inside =
    /[\\/](lib|dist)[\\/](graph|ops|nn|optim|plan|engine|train)[\\/]|[\\/](lib|dist)[\\/]index\.|node:internal/
  return (lines.find((line) => !inside.test(line)) ?? '').trim()
}
