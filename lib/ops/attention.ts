/** @file Scaled dot-product attention: one tiled kernel forward and one backward, memory linear in the sequence's length. */
import { isFloat, isNarrow, promote } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { recorded } from '../graph/state.ts'
import { requireGrad, vjp } from '../graph/gradient.ts'
import type { Emitter, Operand, Row, Spec } from '../graph/row.ts'
import { applyTuple, Tensor } from '../graph/tensor.ts'
import { broadcast, sameShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { attentionComposite, attentionWeights, numSources, swapHeads } from './attention-composite.ts'
import type { AttentionAttrs } from './attention-composite.ts'
import { broadcastOperand, expand, reshape } from './layout.ts'
import { checkProbability, drawPosition } from './random.ts'
import { asTensor, cast, defineRow, operand } from './table.ts'
import type { TensorLike } from './table.ts'

/** Shapes of q, k and v, whether or not they are packed. */
function shapesOf(inputs: readonly Spec[], { isPacked }: AttentionAttrs): Shape[] {
  if (!isPacked) return inputs.slice(0, 3).map(({ shape }) => shape)
  const [b, t, , h, d] = inputs[0]!.shape
  return [0, 1, 2].map(() => [b!, h!, t!, d!])
}
const laidOut = ({ timeFirst }: AttentionAttrs, [b, h, t, width]: Shape): Shape =>
  timeFirst ? [b!, t!, h!, width!] : [b!, h!, t!, width!]

/** o, and for the gradient the log of each row's sum of exponentials. Equals attentionComposite. */
const attentionRow: Row<AttentionAttrs> = defineRow<AttentionAttrs>({
  name: 'attention',
  kind: 'kernel',
  autocast: 'narrow',
  infer: (inputs, attrs) => {
    const [q, , v] = shapesOf(inputs, attrs) as [Shape, Shape, Shape]
    const { dtype } = inputs[0]!
    return [
      { shape: laidOut(attrs, [...q.slice(0, 3), v[3]!]), dtype },
      { shape: q.slice(0, 3), dtype: isNarrow(dtype) ? 'f32' : dtype },
    ]
  },
  vjp: ({ dy, inputs, outputs: [o, lse], attrs, needs }) => {
    const grads = applyTuple(attentionGradRow, [...inputs, o!, lse!, dy], attrs)
    const at = numSources(attrs)
    const byMask = attrs.hasMask && needs(at) ? [maskGradient(inputs, attrs, dy)] : []
    return [...(attrs.timeFirst && !attrs.isPacked ? grads.map(swapHeads) : grads), ...byMask]
  },
  emit: (e, { attrs, inputs }) => {
    const [o, lse] = [headsOut(e.output(0), attrs), e.output(1)]
    e.instr('attention', [o, lse], emitInputs(e, attrs, inputs), numbersOf(attrs))
  },
})

/** dq, dk and dv. By its inputs it is differentiated as the composite is, which holds all scores. */
const attentionGradRow: Row<AttentionAttrs> = defineRow<AttentionAttrs>({
  name: 'attentionGrad',
  kind: 'kernel',
  infer: (inputs, attrs) =>
    inputs
      .slice(0, numSources(attrs))
      .map(({ shape, dtype }) => ({ shape: attrs.isPacked ? shape : laidOut(attrs, shape), dtype })),
  vjp: ({ inputs, cotangents, attrs }) => recorded(() => secondGradients(inputs, cotangents, attrs)),
  emit: (e, { attrs, inputs }) => {
    const last = inputs.length - 1
    const [b, h, t] = shapesOf(inputs, attrs)[0]!
    const delta = e.temp(inputs[last - 1]!.dtype, [b!, h!, t!])
    const ins = [
      ...emitInputs(e, attrs, inputs),
      emitHeads(e, headsOut(e.input(last - 2), attrs)),
      e.packed(e.input(last - 1)),
      emitHeads(e, headsOut(e.input(last), attrs)),
    ]
    const outs = attrs.isPacked ? windowsOf(e.output(0)) : [0, 1, 2].map((i) => headsOut(e.output(i), attrs))
    e.instr('attentionGrad', [...outs, delta], ins, numbersOf(attrs))
  },
})

/** What the gradient row gives, as a graph of plain rows, and its gradients. */
function secondGradients(
  inputs: readonly Tensor[],
  cotangents: readonly (Tensor | null)[],
  attrs: AttentionAttrs,
): (Tensor | null)[] {
  const last = inputs.length - 1
  const n = numSources(attrs)
  const isFree = (i: number) => i < n || (i === n && attrs.hasMask && isFloat(inputs[n]!.dtype))
  const swapped = (t: Tensor) => (attrs.timeFirst ? swapHeads(t) : t)
  const fresh = inputs.slice(0, last - 2).map((t, i) => (isFree(i) ? requireGrad(t) : t))
  const dy = requireGrad(inputs[last]!)
  const grads = vjp([attentionComposite(fresh, attrs)], [swapped(dy)], fresh.slice(0, n))
  const used = grads.flatMap((t, i) => (t && cotangents[i] ? [i] : []))
  const wanted = [...fresh.filter((_, i) => isFree(i)), dy]
  const found = vjp(
    used.map((i) => grads[i]!),
    used.map((i) => (attrs.isPacked ? cotangents[i]! : swapped(cotangents[i]!))),
    wanted,
  )
  const of = (t: Tensor) => found[wanted.indexOf(t)] ?? null
  // o and the log-sums are functions of q and k: what flows through them is in the gradients by those.
  return [...fresh.map((t, i) => (isFree(i) ? of(t) : null)), null, null, of(dy)]
}

/** By the mask: as the composite has it, with all scores in memory, which a mask that is learnt may well be as large as. */
function maskGradient(inputs: readonly Tensor[], attrs: AttentionAttrs, dy: Tensor): Tensor | null {
  return recorded(() => {
    const at = numSources(attrs)
    const mask = requireGrad(inputs[at]!)
    const y = attentionComposite([...inputs.slice(0, at), mask, ...inputs.slice(at + 1)], attrs)
    return vjp([y], [attrs.timeFirst ? swapHeads(dy) : dy], [mask])[0]!
  })
}

const numbersOf = (a: AttentionAttrs): number[] => [
  a.scale,
  ...[a.isCausal, a.hasMask, a.hasLength, a.hasDropout].map(Number),
]

/** Axes 1 and 2 exchanged where the memory has them so. */
function headsOut(out: Operand, { timeFirst }: AttentionAttrs): Operand {
  if (!timeFirst) return out
  const swap = ([b, t, h, width]: readonly number[]) => [b!, h!, t!, width!]
  return { ...out, dims: swap(out.dims), strides: swap(out.strides) }
}

/** Whether the kernel reads it as it lies: rows without gaps, that do not overlap. */
function isDense(x: Operand): boolean {
  const [, , t, width] = x.dims as [number, number, number, number]
  return (width <= 1 || x.strides[3] === 1) && (t <= 1 || x.strides[2]! >= Math.max(1, width))
}

const emitHeads = (e: Emitter, x: Operand): Operand => (isDense(x) ? x : e.packed(x))

function emitInputs(e: Emitter, attrs: AttentionAttrs, inputs: readonly Spec[]): Operand[] {
  const sources = attrs.isPacked ? windowsOf(e.input(0)) : [0, 1, 2].map((i) => e.input(i))
  const ins = sources.map((x) => emitHeads(e, x))
  const [q, k] = shapesOf(inputs, attrs) as [Shape, Shape]
  let at = numSources(attrs)
  if (attrs.hasMask) ins.push(broadcastOperand(e.input(at++), [...q.slice(0, 3), k[2]!]))
  if (attrs.hasLength) ins.push(e.input(at++))
  if (attrs.hasDropout) ins.push(...[0, 1, 2, 3].map((i) => e.input(at + i)))
  return ins
}

/** q, k and v in [B, T, 3, H, D]. */
function windowsOf(x: Operand): Operand[] {
  const [b, t, , h, d] = x.dims as [number, number, number, number, number]
  const [ofB, ofT, of3, ofH, ofD] = x.strides as [number, number, number, number, number]
  return [0, 1, 2].map((i) => ({
    ...x,
    offset: x.offset + i * of3,
    dims: [b, h, t, d],
    strides: [ofB, ofH, ofT, ofD],
  }))
}

export interface AttentionOptions {
  /** What broadcasts to [..., Tq, Tk]: bool (true: the key takes part) or floats that are added to the scores. */
  attnMask?: TensorLike | null
  /** Probability with which a weight is dropped. Default: 0. */
  dropoutP?: number
  /** Query i sees keys 0 to i only (with `kvLength`: to i + kvLength - Tq). Default: false. */
  isCausal?: boolean
  /** Default: 1 / sqrt(width of q). */
  scale?: number | null
  /** Let heads of q (axis -3) share those of k and v: head h reads h / (heads of q / heads of k). Default: false. */
  enableGqa?: boolean
  /** Only so many first keys take part: one number (an operand of the plan), or i64 of size 1 or B. For caches not yet full. */
  kvLength?: number | TensorLike | null
}

/**
 * softmax(scale q k^T + mask) v (Vaswani et al. 2017): q [..., Tq, D], k [..., Tk, D], v [..., Tk, E] -> [..., Tq, E]. The axis before
 * Tq, if there is one, is that of heads; leading axes broadcast. By tiles (Dao et al. 2022), so memory is linear in Tq and Tk, the
 * gradient too; only gradients by a mask and second gradients hold all scores. A query that sees no key gives 0.
 */
export function scaledDotProductAttention(
  query: TensorLike,
  key: TensorLike,
  value: TensorLike,
  options: AttentionOptions = {},
): Tensor {
  const names = ['attnMask', 'dropoutP', 'isCausal', 'scale', 'enableGqa', 'kvLength']
  checkOptions('scaledDotProductAttention', options, names)
  const list = [query, key, value].map((x) => asTensor('scaledDotProductAttention', x))
  const dtype = list.map((t) => t.dtype).reduce(promote)
  const [q, k, v] = list.map((t) => cast(t, dtype)) as [Tensor, Tensor, Tensor]
  const lead = checkSizes(q, k, v, options.enableGqa ?? false)
  const { batch, headsOfQ, headsOfK } = lead
  const mask = options.attnMask ? maskOf(options.attnMask, q, k, lead) : null
  const [wideK, wideV] = [withHeads(k, batch, headsOfK), withHeads(v, batch, headsOfK)]
  const y = attention(withHeads(q, batch, headsOfQ), wideK, wideV, { ...options, attnMask: mask })
  return reshape(y, [...lead.shown, q.shape[q.rank - 2]!, v.shape[v.rank - 1]!])
}

/** What attention() takes: as scaledDotProductAttention, where `timeFirst` gives the result as [B, Tq, H, E]. */
export interface CheckedOptions extends AttentionOptions {
  timeFirst?: boolean
}

/** @internal The same for q [B, H, Tq, D], k [B, G, Tk, D] and v [B, G, Tk, E], checked. */
export const attention = (q: Tensor, k: Tensor, v: Tensor, options: CheckedOptions): Tensor =>
  applyAttention([q, k, v], [q, k], options).output

/** @internal With the weights [B, H, Tq, Tk], which cost nothing unless they are evaluated. */
export const attentionWithWeights = (q: Tensor, k: Tensor, v: Tensor, options: CheckedOptions): Attended =>
  applyAttention([q, k, v], [q, k], options)

/** @internal */
export interface Attended {
  readonly output: Tensor
  weights(): Tensor
}

/** @internal Of a sequence with itself: qkv [B, T, 3, H, D] -> [B, T, H, D]. Its gradient is one tensor, too. */
export function packedAttention(qkv: Tensor, options: AttentionOptions): Tensor {
  const [b, t, , h, d] = qkv.shape as [number, number, number, number, number]
  const like = { shape: [b, h, t, d] }
  return applyAttention([qkv], [like, like], { ...options, timeFirst: true }).output
}

function applyAttention(
  sources: readonly Tensor[],
  [q, k]: readonly [{ shape: Shape }, { shape: Shape }],
  options: CheckedOptions,
): Attended {
  const op = 'scaledDotProductAttention'
  const { attnMask, dropoutP = 0, isCausal = false, kvLength = null, timeFirst = false } = options
  checkProbability(op, dropoutP)
  const scale = options.scale ?? 1 / Math.sqrt(q.shape[3]!)
  if (typeof scale !== 'number' || Number.isNaN(scale)) fail('VALUE', op, `scale is a number, got ${String(scale)}.`)
  const inputs = [...sources]
  if (attnMask) inputs.push(asTensor(op, attnMask))
  if (kvLength !== null) inputs.push(lengthOf(op, kvLength, q.shape[0]!, k.shape[2]!))
  if (dropoutP > 0) inputs.push(...drawPosition(), operand(1 - dropoutP, 'f64'))
  const given = { hasMask: Boolean(attnMask), hasLength: kvLength !== null, hasDropout: dropoutP > 0 }
  const attrs = { scale, isCausal, ...given, timeFirst, isPacked: sources.length === 1 }
  return { output: applyTuple(attentionRow, inputs, attrs)[0]!, weights: () => attentionWeights(inputs, attrs) }
}

function lengthOf(op: string, length: number | TensorLike, batch: number, capacity: number): Tensor {
  if (typeof length === 'number') {
    return expand(operand(checkInteger(op, 'kvLength', length, 0, capacity), 'i64'), [batch])
  }
  const t = asTensor(op, length)
  if (isFloat(t.dtype) || (t.size !== 1 && !sameShape(t.shape, [batch])))
    fail('SHAPE', op, `kvLength is a whole number or [${batch}] of them, got ${t.dtype} ${showShape(t.shape)}.`)
  return expand(reshape(cast(t, 'i64'), t.size === 1 ? [1] : t.shape), [batch])
}

interface Lead {
  /** Leading axes of the result. */
  readonly shown: Shape
  /** All leading axes but heads, broadcast; heads of q, of k and v. */
  readonly batch: Shape
  readonly headsOfQ: number
  readonly headsOfK: number
}

function checkSizes(q: Tensor, k: Tensor, v: Tensor, enableGqa: boolean): Lead {
  const op = 'scaledDotProductAttention'
  const shown = () => `${showShape(q.shape)}, ${showShape(k.shape)} and ${showShape(v.shape)}`
  if (!isFloat(q.dtype)) fail('DTYPE', op, `needs floats, got ${q.dtype}.`)
  if ([q, k, v].some((t) => t.rank < 2)) fail('SHAPE', op, `needs [..., T, width], got ${shown()}.`)
  if (q.shape[q.rank - 1] !== k.shape[k.rank - 1]) fail('SHAPE', op, `q and k must be equally wide, got ${shown()}.`)
  if (k.shape[k.rank - 2] !== v.shape[v.rank - 2]) fail('SHAPE', op, `k and v must be equally long, got ${shown()}.`)
  const leading = [q, k, v].map((t): Shape => t.shape.slice(0, -2))
  const headsOf = (shape: Shape) => shape[shape.length - 1] ?? 1
  const [headsOfQ, headsOfK, headsOfV] = leading.map(headsOf) as [number, number, number]
  const batch = leading.map((shape): Shape => shape.slice(0, -1)).reduce((a, b) => broadcast(op, a, b))
  const groups = broadcast(op, [headsOfK], [headsOfV])[0]!
  const isShared = enableGqa && groups > 0 && headsOfQ % groups === 0
  const heads = isShared ? headsOfQ : broadcast(op, [headsOfQ], [groups])[0]!
  const hasHeads = leading.some((shape) => shape.length > 0)
  return { shown: hasHeads ? [...batch, heads] : [], batch, headsOfQ: heads, headsOfK: groups }
}

/** [B, heads, T, width]. */
function withHeads(t: Tensor, batch: Shape, heads: number): Tensor {
  const [rows, width] = t.shape.slice(-2) as [number, number]
  const padded = reshape(t, [...new Array<number>(batch.length + 3 - t.rank).fill(1), ...t.shape])
  return reshape(expand(padded, [...batch, heads, rows, width]), [sizeOf(batch), heads, rows, width])
}

function maskOf(given: TensorLike, q: Tensor, k: Tensor, { batch, headsOfQ }: Lead): Tensor {
  const op = 'scaledDotProductAttention'
  let mask = asTensor(op, given)
  const full = [...batch, headsOfQ, q.shape[q.rank - 2]!, k.shape[k.rank - 2]!]
  const own = [...new Array<number>(Math.max(0, full.length - mask.rank)).fill(1), ...mask.shape]
  if (own.length > full.length || own.some((size, i) => size !== 1 && size !== full[i]))
    fail('SHAPE', op, `the mask must broadcast to ${showShape(full)}, got ${showShape(mask.shape)}.`)
  if (mask.dtype !== 'bool' && !isFloat(mask.dtype))
    fail('DTYPE', op, `a mask is bool or floats, got ${mask.dtype}. Compare it with something.`)
  if (mask.dtype !== 'bool') mask = cast(mask, isNarrow(q.dtype) ? 'f32' : q.dtype)
  mask = reshape(mask, own)
  const lead = batch.length
  if (lead === 1) return mask
  // Several batch axes as one.
  const wide = own.slice(0, lead).every((size) => size === 1) ? mask : expand(mask, [...batch, ...own.slice(lead)])
  return reshape(wide, [sizeOf(wide.shape.slice(0, lead)), ...own.slice(lead)])
}
