/** @file Control flow inside of plans: cond, scan, whileLoop. Their functions are traced once, into blocks. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { vjp } from '../graph/gradient.ts'
import type { Block, Operand, Row, Spec } from '../graph/row.ts'
import { noEffects, state } from '../graph/state.ts'
import { applyTuple, Tensor } from '../graph/tensor.ts'
import { variableRow } from '../graph/variable.ts'
import { generator } from '../random.ts'
import { sameShape, showShape } from '../shape.ts'
import { zeros, zerosLike } from './create.ts'
import { add } from './elementwise.ts'
import { flip } from './layout.ts'
import { asTensor, constantRow, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

const argumentRow: Row = {
  name: 'argument',
  kind: 'leaf',
  infer: () => fail('NATIVE', 'argument', 'internal: not an op.'),
  vjp: { none: 'a leaf' },
}

interface ControlAttrs {
  readonly blocks: readonly Block[]
  readonly outputs: readonly Spec[]
  /** The gradient rule of this very node: it traces the functions anew. */
  readonly rule: Row<ControlAttrs>['vjp']
  /** Scan: how many of the inputs are carried, and how many are sliced; while: the most iterations. */
  readonly counts: readonly number[]
}

/** Traces `fn` on leaves that look like `likes`. Random numbers inside are drawn once, at the place of `position`. */
function traceBlock(
  op: string,
  fn: (...params: Tensor[]) => readonly Tensor[],
  likes: readonly Spec[],
  position: number,
  requiresGrad: readonly boolean[],
): Block {
  const start = state.nextId
  const now = generator.position
  generator.position = position
  try {
    return noEffects(() => {
      const params = likes.map((like, i) => {
        const leaf = new Tensor(argumentRow, like, [], null, '')
        leaf.requiresGrad = requiresGrad[i] ?? false
        return leaf
      })
      const results = fn(...params)
      if (!Array.isArray(results) || !results.every((t) => t instanceof Tensor))
        fail('VALUE', op, 'its functions must return lists of tensors.')
      return { params, captures: capturesOf(results, params, start), results }
    })
  } finally {
    generator.position = Math.max(now, generator.position)
  }
}

/** What a block reads from outside: tensors that were there before, and leaves. Constants stay inside. */
function capturesOf(results: readonly Tensor[], params: readonly Tensor[], start: number): Tensor[] {
  const seen = new Set<Tensor>(params)
  const captures: Tensor[] = []
  const stack = results.filter((t) => !seen.has(t))
  stack.forEach((t) => seen.add(t))
  while (stack.length > 0) {
    const node = stack.pop()!
    const isLeaf = node.inputs.length === 0 && node.row.kind === 'leaf' && node.row !== constantRow
    if (node.row.kind === 'update')
      fail(
        'VALUE',
        node.row.name,
        'a variable cannot be written inside of cond, scan or whileLoop. Return the value and assign it outside.',
      )
    if (isLeaf || node.value !== null || node.id < start || node.row === variableRow) {
      captures.push(node)
      continue
    }
    for (const input of node.inputs) {
      if (seen.has(input)) continue
      seen.add(input)
      stack.push(input)
    }
  }
  return captures.sort((a, b) => a.id - b.id)
}

const specOf = ({ shape, dtype }: Tensor): Spec => ({ shape, dtype })
const delegated: Row<ControlAttrs>['vjp'] = (context) => {
  const { rule } = context.attrs
  return typeof rule === 'function' ? rule(context) : fail('GRADIENT', 'control', `has no gradient: ${rule.none}.`)
}

function controlRow(name: string, emit: Row<ControlAttrs>['emit']): Row<ControlAttrs> {
  return defineRow<ControlAttrs>({
    name,
    kind: 'control',
    canFail: true,
    infer: (_, { outputs }) => outputs,
    vjp: delegated,
    emit,
    moves: true,
  })
}

/** Builds the node; its key is the counts, the blocks are compared by the walk. */
function control(row: Row<ControlAttrs>, inputs: readonly Tensor[], attrs: ControlAttrs): readonly Tensor[] {
  return applyTuple(
    row,
    inputs,
    attrs,
    [],
    `${attrs.counts.join()};${attrs.blocks.map((b) => `${b.params.length},${b.captures.length}`).join(';')}`,
  )
}

/** Cotangents as tensors: zeros where the loss does not depend on an output. */
const filledIn = (outputs: readonly Tensor[], cotangents: readonly (Tensor | null)[]) =>
  outputs.map((t, i) => cotangents[i] ?? zerosLike(t))

const condRow = controlRow('cond', (e, { attrs }) => {
  const [then, otherwise] = attrs.blocks as [Block, Block]
  const n = then.params.length
  const branch = (block: Block, first: number) =>
    e.block((b) => {
      const args = [...block.params.map((_, i) => e.input(1 + i)), ...block.captures.map((_, i) => e.input(first + i))]
      b.inline(block, args).forEach((result, k) => b.copy(e.output(k), result))
    })
  const pred = e.packed(e.input(0))
  // Inputs are read where the branches are chosen, not inside of one of them.
  e.prepareInputs()
  const blocks = [branch(then, 1 + n), branch(otherwise, 1 + n + then.captures.length)]
  e.control('cond', blocks, [], [{ ...pred, dims: [], strides: [] }], [])
})

/**
 * The results of one of two functions of `operands`, whichever `pred` (a bool scalar) says when it runs. Both return lists of tensors
 * of the same shapes and dtypes; only one is computed. Differentiable.
 */
export function cond(
  pred: TensorLike,
  then: (...operands: Tensor[]) => readonly Tensor[],
  otherwise: (...operands: Tensor[]) => readonly Tensor[],
  operands: readonly TensorLike[] = [],
): readonly Tensor[] {
  const p = asTensor('cond', pred)
  if (p.dtype !== 'bool' || p.size !== 1)
    fail('DTYPE', 'cond', `the condition must be one bool, got ${p.dtype} ${showShape(p.shape)}.`)
  const given = operands.map((x) => asTensor('cond', x))
  const position = generator.position
  const likes = given.map(specOf)
  const grads = given.map((t) => t.requiresGrad)
  const blocks = [
    traceBlock('cond', then, likes, position, grads),
    traceBlock('cond', otherwise, likes, position, grads),
  ]
  const [first, second] = blocks.map((b) => b.results) as [readonly Tensor[], readonly Tensor[]]
  const fits =
    first.length === second.length &&
    first.every((t, i) => sameShape(t.shape, second[i]!.shape) && t.dtype === second[i]!.dtype)
  if (!fits)
    fail(
      'SHAPE',
      'cond',
      `both functions must return the same shapes and dtypes, got ${first.map(String).join(', ')} and ${second.map(String).join(', ')}.`,
    )
  const captures = blocks.map((b) => b.captures)
  const rule: ControlAttrs['rule'] = ({ outputs, cotangents }) => {
    const dys = filledIn(outputs, cotangents)
    const wrt = [...given, ...captures[0]!, ...captures[1]!]
    const unique = [...new Set(wrt)].filter((t) => t.requiresGrad && isFloat(t.dtype))
    const slopes = (fn: typeof then) => () => vjp(fn(...given), dys, unique).map((d, i) => d ?? zerosLike(unique[i]!))
    const found = unique.length > 0 ? withPosition(position, () => cond(p, slopes(then), slopes(otherwise))) : []
    return [null, ...spread(wrt, unique, found)]
  }
  return control(condRow, [p, ...given, ...captures[0]!, ...captures[1]!], {
    blocks,
    outputs: first.map(specOf),
    rule,
    counts: [given.length],
  })
}

/** Each gradient at the first place where its tensor stands among the inputs. */
function spread(wrt: readonly Tensor[], unique: readonly Tensor[], found: readonly Tensor[]): (Tensor | null)[] {
  const given = new Set<Tensor>()
  return wrt.map((t) => {
    if (given.has(t)) return null
    given.add(t)
    return found[unique.indexOf(t)] ?? null
  })
}

function withPosition<T>(position: number, fn: () => T): T {
  const now = generator.position
  generator.position = position
  try {
    return fn()
  } finally {
    generator.position = Math.max(now, generator.position)
  }
}

const whileRow = controlRow('whileLoop', (e, { attrs: { blocks, counts } }) => {
  const [test, body] = blocks as [Block, Block]
  const state = body.params.map((_, k) => e.output(k))
  state.forEach((room, k) => e.copy(room, e.input(k)))
  e.prepareInputs()
  const captured = (block: Block, first: number) => block.captures.map((_, i) => e.input(first + i))
  const testArgs = [...state, ...captured(test, state.length)]
  const bodyArgs = [...state, ...captured(body, state.length + test.captures.length)]
  const goOn = e.temp('bool', [])
  e.copy(goOn, e.inline(test, testArgs)[0]!)
  const block = e.block((b) => {
    carry(b, b.inline(body, bodyArgs), state)
    b.copy(goOn, b.inline(test, testArgs)[0]!)
  })
  e.control('loop', [block], [e.temp('i64', [])], [goOn], [counts[0]!])
})

/** The next state takes the place of the last one, after all of it has been read. */
function carry(b: Parameters<NonNullable<Row['emit']>>[0], next: readonly Operand[], state: readonly Operand[]): void {
  const rooms = next.map((from) => {
    const room = b.temp(from.dtype, from.dims)
    b.copy(room, from)
    return room
  })
  rooms.forEach((room, k) => b.copy(state[k]!, room))
}

export interface WhileOptions {
  /** Ends the loop in any case. Default: 2^52. */
  maxIterations?: number
}

/**
 * Repeats `state = body(...state)` while `test(...state)` (a bool scalar) holds. Shapes and dtypes of the state stay the same. The number
 * of iterations depends on data, so there is no gradient: use scan where one is needed.
 */
export function whileLoop(
  test: (...state: Tensor[]) => Tensor,
  body: (...state: Tensor[]) => readonly Tensor[],
  init: readonly TensorLike[],
  options: WhileOptions = {},
): readonly Tensor[] {
  checkOptions('whileLoop', options, ['maxIterations'])
  const limit = checkInteger('whileLoop', 'maxIterations', options.maxIterations ?? 2 ** 52, 0, 2 ** 52)
  const given = init.map((x) => asTensor('whileLoop', x))
  const likes = given.map(specOf)
  const position = generator.position
  const blocks = [
    traceBlock('whileLoop', (...s) => [test(...s)], likes, position, []),
    traceBlock('whileLoop', body, likes, position, []),
  ]
  const answer = blocks[0]!.results[0]!
  if (answer.dtype !== 'bool' || answer.size !== 1)
    fail('DTYPE', 'whileLoop', `the test must give one bool, got ${String(answer)}.`)
  checkCarry('whileLoop', blocks[1]!.results, likes)
  const inputs = [...given, ...blocks[0]!.captures, ...blocks[1]!.captures]
  const rule = { none: 'the number of iterations depends on data. Use scan' }
  return control(whileRow, inputs, { blocks, outputs: likes, rule, counts: [limit] })
}

function checkCarry(op: string, next: readonly Tensor[], likes: readonly Spec[]): void {
  const fits =
    next.length >= likes.length &&
    likes.every((like, i) => sameShape(like.shape, next[i]!.shape) && like.dtype === next[i]!.dtype)
  if (!fits)
    fail(
      'SHAPE',
      op,
      `the state must keep its shapes and dtypes, got ${next.map(String).join(', ')} for ${likes.map((s) => `${s.dtype} ${showShape(s.shape)}`).join(', ')}.`,
    )
}

const scanRow = controlRow('scan', (e, { attrs: { blocks, counts } }) => {
  const [body] = blocks as [Block]
  const [numCarry, numSliced, length] = counts as [number, number, number]
  const state = Array.from({ length: numCarry }, (_, k) => e.output(k))
  state.forEach((room, k) => e.copy(room, e.input(k)))
  e.prepareInputs()
  const counter = e.temp('i64', [])
  const sliced = Array.from({ length: numSliced }, (_, k) => e.packed(e.input(numCarry + k)))
  const captured = body.captures.map((_, i) => e.input(numCarry + numSliced + i))
  const block = e.block((b) => {
    const slices = sliced.map((x) => {
      const one = b.temp(x.dtype, [1, ...x.dims.slice(1)])
      b.instr('dynamicSlice', [one], [x, counter], [0])
      return { ...one, dims: one.dims.slice(1), strides: one.strides.slice(1) }
    })
    const results = b.inline(body, [...state, ...slices, ...captured])
    results.slice(numCarry).forEach((y, k) => {
      const row = b.packed(y)
      b.instr(
        'dynamicUpdate',
        [e.output(numCarry + k)],
        [{ ...row, dims: [1, ...row.dims], strides: [1, ...row.strides] }, counter],
        [0],
      )
    })
    carry(b, results.slice(0, numCarry), state)
  })
  e.control('loop', [block], [counter], [], [length])
})

export interface Scanned {
  /** The state after the last step. */
  readonly carry: readonly Tensor[]
  /** The outputs of all steps, stacked along axis 0. */
  readonly ys: readonly Tensor[]
}

type ScanBody = (
  carry: readonly Tensor[],
  xs: readonly Tensor[],
) => { carry: readonly Tensor[]; ys?: readonly Tensor[] }

/**
 * Steps through the first axis of `xs`: `{ carry, ys } = body(carry, xs[i])`, the body being computed once per step from one block.
 * Differentiable: the states are kept, each step is computed again in the backward pass.
 */
export function scan(body: ScanBody, init: readonly TensorLike[], xs: readonly TensorLike[], length?: number): Scanned {
  const carries = init.map((x) => asTensor('scan', x))
  const sliced = xs.map((x) => asTensor('scan', x))
  const n = checkInteger('scan', 'the length', length ?? sliced[0]?.shape[0] ?? -1, 0)
  for (const x of sliced)
    if (x.rank === 0 || x.shape[0] !== n)
      fail('SHAPE', 'scan', `the first axis of every input must be ${n}, got ${showShape(x.shape)}.`)
  const position = generator.position
  const likes = [...carries.map(specOf), ...sliced.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }))]
  const numCarry = carries.length
  let numYs = 0
  const flows = state.gradEnabled
  // With gradients, the states on entry are outputs too.
  const step = (...params: Tensor[]) => {
    const { carry: next, ys = [] } = body(params.slice(0, numCarry), params.slice(numCarry))
    numYs = ys.length
    return [...next, ...ys, ...(flows ? params.slice(0, numCarry) : [])]
  }
  const grads = likes.map(({ dtype }) => flows && isFloat(dtype))
  const block = traceBlock('scan', step, likes, position, grads)
  const results = block.results
  checkCarry('scan', results, carries.map(specOf))
  if (n === 0)
    return {
      carry: carries,
      ys: results.slice(numCarry, numCarry + numYs).map(({ shape, dtype }) => zeros([0, ...shape], { dtype })),
    }
  const outputs = results.map(({ shape, dtype }, i) => ({ shape: i < numCarry ? shape : [n, ...shape], dtype }))
  const rule: ControlAttrs['rule'] = ({ outputs: outs, cotangents }) => {
    const dys = filledIn(outs.slice(0, numCarry + numYs), cotangents)
    return scanGrad({
      body,
      position,
      n,
      xs: sliced,
      captures: block.captures,
      history: outs.slice(numCarry + numYs),
      dCarry: dys.slice(0, numCarry),
      dYs: dys.slice(numCarry),
    })
  }
  const parts = control(scanRow, [...carries, ...sliced, ...block.captures], {
    blocks: [block],
    outputs,
    rule,
    counts: [numCarry, sliced.length, n],
  })
  return { carry: parts.slice(0, numCarry), ys: parts.slice(numCarry, numCarry + numYs) }
}

interface ScanGradient {
  readonly body: ScanBody
  readonly position: number
  readonly n: number
  readonly xs: readonly Tensor[]
  readonly captures: readonly Tensor[]
  readonly history: readonly Tensor[]
  readonly dCarry: readonly Tensor[]
  readonly dYs: readonly Tensor[]
}

/** The scan from the last step to the first: gradients of the state and of what is captured are carried. */
function scanGrad({ body, position, n, xs, captures, history, dCarry, dYs }: ScanGradient): (Tensor | null)[] {
  const numCarry = history.length
  const wanted = captures.filter((t) => t.requiresGrad && isFloat(t.dtype))
  const isSmooth = (t: Tensor) => isFloat(t.dtype)
  const back: ScanBody = (state, slices) => {
    const [entry, inputs] = [slices.slice(0, numCarry), slices.slice(numCarry, numCarry + xs.length)]
    const dOut = slices.slice(numCarry + xs.length)
    const dState = state.slice(0, numCarry)
    const { carry: next, ys = [] } = body(entry, inputs)
    const targets = [...entry, ...inputs].filter(isSmooth)
    const found = vjp(
      [...next, ...ys].filter(isSmooth),
      [...dState, ...dOut].filter((_, i) => isSmooth([...next, ...ys][i]!)),
      [...targets, ...wanted],
    )
    const gradOf = (t: Tensor) => (isSmooth(t) ? found[targets.indexOf(t)] : null) ?? zerosLike(t)
    const sums = wanted.map((t, i) => add(state[numCarry + i]!, found[targets.length + i] ?? zerosLike(t)))
    return { carry: [...entry.map(gradOf), ...sums], ys: inputs.map(gradOf) }
  }
  const reversed = [...history, ...xs, ...dYs].map((t) => flip(t, 0))
  const start = [...dCarry, ...wanted.map(zerosLike)]
  const result = withPosition(position, () => scan(back, start, reversed, n))
  const dCaptures = captures.map((t) => (wanted.includes(t) ? result.carry[numCarry + wanted.indexOf(t)]! : null))
  return [
    ...history.map((t, i) => (isSmooth(t) ? result.carry[i]! : null)),
    ...xs.map((x, i) => (isSmooth(x) ? flip(result.ys[i]!, 0) : null)),
    ...dCaptures,
  ]
}
