/** @file ONNX's recurrent networks: one layer, one or two directions, activations and peepholes as the node says. */
import type { Tensor } from '../../../graph/tensor.ts'
import { elu, leakyRelu, softsign, threshold } from '../../../ops/activation.ts'
import { matmul } from '../../../ops/contraction.ts'
import { add, clamp, mul, relu, sigmoid, softplus, sub, tanh } from '../../../ops/elementwise.ts'
import { narrow, permute, reshape, split, stack, transpose } from '../../../ops/layout.ts'
import { atSteps, overTime, stepMask, zeroElsewhere } from '../../../ops/recurrent.ts'
import { cast, constant } from '../../../ops/table.ts'
import { zeros } from '../../../ops/create.ts'
import type { Node, OpResult, Ops } from '../node.ts'

type Activation = (x: Tensor) => Tensor

/** By ONNX's names in small letters, with their alpha and beta. */
const ACTIVATIONS: Readonly<Record<string, (alpha?: number, beta?: number) => Activation>> = {
  affine:
    (alpha = 1, beta = 0) =>
    (x) =>
      add(mul(x, constant(alpha, x.dtype)), constant(beta, x.dtype)),
  elu:
    (alpha = 1) =>
    (x) =>
      elu(x, { alpha }),
  hardsigmoid:
    (alpha = 0.2, beta = 0.5) =>
    (x) =>
      clamp(add(mul(x, constant(alpha, x.dtype)), constant(beta, x.dtype)), 0, 1),
  leakyrelu:
    (alpha = 0.01) =>
    (x) =>
      leakyRelu(x, { negativeSlope: alpha }),
  relu: () => relu,
  scaledtanh:
    (alpha = 1, beta = 1) =>
    (x) =>
      mul(tanh(mul(x, constant(beta, x.dtype))), constant(alpha, x.dtype)),
  sigmoid: () => sigmoid,
  softplus: () => softplus,
  softsign: () => softsign,
  tanh: () => tanh,
  thresholdedrelu:
    (alpha = 1) =>
    (x) =>
      threshold(x, alpha, 0),
}
/** Which of them take an alpha, and a beta, from the lists of attributes. */
const TAKES: Readonly<Record<string, number>> = {
  ...{ affine: 2, elu: 1, hardsigmoid: 2, leakyrelu: 1, scaledtanh: 2, thresholdedrelu: 1 },
}

function activationsOf(node: Node, defaults: readonly string[], directions: number): Activation[][] {
  const names = node.texts('activations') ?? Array.from({ length: directions }, () => defaults).flat()
  if (names.length !== defaults.length * directions) return node.refuse(`has the activations ${names.join()}.`)
  const [alphas, betas] = [[...(node.floats('activation_alpha') ?? [])], [...(node.floats('activation_beta') ?? [])]]
  const list = names.map((given) => {
    const name = given.toLowerCase()
    const make = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name]! : node.refuse(`has the activation ${given}.`)
    const takes = TAKES[name] ?? 0
    return make(takes > 0 ? alphas.shift() : undefined, takes > 1 ? betas.shift() : undefined)
  })
  return Array.from({ length: directions }, (_, d) => list.slice(d * defaults.length, (d + 1) * defaults.length))
}

/** One direction's tensors. Letters: T steps, B sequences, I inputs, H units, G gates. */
interface Direction {
  /** x times its weight, with both biases where the cell adds them so: [T, B, G H]. */
  readonly gx: Tensor
  /** [H, G H]. */
  readonly r: Tensor
  /** [G H] each; zeros where there are none. */
  readonly wb: Tensor
  readonly rb: Tensor
  /** Peepholes [3 H]. */
  readonly p: Tensor | null
  readonly h0: Tensor
  readonly c0: Tensor
  readonly activations: readonly Activation[]
}

type Cell = (
  direction: Direction,
  gx: Tensor,
  state: readonly Tensor[],
  hidden: number,
  node: Node,
) => readonly Tensor[]

const clipped = (node: Node, x: Tensor): Tensor => {
  const clip = node.float('clip', 0)
  return clip > 0 ? clamp(x, -clip, clip) : x
}

const rnnCell: Cell = ({ r, rb, activations: [f] }, gx, [h], _, node) => [
  f!(clipped(node, add(add(gx, matmul(h!, r)), rb))),
]

/** Gates z, r, h. `linear_before_reset` multiplies after the product, as cuDNN does. */
const gruCell: Cell = ({ r, rb, activations: [f, g] }, gx, [h], n, node) => {
  const [xz, xr, xh] = split(gx, n, -1)
  const [wz, wr, wh] = split(r, n, -1)
  const [bz, br, bh] = split(rb, n, -1)
  const z = f!(clipped(node, add(add(xz!, matmul(h!, wz!)), bz!)))
  const reset = f!(clipped(node, add(add(xr!, matmul(h!, wr!)), br!)))
  const inner = node.flag('linear_before_reset')
    ? mul(reset, add(matmul(h!, wh!), bh!))
    : add(matmul(mul(reset, h!), wh!), bh!)
  const candidate = g!(clipped(node, add(xh!, inner)))
  return [add(mul(sub(constant(1, z.dtype), z), candidate), mul(z, h!))]
}

/** Gates i, o, f, c; the peepholes look at the cell. */
const lstmCell: Cell = ({ r, rb, p, activations: [f, g, last] }, gx, [h, c], n, node) => {
  const [i, o, forget, cell] = split(add(add(gx, matmul(h!, r)), rb), n, -1)
  const [pi, po, pf] = p ? split(p, n, -1) : []
  const seen = (x: Tensor, peephole: Tensor | undefined, state: Tensor) =>
    clipped(node, peephole ? add(x, mul(peephole, state)) : x)
  const input = f!(seen(i!, pi, c!))
  const keep = node.flag('input_forget') ? sub(constant(1, input.dtype), input) : f!(seen(forget!, pf, c!))
  const next = add(mul(keep, c!), mul(input, g!(clipped(node, cell!))))
  return [mul(f!(seen(o!, po, next)), last!(next)), next]
}

interface Kind {
  readonly cell: Cell
  readonly gates: number
  readonly defaults: readonly string[]
  readonly hasCell: boolean
}

const KINDS: Readonly<Record<string, Kind>> = {
  RNN: { cell: rnnCell, gates: 1, defaults: ['Tanh'], hasCell: false },
  GRU: { cell: gruCell, gates: 3, defaults: ['Sigmoid', 'Tanh'], hasCell: false },
  LSTM: { cell: lstmCell, gates: 4, defaults: ['Sigmoid', 'Tanh', 'Tanh'], hasCell: true },
}

function layer(node: Node): OpResult {
  const { cell, gates, defaults, hasCell } = KINDS[node.op]!
  const batchFirst = node.flag('layout')
  const x = batchFirst ? transpose(node.input(0), 0, 1) : node.input(0)
  const [w, r] = [node.input(1), node.input(2)]
  const way = node.text('direction', 'forward')
  if (!['forward', 'reverse', 'bidirectional'].includes(way)) return node.refuse(`has the direction ${way}.`)
  const directions = way === 'bidirectional' ? 2 : 1
  const hidden = r.shape[2] ?? node.refuse(`has the weight [${r.shape.join()}].`)
  const fits = x.rank === 3 && w.rank === 3 && r.rank === 3 && [w, r].every((t) => t.shape[0] === directions)
  if (!fits || w.shape[1] !== gates * hidden || r.shape[1] !== gates * hidden)
    return node.refuse(`has weights [${w.shape.join()}] and [${r.shape.join()}] for ${directions} directions.`)
  const [steps, batch] = x.shape as [number, number]
  const lengths = node.optional(4)
  const mask = stepMask(steps, lengths && cast(lengths, 'i64'))
  const activations = activationsOf(node, defaults, directions)
  const one = (t: Tensor, d: number) => reshape(narrow(t, 0, d, 1), t.shape.slice(1))
  const state = (i: number, d: number) => {
    const given = node.optional(i)
    if (!given) return zeros([batch, hidden], { dtype: x.dtype })
    return one(batchFirst ? transpose(given, 0, 1) : given, d)
  }
  const results = Array.from({ length: directions }, (_, d) => {
    const b = node.optional(3)
    const biases = b ? one(b, d) : zeros([2 * gates * hidden], { dtype: x.dtype })
    const [wb, rb] = split(biases, gates * hidden, 0) as [Tensor, Tensor]
    const direction: Direction = {
      gx: add(matmul(x, transpose(one(w, d), 0, 1)), wb),
      r: transpose(one(r, d), 0, 1),
      wb,
      rb,
      p: hasCell && node.has(7) ? one(node.input(7), d) : null,
      h0: state(5, d),
      c0: hasCell ? state(6, d) : constant(0, x.dtype),
      activations: activations[d]!,
    }
    return direct(node, cell, direction, hidden, mask, hasCell, way === 'reverse' || d === 1)
  })
  const ys = stack(
    results.map(({ y }) => y),
    1,
  )
  const lasts = (pick: (result: (typeof results)[number]) => Tensor) => {
    const last = stack(results.map(pick), 0)
    return batchFirst ? transpose(last, 0, 1) : last
  }
  const y = batchFirst ? permute(ys, [2, 0, 1, 3]) : ys
  return hasCell ? [y, lasts(({ h }) => h), lasts(({ c }) => c!)] : [y, lasts(({ h }) => h)]
}

/** One direction through time: what comes out at each step, 0 behind a sequence's end, and its last states. */
function direct(
  node: Node,
  cell: Cell,
  direction: Direction,
  hidden: number,
  mask: Tensor | null,
  hasCell: boolean,
  backwards: boolean,
): { y: Tensor; h: Tensor; c: Tensor | undefined } {
  const { h0, c0, gx } = direction
  const { carry, ys } = overTime(
    (state, [now], at) => {
      const next = cell(direction, now!, state, hidden, node).map((s, i) => atSteps(at, s, state[i]!))
      return { carry: next, ys: [zeroElsewhere(at, next[0]!)] }
    },
    hasCell ? [h0, c0] : [h0],
    [gx],
    mask,
    backwards,
  )
  return { y: ys[0]!, h: carry[0]!, c: carry[1] }
}

export const recurrent: Ops = { GRU: layer, LSTM: layer, RNN: layer }
