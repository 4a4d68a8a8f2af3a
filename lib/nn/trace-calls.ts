/** @file Which modules a forward pass calls, in order, and which tensors each of them makes; found by one pass that computes nothing. */
import { fail } from '../errors.ts'
import { noGrad, state } from '../graph/state.ts'
import { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { generator } from '../random.ts'
import { Module } from './module.ts'

export interface ModuleCall {
  /** Path from the model, as in parameter names; '' for the model itself. */
  readonly name: string
  /** The module, or whatever a part stands for: one that is called twice is the same. */
  readonly of: object
  /** Name of the class. */
  readonly kind: string
  /** What a module prints between its parentheses. */
  readonly detail: string
  /** Elements of its trainable variables. */
  readonly parameters: number
  readonly depth: number
  /** The call around this one. */
  readonly parent: ModuleCall | null
  /** Tensors made meanwhile have ids from `start` to below `end`. */
  readonly start: number
  end: number
  readonly inputs: readonly Tensor[]
  outputs: readonly Tensor[]
  /** Whether it calls other modules. */
  hasCalls: boolean
}

interface Trace {
  readonly calls: ModuleCall[]
  /** Those that have not returned, outermost first. */
  readonly open: ModuleCall[]
}

type Forward = (...args: unknown[]) => unknown

/** What the innermost trace has noted so far; null where none is going on. */
let trace: Trace | null = null

/**
 * Notes a part of a forward as a call of its own, where a trace is going on; what it gives is called with the part's results. Parameters are
 * the variables among the inputs.
 */
export function beginPart(
  { name, kind, of }: { readonly name: string; readonly kind: string; readonly of: object },
  inputs: readonly Tensor[],
): ((outputs: readonly Tensor[]) => void) | null {
  if (!trace) return null
  const { calls, open } = trace
  const parent = open.at(-1)
  const variables = inputs.flatMap((input) => input.variables ?? []).filter(({ trainable }) => trainable)
  const parameters = variables.reduce((n, { size }) => n + size, 0)
  const path = parent?.name ? `${parent.name}.${name}` : name
  const call = openCall({ name: path, of, kind, detail: '', parameters }, inputs, { calls, open })
  return (outputs) => closeCall(call, outputs, open)
}

/** Calls model.forward(...inputs) in eval mode without gradients. Leaves modes, random numbers and modules as they were. `op`: who asks. */
export function traceCalls(model: Module, inputs: readonly unknown[], op = 'modelSummary'): ModuleCall[] {
  const names = namesOf(model)
  const modes = [...names.keys()].map((module) => [module, module.training] as const)
  const { position } = generator
  const calls: ModuleCall[] = []
  const around = trace
  trace = { calls, open: [] }
  const undo = [...names].map(([module, name]) => hook(op, module, name, trace!))
  try {
    model.eval()
    noGrad(() => (model.forward as Forward)(...inputs))
  } finally {
    trace = around
    for (const back of undo) back()
    for (const [module, training] of modes) module.training = training
    generator.position = position
  }
  return calls
}

/** Every module under its first name. */
function namesOf(model: Module): Map<Module, string> {
  const names = new Map([[model, '']])
  // A map that grows is walked to its end.
  for (const [module, name] of names) {
    for (const [field, child] of module.namedChildren()) {
      if (!names.has(child)) names.set(child, name && field ? `${name}.${field}` : name || field)
    }
  }
  return names
}

/** Puts a forward over the module's own that notes the call; gives what takes it away. */
function hook(op: string, module: Module, name: string, { calls, open }: Trace): () => void {
  const own = Object.getOwnPropertyDescriptor(module, 'forward')
  const forward = module.forward as Forward
  const value = (...args: unknown[]): unknown => {
    const { numParameters: parameters } = module
    const about = { name, of: module, kind: module.constructor.name, detail: module.extraRepr(), parameters }
    const call = openCall(about, tensorsIn(args), { calls, open })
    const result = forward.apply(module, args)
    if (result instanceof Promise) {
      fail('DYNAMIC', op, `${name || 'the model'} has an asynchronous forward, whose shapes are known only as it runs.`)
    }
    closeCall(call, tensorsIn(result), open)
    return result
  }
  Object.defineProperty(module, 'forward', { value, configurable: true, writable: true })
  return () => {
    if (own) Object.defineProperty(module, 'forward', own)
    else delete (module as { forward?: unknown }).forward
  }
}

type About = Pick<ModuleCall, 'name' | 'of' | 'kind' | 'detail' | 'parameters'>

function openCall(about: About, inputs: readonly Tensor[], { calls, open }: Trace): ModuleCall {
  const parent = open.at(-1) ?? null
  if (parent) parent.hasCalls = true
  const start = state.nextId
  const call = { ...about, depth: open.length, parent, start, end: start, inputs, outputs: inputs, hasCalls: false }
  calls.push(call)
  open.push(call)
  return call
}

function closeCall(call: ModuleCall, outputs: readonly Tensor[], open: ModuleCall[]): void {
  open.pop()
  call.end = state.nextId
  call.outputs = outputs
}

/** Tensors in arguments or results, also in lists and plain objects. */
function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value]
  if (value instanceof Variable) return [value.read()]
  if (Array.isArray(value)) return value.flatMap(tensorsIn)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return []
  return Object.values(value).flatMap(tensorsIn)
}
