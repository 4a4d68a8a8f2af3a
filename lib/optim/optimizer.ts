/** @file Optimizer: parameters in groups, their state, and the step. The formulas are in the files of the optimisers. */
import { arrayOf, isNarrow } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { assert, check, checkOptions, fail } from '../errors.ts'
import { overwrite } from '../engine/overwrite.ts'
import { perform, performSync } from '../engine/evaluate.ts'
import { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { full } from '../ops/create.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { guarded } from '../ops/update.ts'
import { sameShape, showShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { defined, describe, groupsOf, optionsOf } from './param-groups.ts'
import type { ParamGroup, Params } from './param-groups.ts'

export interface StepOptions {
  /** Tensors to compute in the same evaluation, from the parameters before the step. */
  also?: readonly TensorLike[]
  /** Stops the step, unless it is writing already. */
  signal?: AbortSignal
  /** Whose scaled loss the gradients come from: they are scaled back, and the step is skipped where one is not finite. */
  scaler?: LossScaler
}

/** What a step needs of a GradScaler. */
export interface LossScaler {
  /** Gradients of parameters, scaled back; whether all are finite; what the scaler updates then or otherwise. */
  settle(params: readonly Variable[]): {
    readonly grads: ReadonlyMap<Variable, Tensor>
    readonly finite: Tensor
    readonly updates: readonly Tensor[]
  }
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

/** What a state variable looks like; all of it holds `value` at first. */
export interface Slot {
  readonly shape: Shape
  readonly dtype: DType
  readonly value: number
}

const contentOf = ({ shape, dtype, value }: Slot): Tensor => full(shape, value, { dtype })

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
  /** Computed with the updates: false where they were skipped. Null: they never are. */
  readonly finite: Tensor | null
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
        check(
          !isNarrow(param.dtype),
          'DTYPE',
          name,
          () => `parameters are f32 or f64, got ${param.dtype} for ${describe(param)}.`,
        )
        this.#states.set(param, new ParamState())
      }
    }
  }

  /** Throws VALUE for numbers that make no sense. */
  protected abstract check(options: O): void

  /** PyTorch's names of the state variables that these options need for a parameter. */
  protected abstract slotsOf(options: O, param: Variable): readonly string[]

  /** What a state variable looks like, and what it holds at first: by default the parameter's form, and zeros. */
  protected slotLike(name: string, { shape, dtype }: Variable, options: O): Slot {
    ;(void name, options)
    return { shape, dtype, value: 0 }
  }

  /** The updates of one parameter; `slots` are its state variables; numbers are functions, so that they can be looked up later. */
  protected abstract update(
    param: Variable,
    grad: Tensor,
    slots: readonly Variable[],
    group: ParamGroup<O>,
    state: ParamState,
  ): Tensor | readonly Tensor[]

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
  }

  /** `step`, blocking. */
  stepSync(options: Pick<StepOptions, 'also' | 'scaler'> = {}): void {
    const { pending, also } = this.#begin(options)
    this.#consume(pending, () => performSync(pending.updates, also))
    countStep(pending, pending.finite)
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

  /** Takes over a state of an optimiser with the same parameters in the same order. STATE if it does not fit; nothing has changed then. */
  async loadStateDict(state: OptimizerState<O>): Promise<void> {
    const groups = this.paramGroups
    const counts = `${groups.length} groups of ${groups.map(({ params }) => params.length)} parameters`
    const fits = state.groups.length === groups.length && state.steps.length === this.#states.size
    check(
      fits,
      'STATE',
      this.#name,
      () => `the state has ${state.groups.length} groups and ${state.steps.length} parameters, not ${counts}.`,
    )
    groups.forEach((group, i) => {
      checkOptions(this.#name, state.groups[i], Object.keys(optionsOf(group)))
      this.check({ ...group, ...state.groups[i] })
    })
    const contents = new Map(state.tensors)
    const pairs = new Map<Variable, Tensor>()
    const slots = [...this.#paramsAndGroups()].map(([param, g], i) =>
      this.#loadSlots(param, i, { ...groups[g]!, ...state.groups[g] }, state.steps[i]!, contents, pairs),
    )
    for (const key of contents.keys())
      fail('STATE', this.#name, `the state has a tensor '${key}' that belongs to no parameter.`)
    await overwrite([...pairs])
    ;[...this.#states.values()].forEach((own, i) => {
      own.step = state.steps[i]!
      own.since = own.step === 0 ? 0 : -1
      slots[i]!.forEach((variable, name) => own.variables.set(name, variable))
    })
    groups.forEach((group, i) => Object.assign(group, state.groups[i]))
  }

  *#paramsAndGroups(): Generator<[Variable, number]> {
    for (const [g, { params }] of this.paramGroups.entries()) for (const param of params) yield [param, g]
  }

  /** The state variables of the i-th parameter; puts what they will hold into `pairs` and takes it out of `contents`. */
  #loadSlots(
    param: Variable,
    i: number,
    options: O,
    steps: number,
    contents: Map<string, TensorLike>,
    pairs: Map<Variable, Tensor>,
  ): Map<string, Variable> {
    const slots = new Map<string, Variable>()
    const own = this.#states.get(param)!
    // A compiled step holds on to the variables that are there; those without content begin anew.
    own.variables.forEach((variable, name) => pairs.set(variable, contentOf(this.slotLike(name, param, options))))
    for (const name of this.slotsOf(options, param)) {
      const key = `${i}.${name}`
      const content = contents.get(key)
      check(
        content || steps === 0,
        'STATE',
        this.#name,
        () => `the state has no tensor '${key}' for ${describe(param)}.`,
      )
      if (!content) continue
      contents.delete(key)
      const t = asTensor(this.#name, content)
      const variable = own.variables.get(name) ?? this.#slot(param, name, options)
      check(
        sameShape(t.shape, variable.shape),
        'STATE',
        this.#name,
        () => `'${key}' is ${showShape(t.shape)}, of ${describe(param)} it is ${showShape(variable.shape)}.`,
      )
      slots.set(name, variable)
      pairs.set(variable, t)
    }
    return slots
  }

  /** @internal The updates of all parameters that have a gradient. */
  pending(scaler: LossScaler | null = null): PendingStep {
    const params = this.paramGroups.flatMap((group) => group.params.filter(({ grad }) => grad !== null))
    if (!scaler || params.length === 0) return { ...this.#updates((param) => param.grad), finite: null }
    const { grads, finite, updates } = scaler.settle(params)
    const pending = guarded(finite, () => this.#updates((param) => grads.get(param) ?? null))
    return { ...pending, updates: [...pending.updates, ...updates], finite }
  }

  #updates(gradOf: (param: Variable) => Tensor | null): Omit<PendingStep, 'finite'> {
    const updates: Tensor[] = []
    const params: Variable[] = []
    const states: ParamState[] = []
    const roots = new Set<Tensor>()
    for (const group of this.paramGroups) {
      for (const param of group.params) {
        const grad = gradOf(param)
        if (!grad) continue
        const { shape, dtype } = param
        check(
          sameShape(grad.shape, shape) && grad.dtype === dtype,
          'SHAPE',
          this.#name,
          () =>
            `the gradient of ${describe(param)} must be ${dtype} as it is, got ${grad.dtype} ${showShape(grad.shape)}.`,
        )
        const state = this.#states.get(param)
        assert(state, 'internal: a parameter without state')
        const slots = this.slotsOf(group, param).map((name) => this.#slotOf(state, param, name, group))
        const made = this.update(param, grad, slots, group, state)
        updates.push(...(made instanceof Tensor ? [made] : made))
        params.push(param)
        states.push(state)
        for (const root of param.gradRoots) roots.add(root)
      }
    }
    return { updates, roots: [...roots], params, states }
  }

  /** @internal Counts a step from its submission on, unless it fails or is skipped; `finiteOf` finds what says so among the results. */
  async track<T>(
    pending: PendingStep,
    run: Promise<T>,
    finiteOf: (results: T) => Tensor | null = () => pending.finite,
  ): Promise<T> {
    count(pending, 1)
    try {
      const results = await run
      if (isSkipped(finiteOf(results))) count(pending, -1)
      return results
    } catch (error) {
      count(pending, -1)
      throw error
    }
  }

  #begin({ also = [], ...rest }: StepOptions): { pending: PendingStep; also: readonly Tensor[] } {
    checkOptions(this.#name, rest, ['also', 'signal', 'scaler'])
    const pending = this.pending(rest.scaler)
    const finite = pending.finite ? [pending.finite] : []
    return { pending, also: [...pending.roots, ...finite, ...also.map((t) => asTensor(this.#name, t))] }
  }

  /** A state variable of a parameter, made when it is first needed. */
  #slotOf(state: ParamState, param: Variable, name: string, options: O): Variable {
    const known = state.variables.get(name)
    if (known) return known
    const variable = this.#slot(param, name, options)
    state.variables.set(name, variable)
    state.since = state.step
    return variable
  }

  #slot(param: Variable, slotName: string, options: O): Variable {
    const name = param.name ? `${param.name}.${slotName}` : slotName
    return new Variable(contentOf(this.slotLike(slotName, param, options)), { name, trainable: false })
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

function count({ states }: PendingStep, by: number): void {
  for (const state of states) state.step += by
}

/** A step that was skipped was none. `finite` is evaluated. */
const isSkipped = (finite: Tensor | null): boolean => finite !== null && !arrayOf(finite.dtype, finite.value!.buffer)[0]

/** @internal Counts a step that has been made, or was skipped. */
export function countStep(pending: PendingStep, finite: Tensor | null): void {
  if (!isSkipped(finite)) count(pending, 1)
}

/** @internal Drops a gradient. */
export function forget(variable: Variable): void {
  variable.grad = null
  variable.gradRoots.clear()
}
