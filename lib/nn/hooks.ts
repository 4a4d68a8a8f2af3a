/** @file Hooks: functions that see, or change, what goes into a module, what comes out, and the gradients on their way back. */
import { check, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { applyTuple, Tensor } from '../graph/tensor.ts'
import type { Module } from './module.ts'

/** May give other arguments. */
export type ForwardPreHook = (module: Module, args: readonly unknown[]) => readonly unknown[] | void
/** May give another output. */
export type ForwardHook = (module: Module, args: readonly unknown[], output: unknown) => unknown
/**
 * Gets the gradients by the module's tensors, inputs and outputs, in their order (null: none), while the backward graph is built; they are
 * tensors like any others, not evaluated yet. May give other gradients by the inputs.
 */
export type BackwardHook = (
  module: Module,
  gradInputs: readonly (Tensor | null)[],
  gradOutputs: readonly (Tensor | null)[],
) => readonly (Tensor | null)[] | void

/** Takes a hook away again. */
export interface HookHandle {
  remove(): void
}

interface Hooks {
  readonly pre: Set<ForwardPreHook>
  readonly post: Set<ForwardHook>
  readonly backward: Set<BackwardHook>
}

type Forward = (...args: unknown[]) => unknown

const hooked = new WeakMap<Module, Hooks>()

/** @internal */
export function addHook<K extends keyof Hooks>(
  module: Module,
  kind: K,
  hook: Hooks[K] extends Set<infer H> ? H : never,
): HookHandle {
  check(typeof hook === 'function', 'VALUE', 'Module', () => `a hook is a function, got ${typeof hook}.`)
  let hooks = hooked.get(module)
  if (!hooks) {
    hooks = { pre: new Set(), post: new Set(), backward: new Set() }
    hooked.set(module, hooks)
    watch(module, hooks)
  }
  // The same function twice is two hooks.
  const own = ((...args: unknown[]) => (hook as Forward)(...args)) as never
  const list = hooks[kind] as Set<unknown>
  list.add(own)
  return { remove: () => void list.delete(own) }
}

/** Puts a forward over the module's own. It stays, and does nothing when there are no hooks any more. */
function watch(module: Module, { pre, post, backward }: Hooks): void {
  const forward = module.forward as unknown as Forward
  const value = (...given: unknown[]): unknown => {
    let args: readonly unknown[] = given
    for (const hook of pre) args = hook(module, args) ?? args
    const gradients = backward.size > 0 ? new GradientHooks(module, backward) : null
    if (gradients) args = gradients.inputs(args)
    let output = forward.apply(module, [...args])
    if (output instanceof Promise && (gradients || post.size > 0))
      fail('DYNAMIC', 'Module', 'hooks cannot see the result of an asynchronous forward.')
    if (gradients) output = gradients.outputs(output)
    for (const hook of post) output = hook(module, args, output) ?? output
    return output
  }
  Object.defineProperty(module, 'forward', { value, configurable: true, writable: true, enumerable: false })
}

/** Between the outputs' and the inputs' place in the backward walk. */
class GradientHooks {
  readonly #call: (gradInputs: readonly (Tensor | null)[]) => readonly (Tensor | null)[]
  #gradOutputs: readonly (Tensor | null)[] = []
  #hasInputs = false

  constructor(module: Module, hooks: ReadonlySet<BackwardHook>) {
    this.#call = (gradInputs) => {
      let grads = gradInputs
      for (const hook of hooks) {
        const given = hook(module, grads, this.#gradOutputs)
        if (!given) continue
        if (given.length !== grads.length)
          fail('VALUE', 'Module', `a backward hook must give ${grads.length} gradients, got ${given.length}.`)
        grads = given
      }
      return grads
    }
  }

  inputs(args: readonly unknown[]): readonly unknown[] {
    const tensors = args.filter((arg): arg is Tensor => arg instanceof Tensor)
    this.#hasInputs = tensors.some(({ requiresGrad }) => requiresGrad)
    if (!this.#hasInputs) return args
    const parts = [...passOn(tensors, (cotangents) => this.#call(cotangents))]
    return args.map((arg) => (arg instanceof Tensor ? parts.shift() : arg))
  }

  outputs(output: unknown): unknown {
    const list = output instanceof Tensor ? [output] : Array.isArray(output) ? (output as unknown[]) : []
    const tensors = list.filter((y): y is Tensor => y instanceof Tensor)
    if (!tensors.some(({ requiresGrad }) => requiresGrad)) return output
    const parts = [
      ...passOn(tensors, (cotangents) => {
        this.#gradOutputs = cotangents
        // No gradient goes on to inputs: the hooks are called all the same.
        if (!this.#hasInputs) this.#call([])
        return cotangents
      }),
    ]
    if (output instanceof Tensor) return parts[0]
    return list.map((y) => (y instanceof Tensor ? parts.shift() : y))
  }
}

type Rule = (cotangents: readonly (Tensor | null)[]) => readonly (Tensor | null)[]

/** The same tensors, together at one place of the backward walk. */
function passOn(tensors: readonly Tensor[], rule: Rule): readonly Tensor[] {
  const row: Row<null> = {
    name: 'backwardHook',
    kind: 'kernel',
    infer: (inputs) => inputs.map(({ shape, dtype }) => ({ shape, dtype })),
    vjp: ({ cotangents }) => rule(cotangents),
    moves: true,
    emit: (e, { inputs }) => inputs.forEach((_, i) => e.copy(e.output(i), e.input(i))),
  }
  return applyTuple(row, tensors, null)
}
