/** @file ONNX's If, Loop and Scan: as tenon's cond and scan where shapes allow it, else step by step. */
import { TenonError } from '../../../errors.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { movedim } from '../../../ops/arrange.ts'
import { cond, scan } from '../../../ops/control.ts'
import { iota, ones, tensor, zeros } from '../../../ops/create.ts'
import { flip, narrow, reshape, stack } from '../../../ops/layout.ts'
import { normalizeAxis } from '../../../shape.ts'
import { typeOfDtype } from '../element-types.ts'
import { known } from '../known.ts'
import { held, numbersIn } from '../node.ts'
import type { Held, Node, OpResult, Ops, Steps } from '../node.ts'
import type { GraphMessage } from '../schema.ts'

/** A loop of more rounds is refused. */
const MOST_ROUNDS = 2 ** 20
/** A loop of more rounds is not unrolled. */
const MOST_UNROLLED = 2 ** 14
/** A loop of fewer rounds is unrolled at once. */
const FEW_ROUNDS = 4

class NeedsNumbers extends Error {}

/** A subgraph inside of a control row: it cannot wait for numbers, and its values are plain tensors. */
function inside(node: Node, graph: GraphMessage, inputs: readonly Tensor[]): readonly Tensor[] {
  const next = node.surroundings.runGraph(graph, inputs.map(held)).next()
  if (!next.done || next.value.some(({ type }) => type.numbers)) throw new NeedsNumbers()
  return next.value.map((one) => one.tensor)
}

/** The result of `attempt`, or null where shapes or numbers do not allow it. */
function tried<T>(attempt: () => T): T | null {
  try {
    return attempt()
  } catch (error) {
    const isExpected = error instanceof NeedsNumbers || (error instanceof TenonError && error.code === 'SHAPE')
    if (isExpected) return null
    throw error
  }
}

function* choose(node: Node): Steps<OpResult> {
  const condition = reshape(node.input(0), [])
  const branches = [node.graph('then_branch'), node.graph('else_branch')] as const
  if (!known(condition)) {
    const [then, otherwise] = branches.map((graph) => () => inside(node, graph, []))
    const both = tried(() => cond(condition, then!, otherwise!))
    if (both) return both
  }
  const holds = Number((yield* numbersIn(condition))[0]) !== 0
  return yield* node.surroundings.runGraph(holds ? branches[0] : branches[1], [])
}

function* loop(node: Node): Steps<OpResult> {
  const body = node.graph('body')
  const states = Array.from({ length: Math.max(0, node.numInputs - 2) }, (_, i) => node.held(i + 2))
  const limit = node.has(0) ? Number((yield* numbersIn(node.input(0)))[0]) : Infinity
  const numYs = body.output.length - 1 - states.length
  if (numYs < 0) return node.refuse(`has a body of ${body.output.length} outputs for ${states.length} states.`)
  const first = node.has(1) ? Number((yield* numbersIn(node.input(1)))[0]) !== 0 : true
  if (first && limit > FEW_ROUNDS && limit <= MOST_ROUNDS) {
    const result = tried(() =>
      loopAsScan(
        node,
        body,
        states.map(({ tensor: t }) => t),
        limit,
      ),
    )
    if (result) return result
  }
  return yield* unrolled(node, body, states, { limit, first, numYs })
}

/** A loop of a known number of rounds that nothing ends earlier. */
function loopAsScan(node: Node, body: GraphMessage, init: readonly Tensor[], rounds: number): readonly Tensor[] {
  const steps = iota([rounds], 'i64')
  const { carry, ys } = scan(
    (state, [step]) => {
      const [goOn, ...results] = inside(node, body, [step!, ones([], { dtype: 'bool' }), ...state])
      const numbers = goOn && known(goOn)
      if (!numbers || Number(numbers[0]) === 0) throw new NeedsNumbers()
      return { carry: results.slice(0, init.length), ys: results.slice(init.length) }
    },
    init,
    [steps],
  )
  return [...carry, ...ys]
}

function* unrolled(
  node: Node,
  body: GraphMessage,
  init: readonly Held[],
  { limit, first, numYs }: { limit: number; first: boolean; numYs: number },
): Steps<OpResult> {
  let states = init
  let goOn = first
  const ys: Held[][] = Array.from({ length: numYs }, () => [])
  for (let i = 0; i < limit && goOn; i++) {
    if (i >= MOST_UNROLLED) return node.refuse(`goes on for more than ${MOST_UNROLLED} rounds.`)
    const given = [held(tensor(BigInt(i))), held(tensor(goOn)), ...states]
    const [condition, ...results] = yield* node.surroundings.runGraph(body, given)
    states = results.slice(0, init.length)
    results.slice(init.length).forEach((y, k) => ys[k]!.push(y))
    if (i + 1 < limit) goOn = Number((yield* numbersIn(condition!.tensor))[0]) !== 0
  }
  return [...states, ...ys.map((list, k) => stacked(list, body, 1 + init.length + k))]
}

/** All rounds' values along a new first axis; of none, what the file says of them. */
function stacked(list: readonly Held[], body: GraphMessage, output: number): Held {
  if (list.length > 0) return { tensor: stack(list.map(({ tensor: t }) => t)), type: list[0]!.type }
  const shape = body.output[output]?.type?.tensorType?.shape?.dim ?? []
  const sizes = shape.map(({ dimValue }) => Math.max(0, Number(dimValue ?? 0) || 0))
  const empty = zeros([0, ...sizes])
  return { tensor: empty, type: typeOfDtype(empty.dtype) }
}

const list = (node: Node, name: string, n: number): number[] => {
  const given = node.ints(name) ?? new Array<number>(n).fill(0)
  return given.length === n ? given : node.refuse(`has ${name} = ${given.join()} for ${n} values.`)
}

function* scanned(node: Node): Steps<OpResult> {
  if (node.version < 9) return yield* scannedInBatches(node)
  const body = node.graph('body')
  const numXs = node.int('num_scan_inputs')
  const numStates = node.numInputs - numXs
  if (numXs < 1 || numStates < 0 || body.output.length < numStates) return node.refuse(`has ${numXs} scan inputs.`)
  const states = Array.from({ length: numStates }, (_, i) => node.held(i))
  const [axes, directions] = [list(node, 'scan_input_axes', numXs), list(node, 'scan_input_directions', numXs)]
  const xs = axes.map((given, i) => {
    const x = node.input(numStates + i)
    const first = movedim(x, normalizeAxis(node.op, given, x.rank), 0)
    return directions[i] === 1 ? flip(first, 0) : first
  })
  const numYs = body.output.length - numStates
  const results = yield* stepped(node, body, states, xs)
  const [outAxes, outWays] = [list(node, 'scan_output_axes', numYs), list(node, 'scan_output_directions', numYs)]
  return results.map((one, i) => {
    const k = i - numStates
    if (k < 0) return one
    const y = outWays[k] === 1 ? flip(one.tensor, 0) : one.tensor
    return { tensor: movedim(y, 0, normalizeAxis(node.op, outAxes[k]!, y.rank)), type: one.type }
  })
}

/** States and stacked outputs of a scan along first axes. */
function* stepped(
  node: Node,
  body: GraphMessage,
  init: readonly Held[],
  xs: readonly Tensor[],
): Steps<readonly Held[]> {
  const n = xs[0]!.shape[0] ?? node.refuse('scans a scalar.')
  if (xs.some((x) => x.shape[0] !== n) || n > MOST_ROUNDS)
    return node.refuse(`scans inputs of ${xs.map((x) => x.shape[0]).join()} steps.`)
  const attempt = tried(() => {
    const states = init.map(({ tensor: t }) => t)
    const { carry, ys } = scan(
      (carried, slices) => {
        const results = inside(node, body, [...carried, ...slices])
        return { carry: results.slice(0, init.length), ys: results.slice(init.length) }
      },
      states,
      xs,
    )
    return [...carry, ...ys].map(held)
  })
  if (attempt) return attempt
  if (n > MOST_UNROLLED) return node.refuse(`goes on for more than ${MOST_UNROLLED} rounds.`)
  let states = init
  const ys: Held[][] = Array.from({ length: body.output.length - init.length }, () => [])
  for (let i = 0; i < n; i++) {
    const slices = xs.map((x) => held(reshape(narrow(x, 0, i, 1), x.shape.slice(1))))
    const results = yield* node.surroundings.runGraph(body, [...states, ...slices])
    states = results.slice(0, init.length)
    results.slice(init.length).forEach((y, k) => ys[k]!.push(y))
  }
  return [...states, ...ys.map((one, k) => stacked(one, body, init.length + k))]
}

/** Version 8: a first input of lengths, and a batch around everything. */
function* scannedInBatches(node: Node): Steps<OpResult> {
  if (node.has(0)) return node.refuse('has sequence lengths, which are not supported.')
  const body = node.graph('body')
  const numXs = node.int('num_scan_inputs')
  const numStates = node.numInputs - 1 - numXs
  if (numXs < 1 || numStates < 0) return node.refuse(`has ${numXs} scan inputs.`)
  const directions = list(node, 'directions', numXs)
  const batch = node.input(1).shape[0] ?? node.refuse('needs a batch.')
  const at = (t: Tensor, b: number) => reshape(narrow(t, 0, b, 1), t.shape.slice(1))
  const all: (readonly Held[])[] = []
  for (let b = 0; b < batch; b++) {
    const states = Array.from({ length: numStates }, (_, i) => held(at(node.input(1 + i), b)))
    const xs = directions.map((way, i) => {
      const x = at(node.input(1 + numStates + i), b)
      return way === 1 ? flip(x, 0) : x
    })
    all.push(yield* stepped(node, body, states, xs))
  }
  return (all[0] ?? []).map((_, i) => stack(all.map((results) => results[i]!.tensor)))
}

export const control: Ops = { If: choose, Loop: loop, Scan: scanned }
