/** @file Meters: the loss and the metrics of a pass over data: what a step computes for them, and their sums. */
import type { TypedArray } from '../dtype.ts'
import { TenonError } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { numbersOf, partsOf, readable } from './batch.ts'
import type { Batch, Parts } from './batch.ts'
import { GraphMetric } from './metric.ts'
import type { Metric } from './metric.ts'

type AnyMetric = Metric<never, never>

/** What a step gives by name, evaluated. */
export type Computed = Readonly<Record<string, Tensor>>

/** Sums of an unfinished pass, as JSON. */
export interface MeterState {
  readonly loss: number
  readonly samples: number
  readonly metrics: Readonly<Record<string, unknown>>
  readonly broken: readonly string[]
}

export type MetricFailure = 'throw' | 'skip'

/** Ours among the results of a step: a model's own names cannot meet them. */
const key = (...parts: (string | number)[]) => parts.join('/')

export class Meters {
  readonly metrics: ReadonlyMap<string, AnyMetric>
  readonly #onError: MetricFailure
  #loss = 0
  #samples = 0
  /** Metrics that threw and are left out until the end of the pass. */
  #broken = new Set<string>()
  /** Make output and target of their tensors, as they were when measure() was last called. */
  #rebuildOutput: Parts['rebuild'] = () => []
  #rebuildTarget: Parts['rebuild'] = () => []

  constructor(metrics: ReadonlyMap<string, AnyMetric>, onError: MetricFailure) {
    this.metrics = metrics
    this.#onError = onError
  }

  reset(): void {
    this.#loss = 0
    this.#samples = 0
    this.#broken.clear()
    for (const [name, metric] of this.metrics) this.#guard(name, 'at its beginning', () => metric.reset())
  }

  /** What has to be computed of a batch, by name. */
  measure(output: Batch, target: Batch, where: string): Record<string, Tensor> {
    const wanted: Record<string, Tensor> = {}
    let needsOutput = false
    for (const [name, metric] of this.metrics) {
      if (!(metric instanceof GraphMetric)) needsOutput = true
      else {
        const measured = this.#guard(name, where, () => metric.measure(output as never, target as never))
        measured?.forEach((t: Tensor, i: number) => (wanted[key('metric', name, i)] = readable(t)))
      }
    }
    if (needsOutput) {
      const [given, truth] = [partsOf(output), partsOf(target)]
      this.#rebuildOutput = given.rebuild
      this.#rebuildTarget = truth.rebuild
      given.tensors.forEach((t, i) => (wanted[key('output', i)] = readable(t)))
      truth.tensors.forEach((t, i) => (wanted[key('target', i)] = readable(t)))
    }
    return wanted
  }

  /** Takes a batch in, from what was computed of it. */
  async add(computed: Computed, loss: number, samples: number, where: string): Promise<void> {
    this.#loss += loss * samples
    this.#samples += samples
    const list = (kind: string) => {
      const found: Tensor[] = []
      for (let i = 0; computed[key(kind, i)]; i++) found.push(computed[key(kind, i)]!)
      return found
    }
    for (const [name, metric] of this.metrics) {
      if (metric instanceof GraphMetric) {
        const values: TypedArray[] = list(key('metric', name)).map(numbersOf)
        if (values.length > 0) this.#guard(name, where, () => metric.add(values, samples))
      } else {
        const [output, target] = [this.#rebuildOutput(list('output')), this.#rebuildTarget(list('target'))]
        const done = this.#guard(name, where, () => metric.update(output as never, target as never))
        await Promise.resolve(done).catch((error: unknown) => this.#fail(name, where, error))
      }
    }
  }

  /** loss and metrics of the pass so far. */
  compute(): Record<string, number> {
    const results: Record<string, number> = { loss: this.#loss / this.#samples }
    for (const [name, metric] of this.metrics) {
      const value = this.#guard(name, 'at its end', () => metric.compute())
      results[name] = value === undefined || this.#broken.has(name) ? NaN : value
    }
    return results
  }

  /** Mean loss so far. */
  get loss(): number {
    return this.#loss / this.#samples
  }

  get samples(): number {
    return this.#samples
  }

  state(): MeterState {
    const metrics = [...this.metrics].map(([name, metric]) => [name, metric.state?.() ?? null] as const)
    const broken = [...this.#broken]
    return { loss: this.#loss, samples: this.#samples, metrics: Object.fromEntries(metrics), broken }
  }

  load(state: MeterState): void {
    this.reset()
    this.#loss = state.loss
    this.#samples = state.samples
    this.#broken = new Set(state.broken)
    for (const [name, metric] of this.metrics) {
      const own = state.metrics[name]
      if (own !== undefined && own !== null) metric.load?.(own)
    }
  }

  #guard<R>(name: string, where: string, work: () => R): R | undefined {
    if (this.#broken.has(name)) return undefined
    try {
      return work()
    } catch (error) {
      return this.#fail(name, where, error)
    }
  }

  #fail(name: string, where: string, error: unknown): undefined {
    this.#broken.add(name)
    if (this.#onError === 'skip') return undefined
    const message = error instanceof Error ? error.message : String(error)
    throw new TenonError('VALUE', 'Trainer', `the metric '${name}' failed ${where}: ${message}`, { cause: error })
  }
}
