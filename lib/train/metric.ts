/** @file Metrics: what they are, and the two ways to make one: from a function of a batch, and from sums. The metrics are in metrics.ts. */
import type { TypedArray } from '../dtype.ts'
import { check, fail } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import type { Tensor } from '../graph/tensor.ts'
import { noGrad } from '../graph/state.ts'
import { numbersOf, readable, samplesOf } from './batch.ts'
import type { Batch } from './batch.ts'

/** A number about many batches. `O` is what the model gives, `T` what it is compared with. */
export interface Metric<O = Tensor, T = Tensor> {
  readonly name: string
  /** Forgets all batches. */
  reset(): void
  /** Takes a batch; tensors are evaluated. */
  update(output: O, target: T): Promise<void> | void
  /** Of all batches since reset(). */
  compute(): number
  /** What it remembers, as JSON, and the same back: without them it counts anew when a training goes on within an epoch. */
  state?(): unknown
  load?(state: unknown): void
}

/** The mean over a batch, as part of the graph. */
export type MetricFunction<O = Tensor, T = Tensor> = (output: O, target: T) => Tensor

/**
 * A metric made of numbers that add up. `measure` says in ops what a batch contributes; a Trainer computes it together with the step.
 */
export abstract class GraphMetric<O = Tensor, T = Tensor> implements Metric<O, T> {
  abstract readonly name: string
  /** What compute() is made from. */
  protected totals: number[] = []

  /** What add() will need of a batch. */
  abstract measure(output: O, target: T): readonly Tensor[]

  /** Takes what measure() gave, computed. */
  abstract add(values: readonly TypedArray[], samples: number): void

  abstract compute(): number

  reset(): void {
    this.totals = []
  }

  async update(output: O, target: T): Promise<void> {
    const measured = noGrad(() => this.measure(output, target).map(readable))
    await evaluate(...measured)
    this.add(measured.map(numbersOf), samplesOf(target as Batch))
  }

  state(): unknown {
    return [...this.totals]
  }

  load(state: unknown): void {
    const isNumbers = Array.isArray(state) && state.every((total) => typeof total === 'number')
    check(isNumbers, 'STATE', this.name, () => 'its state is a list of numbers.')
    this.totals = [...(state as number[])]
  }

  /** Adds numbers to the totals, place by place. */
  protected sum(values: ArrayLike<number | bigint>): void {
    for (let i = 0; i < values.length; i++) this.totals[i] = (this.totals[i] ?? 0) + Number(values[i])
  }
}

/** The mean of a function over batches, weighted by their samples. */
export class MeanMetric<O = Tensor, T = Tensor> extends GraphMetric<O, T> {
  readonly name: string
  readonly #fn: MetricFunction<O, T>

  constructor(name: string, fn: MetricFunction<O, T>) {
    super()
    this.name = name
    this.#fn = fn
  }

  override measure(output: O, target: T): readonly Tensor[] {
    const value = this.#fn(output, target) as Tensor | undefined
    if (value?.size === 1) return [value]
    return fail('VALUE', this.name, `a metric function gives a tensor of one element, got ${String(value)}.`)
  }

  override add([value]: readonly TypedArray[], samples: number): void {
    this.sum([Number(value![0]) * samples, samples])
  }

  override compute(): number {
    return (this.totals[0] ?? 0) / (this.totals[1] ?? 0)
  }
}

type Given<O, T> = Metric<O, T> | MetricFunction<O, T>

/** What a Trainer takes: by name, or a list of metrics that have names. */
export type Metrics<O = Tensor, T = Tensor> = Readonly<Record<string, Given<O, T>>> | readonly Given<O, T>[]

/** The metrics by the names under which they are reported. */
export function metricsByName<O, T>(given: Metrics<O, T> | undefined): Map<string, Metric<O, T>> {
  const named: [string, Given<O, T>][] = Array.isArray(given)
    ? (given as readonly Given<O, T>[]).map((metric) => [metric.name, metric])
    : Object.entries((given ?? {}) as Record<string, Given<O, T>>)
  const found = new Map<string, Metric<O, T>>()
  for (const [name, metric] of named) {
    check(name !== '' && name !== 'loss', 'VALUE', 'Trainer', () => `a metric cannot be named '${name}'.`)
    check(!found.has(name), 'VALUE', 'Trainer', () => `two metrics are named '${name}'. Name them: { a: ..., b: ... }.`)
    if (typeof metric === 'function') found.set(name, new MeanMetric(name, metric))
    else if (typeof metric?.compute === 'function') found.set(name, metric)
    else fail('VALUE', 'Trainer', `the metric '${name}' must be a function or a Metric, got ${typeof metric}.`)
  }
  return found
}
