/** @file ONNX's optimiser steps (ai.onnx.preview.training), as arithmetic: new values are outputs. */
import type { Tensor } from '../../../graph/tensor.ts'
import { add, div, gt, mul, pow, sqrt, square, sub, where } from '../../../ops/elementwise.ts'
import { cast, constant } from '../../../ops/table.ts'
import type { Node, OpResult, Ops } from '../node.ts'

/** Inputs come as rate, count, then each kind of tensor for all variables. */
function groups(node: Node, kinds: number): { rate: Tensor; count: Tensor; of: (kind: number) => Tensor[] } {
  const n = (node.numInputs - 2) / kinds
  if (!Number.isInteger(n)) return node.refuse(`has ${node.numInputs} inputs.`)
  return { rate: node.input(0), count: node.input(1), of: (kind) => node.inputs(2).slice(kind * n, (kind + 1) * n) }
}

const times = (t: Tensor, factor: number): Tensor => mul(t, constant(factor, t.dtype))

function adagrad(node: Node): OpResult {
  const { rate, count, of } = groups(node, 3)
  const [xs, gs, hs] = [of(0), of(1), of(2)]
  const decay = node.float('decay_factor', 0)
  const r = div(rate, add(times(cast(count, rate.dtype), decay), constant(1, rate.dtype)))
  const steps = xs.map((x, i) => {
    const g = add(times(x, node.float('norm_coefficient', 0)), gs[i]!)
    const h = add(hs[i]!, square(g))
    return { x: sub(x, div(mul(r, g), add(sqrt(h), constant(node.float('epsilon', 0), h.dtype)))), h }
  })
  return [...steps.map(({ x }) => x), ...steps.map(({ h }) => h)]
}

function adam(node: Node): OpResult {
  const { rate, count, of } = groups(node, 4)
  const [xs, gs, vs, hs] = [of(0), of(1), of(2), of(3)]
  const [alpha, beta] = [node.float('alpha', 0.9), node.float('beta', 0.999)]
  const t = cast(count, rate.dtype)
  const one = constant(1, rate.dtype)
  const corrected = div(
    mul(rate, sqrt(sub(one, pow(constant(beta, rate.dtype), t)))),
    sub(one, pow(constant(alpha, rate.dtype), t)),
  )
  const r = where(gt(t, constant(0, t.dtype)), corrected, rate)
  const steps = xs.map((x, i) => {
    const g = add(times(x, node.float('norm_coefficient', 0)), gs[i]!)
    const v = add(times(vs[i]!, alpha), times(g, 1 - alpha))
    const h = add(times(hs[i]!, beta), times(square(g), 1 - beta))
    const moved = sub(x, div(mul(r, v), add(sqrt(h), constant(node.float('epsilon', 0), h.dtype))))
    return { x: times(moved, 1 - node.float('norm_coefficient_post', 0)), v, h }
  })
  return [...steps.map(({ x }) => x), ...steps.map(({ v }) => v), ...steps.map(({ h }) => h)]
}

function momentum(node: Node): OpResult {
  const { rate, count, of } = groups(node, 3)
  const [xs, gs, vs] = [of(0), of(1), of(2)]
  const [alpha, beta] = [node.float('alpha'), node.float('beta')]
  const isNesterov = node.text('mode') === 'nesterov'
  const share = where(gt(count, constant(0, count.dtype)), constant(beta, rate.dtype), constant(1, rate.dtype))
  const steps = xs.map((x, i) => {
    const g = add(times(x, node.float('norm_coefficient', 0)), gs[i]!)
    const v = add(times(vs[i]!, alpha), mul(g, share))
    const step = isNesterov ? add(g, times(v, alpha)) : v
    return { x: sub(x, mul(rate, step)), v }
  })
  return [...steps.map(({ x }) => x), ...steps.map(({ v }) => v)]
}

export const training: Ops = { Adagrad: adagrad, Adam: adam, Momentum: momentum }
