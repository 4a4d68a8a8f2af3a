/** @file ONNX's normalisations. */
import { isNarrow } from '../../../dtype.ts'
import type { DType } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { abs, add, div, eq, mul, pow, reciprocal, sqrt, square, sub, where } from '../../../ops/elementwise.ts'
import { groupNorm } from '../../../ops/group-norm.ts'
import { expand, narrow, pad, reshape } from '../../../ops/layout.ts'
import { layerNorm } from '../../../ops/layer-norm.ts'
import { batchNorm } from '../../../ops/normalize.ts'
import { mean, sum } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import { normalizeAxis, sameShape } from '../../../shape.ts'
import type { Node, OpResult, Ops } from '../node.ts'

const perChannel = (t: Tensor, rank: number): Tensor => reshape(t, [t.size, ...new Array<number>(rank - 2).fill(1)])

/** With the statistics given, or (training form) with the batch's, and the running ones brought up to date. */
function batchNormalization(node: Node): OpResult {
  const x = node.input(0)
  const [scale, bias, runningMean, runningVar] = [1, 2, 3, 4].map((i) => node.input(i))
  const eps = node.float('epsilon', 1e-5)
  const trains = node.version >= 14 ? node.flag('training_mode') : node.version < 7 && !node.flag('is_test')
  if (x.rank < 2) return node.refuse(`needs [B, C, ...], got [${x.shape.join()}].`)
  if (!trains) {
    const wide = (t: Tensor) => cast(t, x.dtype)
    const options = {
      weight: wide(scale!),
      bias: wide(bias!),
      runningMean: wide(runningMean!),
      runningVar: wide(runningVar!),
    }
    return [batchNorm(x, { ...options, eps })]
  }
  const axes = x.shape.map((_, i) => i).filter((i) => i !== 1)
  const average = mean(x, axes, { keepDims: true })
  const variance = mean(square(sub(x, average)), axes, { keepDims: true })
  const normal = div(sub(x, average), sqrt(add(variance, constant(eps, x.dtype))))
  const y = add(mul(normal, perChannel(cast(scale!, x.dtype), x.rank)), perChannel(cast(bias!, x.dtype), x.rank))
  const momentum = node.float('momentum', 0.9)
  const updated = (running: Tensor, now: Tensor) =>
    add(
      mul(running, constant(momentum, running.dtype)),
      mul(cast(reshape(now, [now.size]), running.dtype), 1 - momentum),
    )
  return [y, updated(runningMean!, average), updated(runningVar!, variance)]
}

function instanceNormalization(node: Node): Tensor {
  const x = node.input(0)
  const eps = node.float('epsilon', 1e-5)
  return groupNorm(x, x.shape[1] ?? 1, { weight: node.input(1), bias: node.input(2), eps })
}

/** Narrow floats are computed in f32 (`stash_type`). */
const stashOf = (node: Node, x: Tensor): DType =>
  node.int('stash_type', 1) === 1 && isNarrow(x.dtype) ? 'f32' : x.dtype

function groupNormalization(node: Node): Tensor {
  const given = node.input(0)
  const x = cast(given, stashOf(node, given))
  const groups = node.int('num_groups')
  const c = x.shape[1] ?? node.refuse('needs [B, C, ...].')
  // Before version 21 scale and bias were of groups.
  const ofChannels = (t: Tensor) => {
    const wide = cast(t, x.dtype)
    if (wide.size === c || groups < 1 || c % groups !== 0) return wide
    return reshape(expand(reshape(wide, [groups, 1]), [groups, c / groups]), [c])
  }
  const options = { weight: ofChannels(node.input(1)), bias: ofChannels(node.input(2)) }
  return cast(groupNorm(x, groups, { ...options, eps: node.float('epsilon', 1e-5) }), given.dtype)
}

/** Over the axes from `axis` on; the mean and the inverse deviation are outputs too. */
function layerNormalization(node: Node): OpResult {
  const given = node.input(0)
  const axis = normalizeAxis(node.op, node.int('axis', -1), given.rank)
  const eps = node.float('epsilon', 1e-5)
  const x = cast(given, stashOf(node, given))
  const shape = x.shape.slice(axis)
  const [weight, bias] = [node.input(1), node.optional(2)]
  const isPlain = sameShape(weight.shape, shape) && (!bias || sameShape(bias.shape, shape))
  const y = isPlain
    ? layerNorm(x, shape, { weight: cast(weight, x.dtype), bias: bias && cast(bias, x.dtype), eps })
    : affine(cast(layerNorm(x, shape, { eps }), given.dtype), weight, bias)
  const result = cast(y, given.dtype)
  if (node.numOutputs < 2) return result
  const axes = x.shape.map((_, i) => i).slice(axis)
  const average = mean(x, axes, { keepDims: true })
  const variance = mean(square(sub(x, average)), axes, { keepDims: true })
  return [result, average, reciprocal(sqrt(add(variance, constant(eps, x.dtype))))]
}

function affine(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const y = mul(x, cast(weight, x.dtype))
  return bias ? add(y, cast(bias, x.dtype)) : y
}

function rmsNormalization(node: Node): Tensor {
  const given = node.input(0)
  const axis = normalizeAxis(node.op, node.int('axis', -1), given.rank)
  const x = cast(given, stashOf(node, given))
  const axes = x.shape.map((_, i) => i).slice(axis)
  const power = mean(square(x), axes, { keepDims: true })
  const y = div(x, sqrt(add(power, constant(node.float('epsilon', 1e-5), x.dtype))))
  return mul(cast(y, given.dtype), cast(node.input(1), given.dtype))
}

function lpNormalization(node: Node): Tensor {
  const x = node.input(0)
  const axis = normalizeAxis(node.op, node.int('axis', -1), x.rank)
  const p = node.int('p', 2)
  const options = { keepDims: true }
  const norm = p === 1 ? sum(abs(x), axis, options) : pow(sum(pow(abs(x), p), axis, options), 1 / p)
  const isZero = eq(norm, constant(0, x.dtype))
  return where(isZero, constant(0, x.dtype), div(x, where(isZero, constant(1, x.dtype), norm)))
}

/** Divided by what neighbouring channels have (Krizhevsky et al. 2012). */
function localResponse(node: Node): Tensor {
  const x = node.input(0)
  const size = node.int('size')
  const c = x.shape[1] ?? node.refuse('needs [B, C, ...].')
  if (size < 1 || size > 2 ** 16) return node.refuse(`has size = ${size}.`)
  const before = Math.floor((size - 1) / 2)
  const border = x.shape.map((_, i): [number, number] => (i === 1 ? [before, size - 1 - before] : [0, 0]))
  const squares = pad(square(x), border)
  const parts = Array.from({ length: size }, (_, i) => narrow(squares, 1, i, c))
  const total = parts.reduce((a, b) => add(a, b))
  const [alpha, beta] = [node.float('alpha', 1e-4), node.float('beta', 0.75)]
  const base = add(mul(total, constant(alpha / size, x.dtype)), constant(node.float('bias', 1), x.dtype))
  return div(x, pow(base, beta))
}

/** (x - mean) / standard deviation. */
function meanVariance(node: Node): Tensor {
  const x = node.input(0)
  const axes = node.ints('axes') ?? [0, 2, 3]
  const options = { keepDims: true }
  const centred = sub(x, mean(x, axes, options))
  return div(centred, add(sqrt(mean(square(centred), axes, options)), constant(1e-9, x.dtype)))
}

export const norm: Ops = {
  BatchNormalization: { run: batchNormalization, frozen: [3, 4] },
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LRN: localResponse,
  LayerNormalization: layerNormalization,
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVariance,
  RMSNormalization: rmsNormalization,
}
