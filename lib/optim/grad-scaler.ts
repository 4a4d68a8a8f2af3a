/** @file GradScaler: a loss that is scaled so that gradients fit f16, and steps that are skipped where one has overflowed. */
import { isNarrow } from '../dtype.ts'
import { item } from '../engine/evaluate.ts'
import { overwrite } from '../engine/overwrite.ts'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { full } from '../ops/create.ts'
import { add, ge, isFinite, logicalAnd, lt, mul, reciprocal, where } from '../ops/elementwise.ts'
import { stack } from '../ops/layout.ts'
import { sum } from '../ops/reduction.ts'
import { asTensor, cast, operand } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import { touchedRows } from './touched-rows.ts'
import type { LossScaler, Optimizer, StepOptions } from './optimizer.ts'

export interface GradScalerOptions {
  /** What the loss is multiplied by at first. Default: 65536. */
  initScale?: number
  /** By what the scale grows after growthInterval steps without an overflow. Default: 2. */
  growthFactor?: number
  /** What an overflow leaves of the scale. Default: 0.5. */
  backoffFactor?: number
  /** Default: 2000. */
  growthInterval?: number
}

/**
 * Loss scaling for autocast('f16'), whose gradients would be too small for f16 (Micikevicius et al. 2018; the rule is PyTorch's). Give it
 * to trainStep as { scaler }, or by hand: `scaler.scale(loss).backward(); await scaler.step(optimizer)`. All in the plan of the step:
 * gradients are scaled back, and where one is not finite, parameters and the optimiser's state stay as they are, the step
 * does not count, and the scale shrinks. A sum of finite gradients of one parameter that leaves its dtype counts as an overflow too.
 */
export class GradScaler implements LossScaler {
  readonly #options: Required<GradScalerOptions>
  readonly #scale: Variable
  /** Steps since the scale changed. */
  readonly #tracker: Variable
  /** Scaled back already, by unscale(). */
  #unscaled = new Set<Variable>()

  constructor(options: GradScalerOptions = {}) {
    checkOptions('GradScaler', options, ['initScale', 'growthFactor', 'backoffFactor', 'growthInterval'])
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = options
    const must = (isRight: boolean, rule: string, got: number) =>
      check(isRight, 'VALUE', 'GradScaler', () => `${rule}, got ${String(got)}.`)
    must(initScale > 0 && Number.isFinite(Math.fround(initScale)), 'initScale is a positive number of f32', initScale)
    must(growthFactor > 1, 'growthFactor must be > 1', growthFactor)
    must(backoffFactor > 0 && backoffFactor < 1, 'backoffFactor lies in (0, 1)', backoffFactor)
    checkInteger('GradScaler', 'growthInterval', growthInterval, 1)
    this.#options = { initScale, growthFactor, backoffFactor, growthInterval }
    this.#scale = new Variable(full([], initScale), { name: 'scale', trainable: false })
    this.#tracker = new Variable(full([], 0), { name: 'growth_tracker', trainable: false })
  }

  /** The loss to call backward() on; a narrow one becomes f32. */
  scale(loss: TensorLike): Tensor {
    this.#unscaled.clear()
    const t = asTensor('scale', loss)
    const wide = isNarrow(t.dtype) ? cast(t, 'f32') : t
    return mul(wide, cast(this.#scale.read(), wide.dtype))
  }

  /** Scales gradients back before the step does: to clip them by hand. */
  unscale(parameters: Iterable<Variable>): void {
    const inverse = reciprocal(this.#scale.read())
    for (const param of parameters) {
      if (!param.grad || this.#unscaled.has(param)) continue
      param.grad = mul(param.grad, cast(inverse, param.grad.dtype))
      this.#unscaled.add(param)
    }
  }

  /** `optimizer.step()` with the gradients of a scaled loss. */
  step<O extends { lr: number }>(optimizer: Optimizer<O>, options: Omit<StepOptions, 'scaler'> = {}): Promise<void> {
    return optimizer.step({ ...options, scaler: this })
  }

  /** What the loss is multiplied by now. */
  getScale(): Promise<number> {
    return item(this.#scale.read())
  }

  /** @internal What a step does; changes nothing yet. */
  settle(params: readonly Variable[]): ReturnType<LossScaler['settle']> {
    const { growthFactor, backoffFactor, growthInterval } = this.#options
    const [scale, tracker] = [this.#scale.read(), this.#tracker.read()]
    const inverse = reciprocal(scale)
    const grads = new Map<Variable, Tensor>()
    for (const param of params) {
      const grad = param.grad!
      grads.set(param, this.#unscaled.has(param) ? grad : mul(grad, cast(inverse, grad.dtype)))
    }
    // Of a table the rows that were read, so that the whole gradient need not exist.
    const sums = [...grads.values()].map((grad) => cast(sum(touchedRows(grad)?.rows ?? grad), 'f64'))
    const finite = isFinite(sum(stack(sums)))
    const count = add(tracker, 1)
    const larger = mul(scale, operand(growthFactor, 'f32'))
    const isDue = ge(count, growthInterval)
    const grown = where(logicalAnd(isDue, isFinite(larger)), larger, scale)
    const updates = [
      assign(this.#scale, where(finite, grown, mul(scale, operand(backoffFactor, 'f32')))),
      assign(this.#tracker, where(logicalAnd(finite, lt(count, growthInterval)), count, 0)),
    ]
    return { grads, finite, updates }
  }

  /** Its state, for a checkpoint: the variables themselves, by PyTorch's names. */
  stateDict(): ReadonlyMap<string, Variable> {
    return new Map([this.#scale, this.#tracker].map((variable) => [variable.name, variable]))
  }

  /** Takes over a state. STATE if a tensor is missing; nothing has changed then. */
  async loadStateDict(state: ReadonlyMap<string, TensorLike>): Promise<void> {
    const pairs = [...this.stateDict()].map(([name, variable]): [Variable, Tensor] => {
      const given = state.get(name) ?? fail('STATE', 'GradScaler', `the state has no tensor '${name}'.`)
      return [variable, asTensor('GradScaler', given)]
    })
    await overwrite(pairs)
  }
}
