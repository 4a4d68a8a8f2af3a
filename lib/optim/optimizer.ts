/** @file Optimizer: parameters in groups, their state, and the step. The formulas are in the files of the optimisers. */
import { isNarrow } from '../dtype.ts'
import { assert, check, checkOptions, fail } from '../errors.ts'
import { overwrite } from '../engine/overwrite.ts'
import { perform, performSync } from '../engine/evaluate.ts'
import { hasExpired } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { zeros } from '../ops/create.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { sameShape, showShape } from '../shape.ts'

/** Parameters that share options. Options may be changed at any time; a changed number compiles nothing. */
export type ParamGroup<O> = O & { readonly params: readonly Variable[] }

/** What an optimiser is made for: parameters, or groups of them with options of their own. */
export type Params<O> = Iterable<Variable> | Iterable<Partial<O> & { readonly params: Iterable<Variable> }>

export interface StepOptions {
  /** Tensors to compute in the same evaluation, from the parameters before the step. */
  also?: readonly TensorLike[]
  /** Stops the step, unless it is writing already. */
  signal?: AbortSignal
}

/** What it takes to go on later. */
export interface OptimizerState<O> {
  /** Momenta and the like by the parameter's number and PyTorch's name: '0.exp_avg'. From an optimiser: the variables themselves. */
  readonly tensors: ReadonlyMap<string, TensorLike>
  /** Steps that each parameter has made. */
  readonly steps: readonly number[]
  /** The options of each group. */
  readonly groups: readonly O[]
}

/** What an optimiser keeps of one parameter. */
export class ParamState {
  /** Steps made, counted when they are submitted. */
  step = 0
  /** Value of `step` when its variables were made; -1: they came from a checkpoint. */
  since = 0
  readonly variables = new Map<string, Variable>()
}

/** A step that is about to be made. Its numbers are looked up when it is submitted, so a compiled one can be made again. */
export interface PendingStep {
  readonly updates: readonly Tensor[]
  /** What backward() was called on. */
  readonly roots: readonly Tensor[]
  readonly params: readonly Variable[]
  readonly states: readonly ParamState[]
}

export abstract class Optimizer<O extends { lr: number }> {
  readonly paramGroups: readonly ParamGroup<O>[]
  readonly #states = new Map<Variable, ParamState>()
  readonly #name: string

  constructor(name: string, params: Params<O>, options: Partial<O>, defaults: O) {
    this.#name = name
    checkOptions(name, options, Object.keys(defaults))
    const all = { ...defaults, ...defined(options) }
    this.paramGroups = groupsOf<O>(name, params, all)
    for (const group of this.paramGroups) {
      this.check(group)
      for (const param of group.params) {
        check(!this.#states.has(param), 'VALUE', name, () => `the parameter ${describe(param)} is given twice.`)
        check(!isNarrow(param.dtype), 'DTYPE', name, () => `parameters are f32 or f64, got ${param.dtype} for ${describe(param)}.`)
        this.#states.set(param, new ParamState())
      }
    }
  }

  /** Throws VALUE for numbers that make no sense. */
  protected abstract check(options: O): void

  /** The update of one parameter; its numbers as functions. */
  protected abstract update(param: Variable, grad: Tensor, group: ParamGroup<O>, state: ParamState): Tensor

  /**
   * Updates every parameter that has a gradient, in one evaluation with everything that backward() was called on and `also`, and
   * consumes the gradients. Does not count as a step for parameters without one. When it fails no variable was written and
   * no step is counted; if it did not even start (STALE, SHAPE) the gradients are still there, otherwise build the loss again.
   * Losses whose gradients another optimiser will use have to be asked for together: `also` takes gradients too.
   */
  async step(options: StepOptions = {}): Promise<void> {
    const { pending, also } = this.#begin(options)
    const run = this.#consume(pending, () => perform(pending.updates, also, options.signal))
    await this.track(pending, run)
    release(also)
  }

  /** `step`, blocking. */
  stepSync(options: Pick<StepOptions, 'also'> = {}): void {
    const { pending, also } = this.#begin(options)
    this.#consume(pending, () => performSync(pending.updates, also))
    for (const state of pending.states) state.step++
    release(also)
  }

  /** Discards the gradients. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) params.forEach(forget)
  }

  /** Its state, for a checkpoint: tensors are the variables themselves, everything else is copied. */
  stateDict(): OptimizerState<O> {
    const tensors = new Map<string, Variable>()
    const states = [...this.#states.values()]
    states.forEach(({ variables }, i) => variables.forEach((variable, name) => tensors.set(`${i}.${name}`, variable)))
    return { tensors, steps: states.map(({ step }) => step), groups: this.paramGroups.map(optionsOf) }
  }

  /** Takes over a state of an optimiser with the same parameters in the same order. STATE when it does not fit; nothing has changed then. */
  async loadStateDict(state: OptimizerState<O>): Promise<void> {
    const groups = this.paramGroups
    const states = [...this.#states]
    const fits = state.steps.length === states.length && state.groups.length === groups.length
    check(fits, 'STATE', this.#name, () => `the state is of ${state.steps.length} parameters in ${state.groups.length} groups, this optimiser has ${states.length} in ${groups.length}.`)
    for (const options of state.groups) this.check(options)
    const loaded = states.map(() => new Map<string, Variable>())
    const pairs = [...state.tensors].map(([key, value]): [Variable, Tensor] => {
      const [, index, name] = /^(\d+)\.(.+)$/.exec(key) ?? fail('STATE', this.#name, `'${key}' is not the name of a tensor of the state.`)
      const [param] = states[Number(index)] ?? fail('STATE', this.#name, `'${key}' is of a parameter that is not there.`)
      const t = asTensor(this.#name, value)
      check(sameShape(t.shape, param.shape), 'STATE', this.#name, () => `'${key}' is ${showShape(t.shape)}, its parameter ${showShape(param.shape)}.`)
      const variable = slot(param, name!)
      loaded[Number(index)]!.set(name!, variable)
      return [variable, t]
    })
    await overwrite(pairs)
    states.forEach(([, own], i) => {
      own.step = state.steps[i]!
      own.since = own.step === 0 ? 0 : -1
      own.variables.clear()
      loaded[i]!.forEach((variable, name) => own.variables.set(name, variable))
    })
    groups.forEach((group, i) => Object.assign(group, state.groups[i]))
  }

  /** @internal The updates of all parameters that have a gradient. */
  pending(): PendingStep {
    const updates: Tensor[] = []
    const params: Variable[] = []
    const states: ParamState[] = []
    const roots = new Set<Tensor>()
    for (const group of this.paramGroups) {
      for (const param of group.params) {
        if (!param.grad) continue
        const { grad, shape, dtype } = param
        check(sameShape(grad.shape, shape) && grad.dtype === dtype, 'SHAPE', this.#name, () => `the gradient of ${describe(param)} must be ${dtype} as it is, got ${grad.dtype} ${showShape(grad.shape)}.`)
        const state = this.#states.get(param)
        assert(state, 'internal: a parameter without state')
        updates.push(this.update(param, grad, group, state))
        params.push(param)
        states.push(state)
        for (const root of param.gradRoots) roots.add(root)
      }
    }
    return { updates, roots: [...roots], params, states }
  }

  /** @internal Counts a step from its submission on, unless it fails. */
  async track<T>({ states }: PendingStep, run: Promise<T>): Promise<T> {
    for (const state of states) state.step++
    try {
      return await run
    } catch (error) {
      for (const state of states) state.step--
      throw error
    }
  }

  #begin({ also = [], ...rest }: StepOptions): { pending: PendingStep; also: readonly Tensor[] } {
    checkOptions(this.#name, rest, ['also', 'signal'])
    const pending = this.pending()
    return { pending, also: [...pending.roots, ...also.map((t) => asTensor(this.#name, t))] }
  }

  /** Submits, and drops the gradients if that succeeded: versions count at submission. */
  #consume<T>({ params }: PendingStep, submit: () => T): T {
    const before = params[0]?.version
    try {
      return submit()
    } finally {
      if (params[0]?.version !== before) params.forEach(forget)
    }
  }
}

/** A state variable of a parameter, zeros at first. */
export function slotOf(state: ParamState, param: Variable, name: string): Variable {
  const known = state.variables.get(name)
  if (known) return known
  const variable = slot(param, name)
  state.variables.set(name, variable)
  state.since = state.step
  return variable
}

function slot({ name, shape, dtype }: Variable, slotName: string): Variable {
  return new Variable(zeros(shape, { dtype }), { name: name ? `${name}.${slotName}` : slotName, trainable: false })
}

/** @internal Drops a gradient. */
export function forget(variable: Variable): void {
  variable.grad = null
  variable.gradRoots.clear()
}

/** What was computed before a write cannot be differentiated any more: lets go of the graph below it. */
function release(tensors: readonly Tensor[]): void {
  for (const t of tensors) if (hasExpired(t)) t.inputs = []
}

function groupsOf<O>(name: string, params: Params<O>, defaults: O): ParamGroup<O>[] {
  check(typeof (params as Iterable<unknown>)?.[Symbol.iterator] === 'function', 'VALUE', name, () => 'needs a list of parameters: model.parameters().')
  const given = [...(params as Iterable<Variable | (Partial<O> & { params: Iterable<Variable> })>)]
  check(given.length > 0, 'VALUE', name, () => 'the list of parameters is empty. Is the model without fields?')
  const isFlat = given.every((item) => item instanceof Variable)
  const groups = isFlat ? [{ params: given }] : given
  return groups.map((group) => {
    check(typeof group === 'object' && group !== null && 'params' in group, 'VALUE', name, () => 'takes variables, or groups { params, ...options }, not both.')
    const { params: own, ...options } = group as Partial<O> & { params: Iterable<Variable> }
    checkOptions(name, options, Object.keys(defaults as object))
    const list = [...own]
    for (const param of list) check(param instanceof Variable, 'VALUE', name, () => `parameters are variables, got ${String(param)}.`)
    return { ...defaults, ...defined(options), params: list } as unknown as ParamGroup<O>
  })
}

/** Options without those that are undefined. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

function optionsOf<O>({ params, ...options }: ParamGroup<O>): O {
  void params
  return options as unknown as O
}

const describe = ({ name, shape }: Variable) => (name ? `'${name}' ${showShape(shape)}` : showShape(shape))

/** Throws VALUE unless the number is >= 0 (and, with a limit, below it). */
export function checkNumber(op: string, name: string, value: number, below = Infinity): void {
  if (typeof value === 'number' && value >= 0 && (value < below || below === Infinity)) return
  fail('VALUE', op, `${name} must be ${below === Infinity ? '>= 0' : `in [0, ${below})`}, got ${String(value)}.`)
}
