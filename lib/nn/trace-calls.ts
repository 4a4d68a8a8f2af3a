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
  readonly module: Module
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

type Forward = (...args: unknown[]) => unknown

/** Calls model.forward(...inputs) in eval mode without gradients. Leaves modes, random numbers and modules as they were. */
export function traceCalls(model: Module, inputs: readonly unknown[]): ModuleCall[] {
  const names = namesOf(model)
  const modes = [...names.keys()].map((module) => [module, module.training] as const)
  const { position } = generator
  const calls: ModuleCall[] = []
  const open: ModuleCall[] = []
  const undo = [...names].map(([module, name]) => hook(module, name, calls, open))
  try {
    model.eval()
    noGrad(() => (model.forward as Forward)(...inputs))
  } finally {
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
function hook(module: Module, name: string, calls: ModuleCall[], open: ModuleCall[]): () => void {
  const own = Object.getOwnPropertyDescriptor(module, 'forward')
  const forward = module.forward as Forward
  const value = (...args: unknown[]): unknown => {
    const parent = open.at(-1) ?? null
    if (parent) parent.hasCalls = true
    const start = state.nextId
    const inputs = tensorsIn(args)
    const call = {
      name,
      module,
      depth: open.length,
      parent,
      start,
      end: start,
      inputs,
      outputs: inputs,
      hasCalls: false,
    }
    calls.push(call)
    open.push(call)
    const result = forward.apply(module, args)
    open.pop()
    if (result instanceof Promise) {
      fail(
        'DYNAMIC',
        'modelSummary',
        `${name || 'the model'} has an asynchronous forward, whose shapes are known only as it runs.`,
      )
    }
    call.end = state.nextId
    call.outputs = tensorsIn(result)
    return result
  }
  Object.defineProperty(module, 'forward', { value, configurable: true, writable: true })
  return () => {
    if (own) Object.defineProperty(module, 'forward', own)
    else delete (module as { forward?: unknown }).forward
  }
}

/** Tensors in arguments or results, also in lists and plain objects. */
function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value]
  if (value instanceof Variable) return [value.read()]
  if (Array.isArray(value)) return value.flatMap(tensorsIn)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return []
  return Object.values(value).flatMap(tensorsIn)
}
