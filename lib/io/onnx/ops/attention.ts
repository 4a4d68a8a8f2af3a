/** @file ONNX's attentions: softmax and linear ones, and rotary positions. */
import { isNarrow } from '../../../dtype.ts'
import type { DType } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { scaledDotProductAttention } from '../../../ops/attention.ts'
import { matmul } from '../../../ops/contraction.ts'
import { scan } from '../../../ops/control.ts'
import { iota, zeros } from '../../../ops/create.ts'
import { add, div, exp, ge, lt, mul, sub, tanh, where } from '../../../ops/elementwise.ts'
import { take } from '../../../ops/indexing.ts'
import {
  concat,
  expand,
  narrow,
  pad,
  permute,
  reshape,
  split,
  stack,
  transpose,
  unsqueeze,
} from '../../../ops/layout.ts'
import { softmax } from '../../../ops/normalize.ts'
import { cast, constant } from '../../../ops/table.ts'
import { elementType } from '../element-types.ts'
import { held } from '../node.ts'
import type { Node, OpResult, Ops, Steps } from '../node.ts'

/** [B, T, heads width] -> [B, heads, T, width]. */
function headsOf(node: Node, x: Tensor, heads: number): Tensor {
  const [b, t, width] = x.shape as [number, number, number]
  if (heads < 1 || width % heads !== 0) return node.refuse(`has ${heads} heads of [${x.shape.join()}].`)
  return permute(reshape(x, [b, t, heads, width / heads]), [0, 2, 1, 3])
}

/** Each head of [B, H, ...] as often as query heads share it. */
function shared(node: Node, x: Tensor, heads: number): Tensor {
  const [b, h, ...rest] = x.shape as [number, number, ...number[]]
  if (h === heads) return x
  if (h === 0 || heads % h !== 0) return node.refuse(`has ${heads} heads of queries and ${h} of keys.`)
  const n = heads / h
  return reshape(expand(unsqueeze(x, 2), [b, h, n, ...rest]), [b, heads, ...rest])
}

interface Heads {
  readonly q: Tensor
  readonly k: Tensor
  readonly v: Tensor
}

function queriesKeysValues(node: Node): Heads {
  const [q, k, v] = [node.input(0), node.input(1), node.input(2)]
  if (![q, k, v].every(({ rank }) => rank === q.rank) || (q.rank !== 3 && q.rank !== 4))
    return node.refuse(`takes [B, T, width] or [B, heads, T, width], got [${q.shape.join()}].`)
  if (q.rank === 4) return { q, k, v }
  const [heads, shares] = [node.int('q_num_heads'), node.int('kv_num_heads')]
  return { q: headsOf(node, q, heads), k: headsOf(node, k, shares), v: headsOf(node, v, shares) }
}

/** What is added to the scores: 0 where a key takes part, or -Infinity; null: all do. */
function biasOf(node: Node, { shape, dtype }: Tensor, keys: number, past: number): Tensor | null {
  const none = constant(-Infinity, dtype)
  const zero = constant(0, dtype)
  const parts: Tensor[] = []
  const mask = node.optional(3)
  if (mask) {
    const bias = mask.dtype === 'bool' ? where(mask, zero, none) : cast(mask, dtype)
    // Keys that the mask does not reach take no part.
    const missing = keys - bias.shape[bias.rank - 1]!
    parts.push(missing > 0 ? pad(bias, [[0, missing]], { value: -Infinity }) : bias)
  }
  const positions = iota([keys], 'i64')
  if (node.flag('is_causal')) {
    const queries = reshape(iota([shape[2]!], 'i64'), [shape[2]!, 1])
    parts.push(where(ge(add(queries, constant(past, 'i64')), positions), zero, none))
  }
  const lengths = node.optional(6)
  if (lengths) parts.push(where(lt(positions, reshape(cast(lengths, 'i64'), [lengths.size, 1, 1, 1])), zero, none))
  return parts.length > 0 ? parts.reduce((a, b) => add(a, b)) : null
}

function scaleOf(node: Node, width: number): number {
  const scale = node.float('scale', 0)
  return scale !== 0 ? scale : 1 / Math.sqrt(width)
}

function attentionOf(node: Node): OpResult {
  const { q, k: newKeys, v: newValues } = queriesKeysValues(node)
  const [pastKeys, pastValues] = [node.optional(4), node.optional(5)]
  const k = pastKeys ? concat([pastKeys, newKeys], 2) : newKeys
  const v = pastValues ? concat([pastValues, newValues], 2) : newValues
  const bias = biasOf(node, q, k.shape[2]!, pastKeys ? pastKeys.shape[2]! : 0)
  const { y, scores } = attended(node, { q, k, v }, bias)
  const [b, h, t, width] = y.shape as [number, number, number, number]
  const result = node.input(0).rank === 3 ? reshape(permute(y, [0, 2, 1, 3]), [b, t, h * width]) : y
  return [result, k, v, scores]
}

/** The result and, where it is asked for, what the node's output mode says of the scores. */
function attended(
  node: Node,
  { q, k: keys, v: values }: Heads,
  bias: Tensor | null,
): { y: Tensor; scores: Tensor | null } {
  const heads = q.shape[1]!
  const [k, v] = [shared(node, keys, heads), shared(node, values, heads)]
  const scale = scaleOf(node, q.shape[3]!)
  const softcap = node.float('softcap', 0)
  if (softcap === 0 && !node.hasOutput(3) && !isNarrow(q.dtype))
    return { y: scaledDotProductAttention(q, k, v, { attnMask: bias, scale }), scores: null }
  // The root on both sides keeps narrow floats in range.
  const root = constant(Math.sqrt(scale), q.dtype)
  const raw = matmul(mul(q, root), transpose(mul(k, root)))
  const cap = constant(softcap, q.dtype)
  const capped = softcap > 0 ? mul(tanh(div(raw, cap)), cap) : raw
  const biased = bias ? add(capped, bias) : capped
  const weights = cast(softmax(cast(biased, precisionOf(node, q.dtype))), q.dtype)
  const scores = [raw, capped, biased, weights][node.int('qk_matmul_output_mode', 0)]
  if (!scores) return node.refuse('has an unknown qk_matmul_output_mode.')
  return { y: matmul(weights, v), scores }
}

const precisionOf = (node: Node, dtype: DType): DType => {
  const code = node.int('softmax_precision', 0)
  return code === 0 ? dtype : elementType(code, node.label).dtype
}

/** Softmax attention whose scores and weights go through graphs of the node's. */
function* flexAttention(node: Node): Steps<OpResult> {
  const [q, keys, values] = [node.input(0), node.input(1), node.input(2)]
  if ([q, keys, values].some(({ rank }) => rank !== 4)) return node.refuse('takes [B, heads, T, width].')
  const [k, v] = [shared(node, keys, q.shape[1]!), shared(node, values, q.shape[1]!)]
  const root = constant(Math.sqrt(scaleOf(node, q.shape[3]!)), q.dtype)
  const raw = cast(
    matmul(mul(q, root), transpose(mul(k, root))),
    precisionOf(node, isNarrow(q.dtype) ? 'f32' : q.dtype),
  )
  const modified = function* (name: string, t: Tensor): Steps<Tensor> {
    if (!node.hasAttribute(name)) return t
    const [result] = yield* node.surroundings.runGraph(node.graph(name), [held(t)])
    return result ? result.tensor : node.refuse(`has a graph ${name} without outputs.`)
  }
  const scores = yield* modified('score_mod', raw)
  const weights = yield* modified('prob_mod', softmax(scores))
  return matmul(cast(weights, q.dtype), v)
}

/** Pairs of the first numbers of each head turned by angles of their position (Su et al. 2021). */
function rotaryEmbedding(node: Node): Tensor {
  const given = node.input(0)
  const x = given.rank === 3 ? headsOf(node, given, node.int('num_heads')) : given
  if (x.rank !== 4) return node.refuse(`takes [B, T, width] or [B, heads, T, width], got [${given.shape.join()}].`)
  const [b, h, t, width] = x.shape as [number, number, number, number]
  const turned = node.int('rotary_embedding_dim', 0) || width
  if (turned < 2 || turned % 2 !== 0 || turned > width) return node.refuse(`turns ${turned} of ${width} numbers.`)
  const half = turned / 2
  const positions = node.optional(3)
  // [B, 1, T, half]
  const angles = (i: number) => {
    const cache = node.input(i)
    const rows = positions ? take(cache, cast(positions, 'i64'), 0) : cache
    return unsqueeze(narrow(rows, -1, 0, half), 1)
  }
  const [cos, sin] = [angles(1), angles(2)]
  const [rotating, rest] = split(x, [turned, width - turned], -1) as [Tensor, Tensor]
  const isInterleaved = node.flag('interleaved')
  const pairs = isInterleaved ? reshape(rotating, [b, h, t, half, 2]) : reshape(rotating, [b, h, t, 2, half])
  const part = (i: number) => reshape(narrow(pairs, isInterleaved ? 4 : 3, i, 1), [b, h, t, half])
  const [first, second] = [part(0), part(1)]
  const real = sub(mul(cos, first), mul(sin, second))
  const imaginary = add(mul(sin, first), mul(cos, second))
  const rotated = reshape(stack([real, imaginary], isInterleaved ? 4 : 3), [b, h, t, turned])
  const y = turned === width ? rotated : concat([rotated, rest], -1)
  return given.rank === 3 ? reshape(permute(y, [0, 2, 1, 3]), given.shape) : y
}

const RULES = ['linear', 'gated', 'delta', 'gated_delta']

/**
 * Attention as a recurrence: a state [B, H, K, V] that decays, takes in key times value (with `delta` what it does not say of the key
 * already), and is read by the query (Yang et al. 2024).
 */
function linearAttention(node: Node): OpResult {
  const [query, key, value] = [node.input(0), node.input(1), node.input(2)]
  const rule = node.text('update_rule', 'gated_delta')
  const [heads, shares] = [node.int('q_num_heads'), node.int('kv_num_heads')]
  if (!RULES.includes(rule)) return node.refuse(`has update_rule = ${rule}.`)
  if ([query, key, value].some(({ rank }) => rank !== 3)) return node.refuse('takes [B, T, heads width].')
  const dtype = isNarrow(query.dtype) ? 'f32' : query.dtype
  // [T, B, H, width]
  const steps = (x: Tensor, n: number) => permute(headsOf(node, cast(x, dtype), n), [2, 0, 1, 3])
  const [qs, ks, vs] = [steps(query, heads), steps(key, shares), steps(value, shares)]
  const isGated = rule.startsWith('gated')
  const isDelta = rule.endsWith('delta')
  const decays = isGated ? [steps(node.input(4), shares)] : []
  const betas = isDelta ? [steps(node.input(5), node.input(5).shape[2]!)] : []
  const [, b, , width] = ks.shape as [number, number, number, number]
  const past = node.optional(3)
  const start = past ? cast(past, dtype) : zeros([b, shares, width, vs.shape[3]!], { dtype })
  const scale = constant(scaleOf(node, width), dtype)
  const { carry, ys } = scan(
    ([before], slices) => {
      const [q, k, v, ...gates] = slices as [Tensor, Tensor, Tensor, ...Tensor[]]
      const decayed = isGated ? mul(before!, unsqueeze(exp(gates[0]!), -1)) : before!
      const column = unsqueeze(k, -1)
      const told = () => reshape(matmul(transpose(decayed), column), v.shape)
      const written = isDelta ? mul(gates[gates.length - 1]!, sub(v, told())) : v
      const state = add(decayed, matmul(column, unsqueeze(written, -2)))
      const read = matmul(unsqueeze(q, -2), shared(node, state, heads))
      return { carry: [state], ys: [mul(reshape(read, [b, heads, v.shape[2]!]), scale)] }
    },
    [start],
    [qs, ks, vs, ...decays, ...betas],
  )
  const y = permute(ys[0]!, [1, 0, 2, 3])
  const result = reshape(y, [b, y.shape[1]!, heads * y.shape[3]!])
  return [cast(result, query.dtype), cast(carry[0]!, (past ?? query).dtype)]
}

export const attention: Ops = {
  Attention: attentionOf,
  LinearAttention: linearAttention,
  RotaryEmbedding: rotaryEmbedding,
}

/** Of the domain ai.onnx.preview. */
export const preview: Ops = { FlexAttention: flexAttention }
