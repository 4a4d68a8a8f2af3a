/** @file Averages of weights: moving ones (EMA) and of all (SWA), which often generalise better than the weights themselves. */
import { evaluate, perform } from '../engine/evaluate.ts'
import { overwrite } from '../engine/overwrite.ts'
import { check, checkOptions, fail } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { isFloat } from '../dtype.ts'
import { zeros } from '../ops/create.ts'
import { add, mul, sub } from '../ops/elementwise.ts'
import { asTensor, operand } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import { sameShape } from '../shape.ts'

/** What is averaged: modules have it. */
interface Averaged {
  stateDict(): ReadonlyMap<string, Variable>
}

export interface AveragedOptions {
  /** What the average keeps of itself at each update, in [0, 1); null: it is the mean of all (Izmailov et al. 2018). Default: 0.999. */
  decay?: number | null
  /**
   * The first updates keep less, min(decay, (1 + n) / (10 + n)) after n updates, so that the start is forgotten. Default: false.
   */
  warmup?: boolean
}

/**
 * Averages of all float variables of a model, parameters and buffers; others are copied. Call `await average.update()` after each step, and
 * `await average.use(async () => ...)` to work with the averages in the model's place (Polyak & Juditsky 1992).
 */
export class AveragedModel {
  readonly #model: Averaged
  readonly #averages = new Map<string, Variable>()
  readonly #decay: number | null
  readonly #warmup: boolean
  #updates = 0

  constructor(model: Averaged, options: AveragedOptions = {}) {
    checkOptions('AveragedModel', options, ['decay', 'warmup'])
    const { decay = 0.999, warmup = false } = options
    check(
      decay === null || (decay >= 0 && decay < 1),
      'VALUE',
      'AveragedModel',
      () => `decay lies in [0, 1), got ${String(decay)}.`,
    )
    this.#model = model
    this.#decay = decay
    this.#warmup = warmup
  }

  /** Updates made. */
  get numUpdates(): number {
    return this.#updates
  }

  /** The averages by the variables' names; empty before the first update. */
  stateDict(): ReadonlyMap<string, Variable> {
    return this.#averages
  }

  /** Takes the model's present values in. The first update copies them. */
  async update(): Promise<void> {
    const updates: Tensor[] = []
    const variables = this.#model.stateDict()
    const share = 1 - this.#keeps()
    for (const [name, variable] of variables) {
      const now = variable.read()
      const average = this.#averages.get(name)
      if (!average) {
        const made = like(variable, name)
        this.#averages.set(name, made)
        updates.push(assign(made, now))
      } else if (!isFloat(variable.dtype) || share === 1) updates.push(assign(average, now))
      else {
        const old = average.read()
        updates.push(assign(average, add(old, mul(sub(now, old), operand(share, variable.dtype)))))
      }
    }
    await perform(updates, [])
    this.#updates++
  }

  /** What the average keeps of itself at the next update. */
  #keeps(): number {
    const n = this.#updates
    if (n === 0) return 0
    if (this.#decay === null) return n / (n + 1)
    return this.#warmup ? Math.min(this.#decay, (1 + n) / (10 + n)) : this.#decay
  }

  /** Writes the averages into the model. */
  async apply(): Promise<void> {
    check(this.#updates > 0, 'STATE', 'AveragedModel', () => 'there is no average yet. Call update() first.')
    await overwrite([...this.#model.stateDict()].map(([name, v]) => [v, this.#averages.get(name)!.read()] as const))
  }

  /** Runs `work` while the model has the averages; afterwards it has its own values again. */
  async use<R>(work: () => Promise<R> | R): Promise<R> {
    const own: [Variable, Tensor][] = []
    for (const variable of new Set(this.#model.stateDict().values())) own.push([variable, await copyOf(variable)])
    await this.apply()
    try {
      return await work()
    } finally {
      await overwrite(own)
    }
  }

  /** For a checkpoint: the averages are in stateDict(). */
  state(): { readonly updates: number } {
    return { updates: this.#updates }
  }

  /** Takes over averages, and how many updates they had. STATE if a tensor is missing or has another shape; nothing has changed then. */
  async load(tensors: ReadonlyMap<string, TensorLike>, { updates }: { readonly updates: number }): Promise<void> {
    const pairs: [Variable, Tensor][] = []
    const averages = new Map<string, Variable>()
    for (const [name, variable] of this.#model.stateDict()) {
      const given = tensors.get(name)
      if (!given) fail('STATE', 'AveragedModel', `the state has no '${name}'.`)
      const t = asTensor('AveragedModel', given)
      if (!sameShape(t.shape, variable.shape)) fail('STATE', 'AveragedModel', `'${name}' has another shape.`)
      const average = this.#averages.get(name) ?? like(variable, name)
      averages.set(name, average)
      pairs.push([average, t])
    }
    await overwrite(pairs)
    averages.forEach((average, name) => this.#averages.set(name, average))
    this.#updates = updates
  }
}

/** A variable of the same form. */
const like = ({ shape, dtype }: Variable, name: string): Variable =>
  new Variable(zeros(shape, { dtype }), { name, trainable: false })

/** Its content, in a place of its own. */
async function copyOf(variable: Variable): Promise<Tensor> {
  const now = detach(variable.read())
  await evaluate(now)
  return now
}
