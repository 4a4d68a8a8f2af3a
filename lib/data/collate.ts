/** @file Collate: from samples to a batch. `stack` for equal shapes, `padded` for sequences. Needs no engine: it runs in workers. */
import type { DType, TypedArray } from '../dtype.ts'
import { bytesOf } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { bytesOfArray, dtypeOf, freshArray, isPlainObject, viewOf } from './arrays.ts'
import type { NdArray } from './arrays.ts'
import { withSource } from './module-source.ts'

/** The batch that `stack` makes of samples T, after the loader has made tensors of its arrays. */
export type Collated<T> = T extends number | bigint | boolean | TypedArray | NdArray | Tensor
  ? Tensor
  : T extends string
    ? string[]
    : T extends readonly unknown[]
      ? { -readonly [K in keyof T]: Collated<T[K]> }
      : T extends object
        ? { [K in keyof T]: Collated<T[K]> }
        : unknown

/**
 * Stacks samples along a new first axis, field by field: of tuples a tuple, of objects an object. Numbers become f32 (class numbers:
 * `data.label(3)`), bigints i64, booleans bool, strings a list. Throws SHAPE or DTYPE where two samples differ.
 */
export function stack(samples: readonly unknown[]): unknown {
  return byField('stack', samples, '', (field, values) => stackLeaves('stack', values, field))
}

type Leaves = (field: string, values: readonly unknown[]) => unknown

/** Applies `leaves` to each field of the samples; `path` is the field's name for errors. */
function byField(op: string, samples: readonly unknown[], path: string, leaves: Leaves): unknown {
  const first = samples[0]
  const into = (key: string | number) => {
    const at = path === '' ? String(key) : `${path}.${key}`
    return byField(
      op,
      samples.map((sample) => fieldOf(op, sample, key, at)),
      at,
      leaves,
    )
  }
  if (Array.isArray(first)) {
    if (samples.some((s) => !Array.isArray(s) || s.length !== first.length))
      fail('SHAPE', op, `${show(path)}the samples must be lists of one length.`)
    return first.map((_, i) => into(i))
  }
  if (!isPlainObject(first)) return leaves(path, samples)
  return Object.fromEntries(Object.keys(first).map((key) => [key, into(key)]))
}

function fieldOf(op: string, sample: unknown, key: string | number, path: string): unknown {
  const isThere = sample !== null && typeof sample === 'object' && Object.hasOwn(sample, key)
  return isThere
    ? (sample as Record<string | number, unknown>)[key]
    : fail('SHAPE', op, `${show(path)}not every sample has it.`)
}

const show = (path: string): string => (path === '' ? '' : `field ${path}: `)

function stackLeaves(op: string, values: readonly unknown[], path: string): unknown {
  if (typeof values[0] === 'string') {
    if (!values.every((value) => typeof value === 'string'))
      fail('DTYPE', op, `${show(path)}some samples are strings, some are not.`)
    return values
  }
  const numbers = stackNumbers(values)
  if (numbers) return numbers
  const views = values.map(
    (value) => viewOf(value) ?? fail('DTYPE', op, `${show(path)}cannot make a batch of ${kindOf(value)}.`),
  )
  const { shape } = views[0]!
  checkDTypes(op, views, path)
  views.forEach((view, i) => {
    if (sameShape(view.shape, shape)) return
    fail(
      'SHAPE',
      op,
      `${show(path)}samples must have one shape, got ${showShape(shape)} and, at ${i} in the batch, ${showShape(view.shape)}. Use collate: padded().`,
    )
  })
  const out = freshArray([views.length, ...shape], dtypeOf(views[0]!))
  const to = bytesOfArray(out)
  const bytes = to.length / views.length
  views.forEach((view, i) => to.set(bytesOfArray(view), i * bytes))
  return out
}

/** The usual case without an array a number; null when something else is among them. */
function stackNumbers(values: readonly unknown[]): NdArray | null {
  if (!values.every((value) => typeof value === 'number')) return null
  const out = freshArray([values.length], 'f32')
  ;(out.data as Float32Array).set(values as number[])
  return out
}

function checkDTypes(op: string, views: readonly NdArray[], path: string): void {
  const dtype = dtypeOf(views[0]!)
  views.forEach((view, i) => {
    if (dtypeOf(view) !== dtype)
      fail(
        'DTYPE',
        op,
        `${show(path)}samples must have one dtype, got ${dtype} and, at ${i} in the batch, ${dtypeOf(view)}.`,
      )
  })
}

const kindOf = (value: unknown): string =>
  value === null || value === undefined ? String(value) : (value.constructor?.name ?? typeof value)

export interface PaddedOptions {
  /** What fills the end. Default: 0. */
  value?: number
  /** Which fields: positions in a tuple, names in an object. Default: every array with an axis or more. */
  fields?: readonly (string | number)[]
  /** Lengths to pad to: each batch takes the first that is long enough, so that few shapes (and plans) arise. */
  buckets?: readonly number[]
  /** Pad to a multiple of this. Default: 1. */
  multipleOf?: number
  /** What is longer is cut. Default: nothing is. */
  maxLength?: number
  /** Give the lengths before padding, i32 [B]: behind a tuple's fields, as `<name>Lengths` in an object. Default: true. */
  lengths?: boolean
}

/**
 * A collate function for samples whose first axis differs in length: pads each batch to its longest sample. Samples `[tokens, label]`
 * become `[tokens, label, lengths]`, `{ text, label }` becomes `{ text, textLengths, label }`, bare arrays `[x, lengths]`.
 */
export function padded(options: PaddedOptions = {}): (samples: readonly unknown[]) => unknown {
  checkOptions('padded', options, ['value', 'fields', 'buckets', 'multipleOf', 'maxLength', 'lengths'])
  const { fields, buckets = [], multipleOf = 1, maxLength, lengths = true } = options
  checkInteger('padded', 'multipleOf', multipleOf, 1)
  if (maxLength !== undefined) checkInteger('padded', 'maxLength', maxLength, 1)
  for (const bucket of buckets) checkInteger('padded', 'a bucket', bucket, 1)
  const chosen = fields && new Set(fields.map(String))
  const collate = (samples: readonly unknown[]): unknown => {
    const found: { field: string; lengths: NdArray }[] = []
    const batch = byField('padded', samples, '', (field, values) => {
      if (!(chosen ? chosen.has(field) || field === '' : isSequence(values[0])))
        return stackLeaves('padded', values, field)
      const done = pad(values, field, options)
      found.push({ field, lengths: done.lengths })
      return done.batch
    })
    return lengths ? withLengths(batch, found) : batch
  }
  return withSource(collate, { module: import.meta.url, name: 'padded', options })
}

const isSequence = (value: unknown): boolean => typeof value === 'object' && (viewOf(value)?.shape.length ?? 0) > 0

/** Adds lengths where the caller of `padded` expects them. */
function withLengths(batch: unknown, found: readonly { field: string; lengths: NdArray }[]): unknown {
  const lengths = found.map((pad) => pad.lengths)
  if (Array.isArray(batch)) return [...(batch as unknown[]), ...lengths]
  if (!isPlainObject(batch)) return [batch, ...lengths]
  const entries = Object.entries(batch).flatMap(([key, value]) => {
    const own = found.find(({ field }) => field === key)
    return own ? [[key, value] as const, [`${key}Lengths`, own.lengths] as const] : [[key, value] as const]
  })
  return Object.fromEntries(entries)
}

function pad(values: readonly unknown[], path: string, options: PaddedOptions): { batch: NdArray; lengths: NdArray } {
  const views = values.map((value) => {
    const view = viewOf(value)
    return view && view.shape.length > 0
      ? view
      : fail('SHAPE', 'padded', `${show(path)}needs arrays with an axis or more, got ${kindOf(value)}.`)
  })
  checkDTypes('padded', views, path)
  const rest = views[0]!.shape.slice(1)
  views.forEach((view, i) => {
    if (sameShape(view.shape.slice(1), rest)) return
    fail(
      'SHAPE',
      'padded',
      `${show(path)}only the first axis may differ, got ${showShape(views[0]!.shape)} and, at ${i} in the batch, ${showShape(view.shape)}.`,
    )
  })
  const { maxLength = Infinity } = options
  const lengths = freshArray([views.length], 'i32')
  views.forEach((view, i) => (lengths.data[i] = Math.min(view.shape[0]!, maxLength)))
  const length = paddedLength(Math.max(...(lengths.data as Int32Array)), options)
  return { batch: fill(views, rest, length, lengths.data as Int32Array, options.value ?? 0), lengths }
}

function paddedLength(longest: number, { buckets = [], multipleOf = 1, maxLength = Infinity }: PaddedOptions): number {
  const bucket = Math.min(...buckets.filter((n) => n >= longest))
  if (bucket !== Infinity) return bucket
  return Math.max(longest, Math.min(Math.ceil(longest / multipleOf) * multipleOf, maxLength))
}

function fill(views: readonly NdArray[], rest: Shape, length: number, lengths: Int32Array, value: number): NdArray {
  const dtype: DType = dtypeOf(views[0]!)
  const out = freshArray([views.length, length, ...rest], dtype)
  if (value !== 0) {
    if (dtype === 'f16' || dtype === 'bf16') fail('DTYPE', 'padded', `fills ${dtype} with 0 only.`)
    const isBig = dtype === 'i64' || dtype === 'u64'
    ;(out.data as { fill(value: number | bigint): unknown }).fill(isBig ? BigInt(value) : value)
  }
  const to = bytesOfArray(out)
  const step = sizeOf(rest) * bytesOf(dtype)
  views.forEach((view, i) => to.set(bytesOfArray(view).subarray(0, lengths[i]! * step), i * length * step))
  return out
}
