/** @file The one reverse walk, and what is made of it: backward, grad, valueAndGrad, checkpoint, customGrad. */
import { check, fail } from '../errors.ts'
import { sameShape, showShape } from '../shape.ts'
import type { Row } from './row.ts'
import { inNewRegion, state, withAutocast } from './state.ts'
import { hasExpired, partRow, Tensor } from './tensor.ts'
import { variableRow } from './variable.ts'
import type { Variable } from './variable.ts'

/** The few ops that the walk itself needs; lib/ops fills them in. */
export const walkOps = {
  add: null as unknown as (a: Tensor, b: Tensor) => Tensor,
  onesLike: null as unknown as (a: Tensor) => Tensor,
  zerosLike: null as unknown as (a: Tensor) => Tensor,
  randomPosition: null as unknown as () => number,
  setRandomPosition: null as unknown as (position: number) => void,
}

/**
 * Vector-Jacobian products: gradients of sum_i <ys[i], dys[i]> by each of `wrt`; null where there is no dependence. The walk ends at
 * `wrt`: where one of them depends on another, each gradient is the partial one. Gradients have the dtypes of what they are by, so
 * autocast() has no part in them.
 */
export function vjp(ys: readonly Tensor[], dys: readonly Tensor[], wrt: readonly Tensor[]): (Tensor | null)[] {
  return state.autocast === null ? walkBack(ys, dys, wrt) : withAutocast(null, () => walkBack(ys, dys, wrt))
}

function walkBack(ys: readonly Tensor[], dys: readonly Tensor[], wrt: readonly Tensor[]): (Tensor | null)[] {
  const wanted = new Set(wrt)
  const order = pathsTo(ys, wanted)
  const onPath = new Set(order)
  const cotangents = new Map<Tensor, (Tensor | null)[]>()
  const give = (t: Tensor, i: number, d: Tensor) => {
    let slots = cotangents.get(t)
    if (!slots) cotangents.set(t, (slots = new Array<Tensor | null>(t.parts?.length ?? 1).fill(null)))
    slots[i] = slots[i] ? walkOps.add(slots[i]!, d) : d
  }
  ys.forEach((y, i) => onPath.has(y) && give(y, 0, dys[i]!))
  for (let k = order.length - 1; k >= 0; k--) {
    const node = order[k]!
    const slots = cotangents.get(node)
    if (!slots || node.inputs.length === 0 || wanted.has(node)) continue
    if (node.row === partRow) {
      give(node.inputs[0]!, (node.attrs as { index: number }).index, slots[0]!)
    } else {
      differentiate(node, slots, onPath).forEach(
        (d, i) => d && onPath.has(node.inputs[i]!) && give(node.inputs[i]!, 0, d),
      )
    }
    cotangents.delete(node)
  }
  return wrt.map((t) => cotangents.get(t)?.[0] ?? null)
}

function differentiate(node: Tensor, cotangents: (Tensor | null)[], onPath: Set<Tensor>) {
  const { row, inputs, attrs } = node
  const rule = row.vjp
  if (typeof rule !== 'function')
    return fail('GRADIENT', row.name, `has no gradient: ${rule.none}. Use detach() where none is meant.`)
  const outputs = node.parts ?? [node]
  const needs = (i: number) => onPath.has(inputs[i]!)
  const grads = rule({ inputs, outputs, attrs, cotangents, dy: cotangents[0]!, needs })
  grads.forEach((d, i) => {
    if (!d || (sameShape(d.shape, inputs[i]!.shape) && d.dtype === inputs[i]!.dtype)) return
    fail(
      'GRADIENT',
      row.name,
      `internal: gradient ${i} is ${d.dtype} ${showShape(d.shape)}, its input ${inputs[i]!.dtype} ${showShape(inputs[i]!.shape)}.`,
    )
  })
  return grads
}

/** Nodes between `wanted` and `ys`, inputs before users. Iterative: graphs are deep. */
function pathsTo(ys: readonly Tensor[], wanted: ReadonlySet<Tensor>): Tensor[] {
  const order: Tensor[] = []
  const reaches = new Map<Tensor, boolean>()
  const stack: Tensor[] = []
  for (const y of ys) {
    stack.push(y)
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!
      if (reaches.has(node)) {
        stack.pop()
        continue
      }
      const isWanted = wanted.has(node)
      if (!node.requiresGrad || isWanted) {
        reaches.set(node, isWanted)
        if (isWanted) order.push(node)
        stack.pop()
        continue
      }
      if (hasExpired(node)) expired(node)
      const before = stack.length
      for (const input of node.inputs) if (!reaches.has(input) && input.requiresGrad) stack.push(input)
      if (stack.length > before) continue
      const reach = node.inputs.some((input) => reaches.get(input) === true)
      reaches.set(node, reach)
      if (reach) order.push(node)
      stack.pop()
    }
  }
  return order
}

function expired(node: Tensor): never {
  return fail(
    'STALE',
    'backward',
    `a tensor ${showShape(node.shape)} was evaluated, and then a variable was written, so it cannot be differentiated any more. ` +
      'Call backward() before the step, or detach() the tensor.',
  )
}

/** @internal Leaves of trainable variables that `y` depends on. */
export function trainableLeaves(y: Tensor): Tensor[] {
  const leaves: Tensor[] = []
  const seen = new Set<Tensor>([y])
  const stack = [y]
  while (stack.length > 0) {
    const node = stack.pop()!
    if (!node.requiresGrad) continue
    if (hasExpired(node)) expired(node)
    if (node.row === variableRow) leaves.push(node)
    for (const input of node.inputs) {
      if (!seen.has(input)) {
        seen.add(input)
        stack.push(input)
      }
    }
  }
  // In the order they were made, so that the graph does not depend on the walk.
  return leaves.sort((a, b) => a.id - b.id)
}

/**
 * Adds the gradient of `loss` (a scalar) by every trainable variable to `variable.grad`. Builds graph only: the numbers come
 * with `optimizer.step()`. Throws SHAPE if the loss is not a scalar, GRADIENT if nothing trainable is reached.
 */
export function backward(loss: Tensor, cotangent?: Tensor): void {
  if (!cotangent) checkScalar('backward', loss)
  else checkSame('backward', loss, cotangent)
  const leaves = trainableLeaves(loss)
  check(leaves.length > 0, 'GRADIENT', 'backward', () => 'no trainable variable is reached from this tensor.')
  const grads = vjp([loss], [cotangent ?? walkOps.onesLike(loss)], leaves)
  leaves.forEach((leaf, i) => {
    const variable = leaf.variables[0] as Variable
    const d = grads[i]
    if (!d) return
    if (leaf.version !== variable.version) staleVariable('backward', variable)
    variable.grad = variable.grad ? walkOps.add(variable.grad, d) : d
    variable.gradRoots.add(loss)
  })
}

/** Throws STALE for a graph that read an older version of a variable. */
export function staleVariable(op: string, variable: Variable): never {
  return fail(
    'STALE',
    op,
    `the variable '${variable.name || 'unnamed'}' ${showShape(variable.shape)} was written after this graph had read it. ` +
      'Ask for the tensor together with the step (step({ also: [tensor] })), or compute it again.',
  )
}

type Tree = Tensor | Variable
export type ScalarFunction = (...args: Tensor[]) => Tensor

/** `grad(fn)(...args)`: gradients of a scalar function by its arguments (tensors, or variables of which the present value is taken). */
export function grad(fn: ScalarFunction): (...args: Tree[]) => Tensor[] {
  return (...args) => valueAndGrad(fn)(...args).grads
}

/** Like `grad`, with the value as well. A gradient of something that `fn` does not depend on is zeros. */
export function valueAndGrad(fn: ScalarFunction): (...args: Tree[]) => { value: Tensor; grads: Tensor[] } {
  return (...args) => {
    const inputs = args.map((arg) => requireGrad(arg instanceof Tensor ? arg : arg.read()))
    const value = fn(...inputs)
    checkScalar('grad', value)
    const grads = vjp([value], [walkOps.onesLike(value)], inputs)
    return { value, grads: grads.map((d, i) => d ?? walkOps.zerosLike(inputs[i]!)) }
  }
}

function checkScalar(op: string, y: Tensor) {
  check(
    y.size === 1 && /^(f|bf)/.test(y.dtype),
    'SHAPE',
    op,
    () => `needs a scalar float, got ${y.dtype} ${showShape(y.shape)}. Reduce it with sum() or mean().`,
  )
}

function checkSame(op: string, y: Tensor, dy: Tensor) {
  check(
    sameShape(y.shape, dy.shape) && y.dtype === dy.dtype,
    'SHAPE',
    op,
    () => `the cotangent must be ${y.dtype} ${showShape(y.shape)}, got ${dy.dtype} ${showShape(dy.shape)}.`,
  )
}

/** The same values as an input to differentiate by. */
export function requireGrad(t: Tensor): Tensor {
  const input = new Tensor(inputRow, t, [t], null, '')
  input.requiresGrad = state.gradEnabled
  return input
}

/** The same values, through which no gradient flows. */
export function detach(t: Tensor): Tensor {
  const node = new Tensor(inputRow, t, [t], null, '')
  return node
}

const inputRow: Row = {
  name: 'identity',
  kind: 'view',
  infer: ([x]) => x!,
  vjp: ({ dy }) => [dy],
  view: (input) => input,
  moves: true,
}

/**
 * `checkpoint(fn)(...args)`: the same values as `fn(...args)`, but what lies inside is computed again in the backward pass instead
 * of being kept (Chen et al. 2016, "Training deep nets with sublinear memory cost"). `fn` is called once more for that, so it
 * must be pure; random numbers and running statistics are those of the first call.
 */
export function checkpoint<A extends Tensor[]>(fn: (...args: A) => Tensor): (...args: A) => Tensor {
  return (...args) => {
    const start = state.nextId
    const position = walkOps.randomPosition()
    const { autocast } = state
    const y = fn(...args)
    if (!y.requiresGrad) return y
    const captures = capturesOf(y, start)
    const rebuild = () => {
      const now = walkOps.randomPosition()
      walkOps.setRandomPosition(position)
      try {
        return withAutocast(autocast, () => inNewRegion(() => fn(...args)))
      } finally {
        walkOps.setRandomPosition(now)
      }
    }
    return withGradient('checkpoint', y, captures, (dy) => inNewRegion(() => vjp([rebuild()], [dy], captures)))
  }
}

/** A function whose gradient you give: `backward(dy, args, y)` returns gradients by the arguments (null: none). */
export function customGrad<A extends Tensor[]>(
  forward: (...args: A) => Tensor,
  backwardRule: (dy: Tensor, args: A, y: Tensor) => readonly (Tensor | null)[],
): (...args: A) => Tensor {
  return (...args) => {
    const y = forward(...args)
    return withGradient('customGrad', y, args, (dy) => backwardRule(dy, args, y))
  }
}

/** `y` with another gradient rule by `inputs`. */
function withGradient(
  name: string,
  y: Tensor,
  inputs: readonly Tensor[],
  rule: (dy: Tensor) => readonly (Tensor | null)[],
): Tensor {
  const row: Row = {
    name,
    kind: 'view',
    infer: () => y,
    vjp: ({ dy }) => [null, ...rule(dy)],
    view: (input) => input,
    moves: true,
  }
  // The value path goes through a node without gradient, so that the walk does not enter the region.
  const node = new Tensor(row, y, [detach(y), ...inputs], null, '')
  node.requiresGrad = state.gradEnabled && inputs.some((input) => input.requiresGrad)
  return node
}

/** What a region made since `start` takes gradients from. */
function capturesOf(y: Tensor, start: number): Tensor[] {
  const captures = new Set<Tensor>()
  const seen = new Set<Tensor>([y])
  const stack = [y]
  while (stack.length > 0) {
    const node = stack.pop()!
    for (const input of node.inputs.length > 0 ? node.inputs : []) {
      if (!input.requiresGrad || seen.has(input)) continue
      seen.add(input)
      if (input.id < start || input.row === variableRow) captures.add(input)
      else stack.push(input)
    }
  }
  return [...captures].sort((a, b) => a.id - b.id)
}
