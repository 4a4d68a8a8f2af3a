/** @file Multi-head attention. The arithmetic is in lib/ops/attention.ts; this is the projections and PyTorch's ways to mask. */
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { attentionWithWeights, packedAttention } from '../ops/attention.ts'
import type { CheckedOptions } from '../ops/attention.ts'
import { linear } from '../ops/contraction.ts'
import { arange, zeros } from '../ops/create.ts'
import { add, gt, logicalNot, logicalOr, where } from '../ops/elementwise.ts'
import { concat, expand, narrow, pad, permute, reshape } from '../ops/layout.ts'
import { mean } from '../ops/reduction.ts'
import { cast, constant } from '../ops/table.ts'
import { sameShape, showShape } from '../shape.ts'
import { xavierNormal, xavierUniform } from './init.ts'
import type { KeyValueCache } from './key-value-cache.ts'
import { Linear } from './linear.ts'
import { Module } from './module.ts'

export interface MultiheadAttentionOptions {
  /** Probability with which a weight is dropped while training. Default: 0. */
  dropout?: number
  /** Whether the projections have a bias. Default: true. */
  bias?: boolean
  /** Add a learnt key and value to every sequence. Default: false. */
  addBiasKv?: boolean
  /** Add a key and value of zeros. Default: false. */
  addZeroAttn?: boolean
  /** Widths of keys and values. Default: embedDim. */
  kdim?: number | null
  vdim?: number | null
  /** Sequences are [B, T, C]. Default: false, [T, B, C], as in PyTorch. */
  batchFirst?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

export interface MultiheadAttentionForward {
  /** [B, Tk]: bool, true: the key is ignored; or floats that are added to the scores. */
  keyPaddingMask?: Tensor | null
  /** [Tq, Tk] or [B * heads, Tq, Tk]: bool, true: the key is ignored (not as scaledDotProductAttention has it); or floats that are added. */
  attnMask?: Tensor | null
  /** Query i sees keys 0 to i only, besides what the masks say. Default: false; with a cache always so. */
  isCausal?: boolean
  /** Whether the weights are wanted, too. Default: true: they cost nothing unless they are evaluated. */
  needWeights?: boolean
  /** The mean of the heads' weights, or those of each head. Default: true. */
  averageAttnWeights?: boolean
  /** Of a sequence with itself: what was computed before, to which the new positions are added. */
  cache?: KeyValueCache | null
}

/**
 * Attention by several heads side by side (Vaswani et al. 2017): query [Tq, B, C], key [Tk, B, kdim], value [Tk, B, vdim] ->
 * [[Tq, B, C], weights [B, Tq, Tk]]; without B for one sequence. Memory is linear in Tq and Tk as long as the weights are not evaluated.
 */
export class MultiheadAttention extends Module {
  static override readonly stateNames = {
    inProjWeight: 'in_proj_weight',
    inProjBias: 'in_proj_bias',
    qProjWeight: 'q_proj_weight',
    kProjWeight: 'k_proj_weight',
    vProjWeight: 'v_proj_weight',
    biasK: 'bias_k',
    biasV: 'bias_v',
    outProj: 'out_proj',
  }
  readonly embedDim: number
  readonly numHeads: number
  readonly dropout: number
  readonly batchFirst: boolean
  readonly addZeroAttn: boolean
  /** [3 C, C], where keys and values are as wide as queries; else the next three. */
  inProjWeight: Variable | null
  qProjWeight: Variable | null
  kProjWeight: Variable | null
  vProjWeight: Variable | null
  inProjBias: Variable | null
  /** [1, 1, C]. */
  biasK: Variable | null
  biasV: Variable | null
  outProj: Linear

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super()
    const names = ['dropout', 'bias', 'addBiasKv', 'addZeroAttn', 'kdim', 'vdim', 'batchFirst', 'dtype']
    checkOptions('MultiheadAttention', options, names)
    const { dropout = 0, bias = true, addBiasKv = false, batchFirst = false, dtype = 'f32' } = options
    const c = checkInteger('MultiheadAttention', 'embedDim', embedDim, 1)
    checkInteger('MultiheadAttention', 'numHeads', numHeads, 1)
    if (c % numHeads !== 0)
      fail('VALUE', 'MultiheadAttention', `embedDim must be a multiple of numHeads, got ${c} and ${numHeads}.`)
    if (!(dropout >= 0 && dropout <= 1))
      fail('VALUE', 'MultiheadAttention', `a probability lies in [0, 1], got ${dropout}.`)
    this.embedDim = c
    this.numHeads = numHeads
    this.dropout = dropout
    this.batchFirst = batchFirst
    this.addZeroAttn = options.addZeroAttn ?? false
    const [kdim, vdim] = [options.kdim ?? c, options.vdim ?? c]
    const isOne = kdim === c && vdim === c
    const drawn = (rows: number, width: number) => new Variable(xavierUniform([rows, width], { dtype }))
    this.inProjWeight = isOne ? drawn(3 * c, c) : null
    this.qProjWeight = isOne ? null : drawn(c, c)
    this.kProjWeight = isOne ? null : drawn(c, kdim)
    this.vProjWeight = isOne ? null : drawn(c, vdim)
    this.inProjBias = bias ? new Variable(zeros([3 * c], { dtype })) : null
    const spare = () => new Variable(xavierNormal([1, 1, c], { dtype }))
    this.biasK = addBiasKv ? spare() : null
    this.biasV = addBiasKv ? spare() : null
    this.outProj = new Linear(c, c, { bias, dtype })
    if (bias) this.outProj.bias = new Variable(zeros([c], { dtype }))
  }

  override forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    options: MultiheadAttentionForward = {},
  ): [output: Tensor, weights: Tensor | null] {
    const names = ['keyPaddingMask', 'attnMask', 'isCausal', 'needWeights', 'averageAttnWeights', 'cache']
    checkOptions('MultiheadAttention', options, names)
    const isSingle = query.rank === 2
    this.#checkInputs(query, key, value, options)
    // As [B, T, C], whatever the layout.
    const batched = (x: Tensor) =>
      isSingle ? reshape(x, [1, ...x.shape]) : this.batchFirst ? x : permute(x, [1, 0, 2])
    const isSelf = key === query && value === key
    const [q, k, v] = isSelf
      ? ((x: Tensor) => [x, x, x] as const)(batched(query))
      : ([batched(query), batched(key), batched(value)] as const)
    const { output, weights } = this.#attend(q, k, v, options)
    const shown = isSingle
      ? reshape(output, output.shape.slice(1))
      : this.batchFirst
        ? output
        : permute(output, [1, 0, 2])
    return [shown, isSingle && weights ? reshape(weights, weights.shape.slice(1)) : weights]
  }

  #attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: MultiheadAttentionForward,
  ): { output: Tensor; weights: Tensor | null } {
    const { needWeights = true, averageAttnWeights = true, cache = null } = options
    const [b, tq, c] = q.shape as [number, number, number]
    const dropoutP = this.training ? this.dropout : 0
    const given = maskOf(options, [b, this.numHeads, tq, k.shape[1]!], this.#numAdded, q.dtype)
    const isSelf = q === k && k === v && this.inProjWeight !== null
    if (isSelf && !needWeights && !cache && this.#numAdded === 0) {
      const qkv = linear(q, this.inProjWeight!, this.inProjBias)
      const y = packedAttention(reshape(qkv, [b, tq, 3, this.numHeads, c / this.numHeads]), { ...given, dropoutP })
      return { output: this.outProj.forward(reshape(y, [b, tq, c])), weights: null }
    }
    let [queries, keys, values] = this.#project(q, k, v).map((x) => this.#heads(x)) as [Tensor, Tensor, Tensor]
    const how: CheckedOptions = { ...given, dropoutP, timeFirst: true }
    if (cache) {
      const content = cache.append(keys, values)
      ;[keys, values] = [content.keys, content.values]
      how.kvLength = content.length
      how.isCausal = true
    }
    const attended = attentionWithWeights(queries, keys, values, how)
    const output = this.outProj.forward(reshape(attended.output, [b, tq, c]))
    if (!needWeights) return { output, weights: null }
    const weights = attended.weights()
    return { output, weights: averageAttnWeights ? mean(weights, 1) : weights }
  }

  /** Keys that are added to every sequence. */
  get #numAdded(): number {
    return Number(this.biasK !== null) + Number(this.addZeroAttn)
  }

  /** q, k and v [B, T, C] after their projections, with the keys and values that are added to every sequence. */
  #project(q: Tensor, k: Tensor, v: Tensor): Tensor[] {
    const c = this.embedDim
    const bias = (i: number) => this.inProjBias && narrow(this.inProjBias, 0, i * c, c)
    const own = [this.qProjWeight, this.kProjWeight, this.vProjWeight]
    const weight = (i: number) => (this.inProjWeight ? narrow(this.inProjWeight, 0, i * c, c) : own[i]!)
    const whole = this.inProjWeight && q === k && k === v ? linear(q, this.inProjWeight, this.inProjBias) : null
    const [queries, ...rest] = [q, k, v].map((x, i) =>
      whole ? narrow(whole, 2, i * c, c) : linear(x, weight(i), bias(i)),
    )
    const [batch] = q.shape as [number]
    const spare = [this.biasK, this.biasV].map((variable) => variable && expand(variable.read(), [batch, 1, c]))
    const more = rest.map((x, i) => {
      const y = spare[i] ? concat([x, spare[i]], 1) : x
      return this.addZeroAttn
        ? pad(y, [
            [0, 1],
            [0, 0],
          ])
        : y
    })
    return [queries!, ...more]
  }

  /** [B, T, C] -> [B, H, T, C / H], without moving anything. */
  #heads(x: Tensor): Tensor {
    const [b, t, c] = x.shape as [number, number, number]
    return permute(reshape(x, [b, t, this.numHeads, c / this.numHeads]), [0, 2, 1, 3])
  }

  #checkInputs(query: Tensor, key: Tensor, value: Tensor, { cache }: MultiheadAttentionForward): void {
    const op = 'MultiheadAttention'
    const shown = () => `${showShape(query.shape)}, ${showShape(key.shape)} and ${showShape(value.shape)}`
    const { rank } = query
    const widths = [this.embedDim, ...[this.kProjWeight, this.vProjWeight].map((w) => w?.shape[1] ?? this.embedDim)]
    const fits = [query, key, value].every((t, i) => t.rank === rank && t.shape[rank - 1] === widths[i])
    check((rank === 2 || rank === 3) && fits, 'SHAPE', op, () => {
      const of = rank === 2 ? '[T, width]' : this.batchFirst ? '[B, T, width]' : '[T, B, width]'
      return `query, key and value must be ${of}, ${widths.join(', ')} wide, got ${shown()}.`
    })
    const time = rank === 3 && this.batchFirst ? 1 : 0
    check(
      key.shape[time] === value.shape[time],
      'SHAPE',
      op,
      () => `keys and values must be equally many, got ${shown()}.`,
    )
    const batches = [query, key, value].map((t) => t.shape[1 - time])
    check(rank === 2 || batches.every((n) => n === batches[0]), 'SHAPE', op, () => `batches differ, got ${shown()}.`)
    check(!cache || this.#numAdded === 0, 'VALUE', op, () => 'addBiasKv and addZeroAttn do not go with a cache.')
  }
}

/** PyTorch's masks as attention() takes them: broadcast to [B, H, Tq, Tk + added], true where a key takes part. */
function maskOf(
  { attnMask, keyPaddingMask, isCausal = false, cache }: MultiheadAttentionForward,
  [b, h, tq, tk]: readonly [number, number, number, number],
  numAdded: number,
  dtype: DType,
): { attnMask: Tensor | null; isCausal: boolean } {
  const op = 'MultiheadAttention'
  const total = cache ? cache.capacity : tk
  const masks: Tensor[] = []
  if (attnMask) {
    const full = attnMask.rank === 3 ? [b * h, tq, total] : [tq, total]
    check(
      sameShape(attnMask.shape, full),
      'SHAPE',
      op,
      () => `attnMask must be [${tq}, ${total}] or [${b * h}, ${tq}, ${total}], got ${showShape(attnMask.shape)}.`,
    )
    masks.push(reshape(attnMask, attnMask.rank === 3 ? [b, h, tq, total] : [1, 1, tq, total]))
  }
  if (keyPaddingMask) {
    const wanted = keyPaddingMask.rank === 1 && b === 1 ? [total] : [b, total]
    check(
      sameShape(keyPaddingMask.shape, wanted),
      'SHAPE',
      op,
      () => `keyPaddingMask must be ${showShape(wanted)}, got ${showShape(keyPaddingMask.shape)}.`,
    )
    masks.push(reshape(keyPaddingMask, [b, 1, 1, total]))
  }
  for (const { dtype: own } of masks)
    check(own === 'bool' || isFloat(own), 'DTYPE', op, () => `a mask is bool or floats, got ${own}.`)
  // The keys that are added are seen by every query, so the mask has to say what is causal.
  const spellsOut = isCausal && numAdded > 0
  if (spellsOut) masks.push(reshape(gt(arange(tk), reshape(arange(tq), [tq, 1])), [1, 1, tq, tk]))
  return { attnMask: merged(masks, numAdded, dtype), isCausal: isCausal && !spellsOut }
}

function merged(masks: readonly Tensor[], numAdded: number, dtype: DType): Tensor | null {
  if (masks.length === 0) return null
  const wide = masks.map((mask) => (numAdded > 0 ? pad(mask, [[0, numAdded]]) : mask))
  if (wide.every((mask) => mask.dtype === 'bool')) return logicalNot(wide.reduce(logicalOr))
  const asAdded = (mask: Tensor) =>
    mask.dtype === 'bool' ? where(mask, constant(-Infinity, dtype), constant(0, dtype)) : cast(mask, dtype)
  return wide.map(asAdded).reduce((x, y) => add(x, y))
}
