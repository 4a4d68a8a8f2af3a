/** @file What a Trainer evaluates: the step on a batch, with clipping and accumulation, and the look at a batch that changes nothing. */
import { TenonError } from '../errors.ts'
import { compile } from '../engine/compile.ts'
import { evaluate } from '../engine/evaluate.ts'
import { detach } from '../graph/gradient.ts'
import type { Row } from '../graph/row.ts'
import { noGrad, state } from '../graph/state.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import type { Module } from '../nn/module.ts'
import { clipGradNorm, clipGradValue } from '../optim/clip.ts'
import type { GradScaler } from '../optim/grad-scaler.ts'
import { forget } from '../optim/optimizer.ts'
import type { Optimizer } from '../optim/optimizer.ts'
import { compiledStep, differentiate, plainStep, signatureOf } from '../optim/train-step.ts'
import type { BuiltStep } from '../optim/train-step.ts'
import { autocast } from '../ops/autocast.ts'
import type { AutocastDType } from '../ops/autocast.ts'
import { zeros } from '../ops/create.ts'
import { add, div, mul } from '../ops/elementwise.ts'
import { cast, operand } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import { partsOf } from './batch.ts'
import type { Batch, Parts } from './batch.ts'
import type { Computed, Meters } from './meters.ts'

/** What the model made of a batch, and what it is compared with. */
export interface Passed<O = Batch, T = Batch> {
  readonly output: O
  readonly target: T
}

export interface Clip {
  /** The most that the norm of all gradients together may be. */
  norm?: number
  /** The most that a number of a gradient may be. */
  value?: number
}

export interface StepParts {
  readonly model: Module
  readonly optimizer: Optimizer<{ lr: number }>
  readonly forward: (batch: Batch) => Passed
  readonly loss: (output: never, target: never) => Tensor
  readonly meters: Meters
  readonly clip: Clip
  readonly compile: boolean
  /** 'f32': off. */
  readonly autocast: AutocastDType
  readonly scaler: GradScaler | null
}

/**
 * Which part of a group of batches whose gradients make one step: the only one, the first, one between, the last. Only 'whole' and
 * 'last' write parameters.
 */
export type Phase = 'whole' | 'first' | 'more' | 'last'

/** More shapes than this are not kept compiled. */
const MAX_TRACES = 32

type Results = Record<string, Tensor> & { loss: Tensor }
type StepFunction = (...tensors: Tensor[]) => Promise<Results>

/** Fails when it runs unless its input is finite, before anything is written. */
const finiteRow = (name: string): Row => ({
  name,
  kind: 'kernel',
  canFail: true,
  infer: ([x]) => x!,
  vjp: { none: 'it is a check' },
  emit: (e) => {
    e.instr('checkRange', [], [e.packed(e.input(0))], [-Number.MAX_VALUE, Number.MAX_VALUE])
    e.copy(e.output(), e.input(0))
  },
})
const checks = { loss: finiteRow('checkLoss'), gradient: finiteRow('checkGradient') }
const checkFinite = (row: Row, t: Tensor) => apply(row, [cast(detach(t), 'f64')], null)

/** Whether a step was not made because a number was not finite: 'loss' or 'gradient'. */
export function nonFinite(error: unknown): keyof typeof checks | null {
  if (!(error instanceof TenonError)) return null
  return error.op === checks.loss.name ? 'loss' : error.op === checks.gradient.name ? 'gradient' : null
}

export class Step {
  readonly #parts: StepParts
  /** Sums of gradients by parameter, while accumulating. */
  readonly #sums = new Map<Variable, Variable>()
  /** Samples of this batch, and of all batches of the group up to it. */
  #weight = 0
  #total = 0
  /** Makes the batch that is being traced of its tensors. */
  #batch: Parts['rebuild'] = () => []
  #where = ''
  #functions = new Map<string, Functions>()
  #traced = 0

  constructor(parts: StepParts) {
    this.#parts = parts
  }

  /** Functions are traced again: what they close over (a number that a callback changes each epoch) counts from now on. */
  retrace(): void {
    this.#functions = new Map()
    this.#traced = 0
  }

  /** Makes a step on a batch. `where` is what errors call it. */
  async train(batch: Batch, samples: number, phase: Phase, where: string): Promise<Computed> {
    this.#weight = samples
    this.#total = (phase === 'whole' || phase === 'first' ? 0 : this.#total) + samples
    try {
      return await this.#run(phase, batch, where)
    } catch (error) {
      // A batch that is left out does not count in the mean.
      this.#total -= samples
      throw error
    }
  }

  /** Computes loss and metrics without a change. */
  look(batch: Batch, where: string): Promise<Computed> {
    return this.#run('look', batch, where)
  }

  #run(kind: Phase | 'look', batch: Batch, where: string): Promise<Results> {
    this.#where = where
    const { tensors, structure, rebuild } = partsOf(batch)
    this.#batch = rebuild
    const id = `${kind} ${structure}`
    let functions = this.#functions.get(id)
    if (!functions) this.#functions.set(id, (functions = this.#make(kind)))
    if (structure === null || !this.#parts.compile || functions.isVolatile) return functions.plain(...tensors)
    const signature = signatureOf(tensors)
    const calls = functions.calls.get(signature) ?? 0
    if (calls === 0 && this.#traced >= MAX_TRACES) return functions.plain(...tensors)
    functions.calls.set(signature, calls + 1)
    if (calls === 0) this.#traced++
    return calls === 1 ? this.#verified(functions, tensors) : functions.compiled(...tensors)
  }

  /** The second call traces again: a function that then differs depends on more than its arguments, and stays uncompiled. */
  async #verified(functions: Functions, tensors: readonly Tensor[]): Promise<Results> {
    const before = state.debug
    state.debug = true
    let run: Promise<Results>
    try {
      run = functions.compiled(...tensors)
    } finally {
      state.debug = before
    }
    return run.catch((error: unknown) => {
      if (!(error instanceof TenonError && error.code === 'TRACE') || before) throw error
      functions.isVolatile = true
      return functions.plain(...tensors)
    })
  }

  #make(kind: Phase | 'look'): Functions {
    const { optimizer } = this.#parts
    const calls = new Map<string, number>()
    if (kind === 'look') {
      const look = (...tensors: Tensor[]) => noGrad(() => this.#forward(tensors))
      const plain = async (...tensors: Tensor[]) => {
        const results = look(...tensors)
        await evaluate(...Object.values(results))
        return results
      }
      return { plain, compiled: compile(look) as StepFunction, calls, isVolatile: false }
    }
    const build = (tensors: readonly Tensor[]) => this.#build(kind, tensors)
    return {
      plain: plainStep<Tensor[], Results>(optimizer, build),
      compiled: compiledStep<Tensor[], Results>(optimizer, build),
      calls,
      isVolatile: false,
    }
  }

  #forward(tensors: readonly Tensor[]): Results {
    const { meters } = this.#parts
    const { output, target, loss } = autocast(this.#parts.autocast, () => this.#lossOf(tensors))
    return { loss, ...meters.measure(output, target, this.#where) }
  }

  #lossOf(tensors: readonly Tensor[]): Passed & { readonly loss: Tensor } {
    const { forward, loss } = this.#parts
    const { output, target } = forward(this.#batch(tensors))
    return { output, target, loss: loss(output as never, target as never) }
  }

  #build(phase: Phase, tensors: readonly Tensor[]): BuiltStep<Results> {
    const { model, optimizer, clip, scaler } = this.#parts
    const { results, reached } = differentiate(model, optimizer, () => this.#forward(tensors), scaler)
    const checked: Results = { ...results, loss: checkFinite(checks.loss, results.loss) }
    const params = reached.filter(({ grad }) => grad !== null)
    if (phase === 'first' || phase === 'more') {
      const updates = params.map((param) => this.#accumulate(param, phase))
      reached.forEach(forget)
      return { results: checked, updates, pending: null }
    }
    if (phase === 'last') params.forEach((param) => this.#finish(param))
    scaler?.unscale(params)
    if (clip.value !== undefined) clipGradValue(params, clip.value)
    if (clip.norm !== undefined) {
      const norm = clipGradNorm(params, clip.norm)
      // With a scaler an overflow is nothing to fail for.
      checked.gradNorm = scaler ? norm : checkFinite(checks.gradient, norm)
    }
    const pending = optimizer.pending(scaler)
    if (pending.finite) checked.finite = pending.finite
    reached.forEach(forget)
    return { results: checked, updates: pending.updates, pending }
  }

  #weighted(param: Variable): Tensor {
    return mul(
      param.grad!,
      operand(() => this.#weight, param.dtype),
    )
  }

  #sumOf(param: Variable): Variable {
    let sum = this.#sums.get(param)
    if (!sum) {
      sum = new Variable(zeros(param.shape, { dtype: param.dtype }), { name: `${param.name}.sum`, trainable: false })
      this.#sums.set(param, sum)
    }
    return sum
  }

  #accumulate(param: Variable, phase: 'first' | 'more'): Tensor {
    const sum = this.#sumOf(param)
    const own = this.#weighted(param)
    return assign(sum, phase === 'first' ? own : add(sum, own))
  }

  /** The mean of the group's gradients, weighted by samples. */
  #finish(param: Variable): void {
    const total = operand(() => this.#total, param.dtype)
    param.grad = div(add(this.#sumOf(param), this.#weighted(param)), total)
  }
}

interface Functions {
  readonly plain: StepFunction
  readonly compiled: StepFunction
  /** Calls of the compiled one by shapes. */
  readonly calls: Map<string, number>
  /** It turned out to depend on more than its arguments. */
  isVolatile: boolean
}
