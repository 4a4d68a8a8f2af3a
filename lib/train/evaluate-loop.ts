/** @file Passes over data that change nothing: evaluation and prediction. */
import { check } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import { noGrad } from '../graph/state.ts'
import { Tensor } from '../graph/tensor.ts'
import type { Module } from '../nn/module.ts'
import { autocast } from '../ops/autocast.ts'
import type { AutocastDType } from '../ops/autocast.ts'
import { concat, narrow } from '../ops/layout.ts'
import { numbersOf, readable, samplesOf } from './batch.ts'
import type { Batch } from './batch.ts'
import { Reader } from './source.ts'
import type { BatchSource, Fetched } from './source.ts'
import type { Step } from './step.ts'
import type { Trained } from './train-state.ts'

/** Runs `work` with the model in its mode for use; afterwards each module is in the mode it was in. */
export async function inUse<R>(model: Module, work: () => Promise<R>): Promise<R> {
  const before = model.modules().map((module) => [module, module.training] as const)
  model.eval()
  try {
    return await work()
  } finally {
    for (const [module, training] of before) module.training = training
  }
}

/** Loss and metrics over one epoch of a source, always from its beginning and in the same order. `keepsSums`: those of a training that is under way. */
export async function evaluateAll(
  { model, meters }: Trained,
  step: Step,
  source: BatchSource,
  keepsSums: boolean,
): Promise<Record<string, number>> {
  const training = keepsSums ? meters.state() : null
  meters.reset()
  step.retrace()
  try {
    return await inUse(model, async () => {
      await overBatches(source, async ({ batch }, i) => {
        const where = `in the evaluation, at batch ${i + 1}`
        const computed = await step.look(batch, where)
        await meters.add(computed, Number(numbersOf(computed.loss!)[0]), samplesOf(batch), where)
      })
      check(meters.samples > 0, 'VALUE', 'evaluate', () => 'the data gave no batch.')
      return meters.compute()
    })
  } finally {
    if (training) meters.load(training)
    step.retrace()
  }
}

export async function predictAll(model: Module, source: BatchSource, dtype: AutocastDType): Promise<Tensor> {
  const outputs: Tensor[] = []
  await inUse(model, () =>
    overBatches(source, async ({ batch }) => {
      const inputs = !Array.isArray(batch) ? [batch] : batch.length > 1 ? batch.slice(0, -1) : batch
      const apply = model.forward as unknown as (...inputs: unknown[]) => unknown
      const output = noGrad(() => autocast(dtype, () => apply.apply(model, inputs)))
      check(
        output instanceof Tensor,
        'VALUE',
        'predict',
        () => 'the model must give one tensor. For others call model.forward on batches.',
      )
      await evaluate(output)
      outputs.push(output)
    }),
  )
  check(outputs.length > 0, 'VALUE', 'predict', () => 'the data gave no batch.')
  if (outputs.length === 1) return outputs[0]!
  const all = concat(outputs, 0)
  await evaluate(all)
  return all
}

/** One epoch from the beginning; the next batch is fetched while one is used. */
export async function overBatches(
  source: BatchSource,
  use: (fetched: Fetched, i: number) => Promise<void>,
): Promise<void> {
  const reader = new Reader(source)
  if (source.load) reader.load({ epoch: 0, batch: 0 })
  try {
    let current = await reader.next()
    for (let i = 0; current !== null; i++) {
      const used = use(current, i)
      const upcoming = reader.next()
      upcoming.catch(() => {})
      await used
      current = await upcoming
    }
  } finally {
    await reader.close()
  }
}

/** A tensor in batches along its first axis. */
export function slicesOf(x: Tensor, batchSize: number): BatchSource {
  return {
    *[Symbol.iterator](): Iterator<Batch> {
      const n = x.shape[0] ?? 0
      for (let at = 0; at < n; at += batchSize) yield narrow(x, 0, at, Math.min(batchSize, n - at))
    },
  }
}

/** The numbers of a tensor that need not be evaluated yet. */
export async function valuesOf(t: Tensor): Promise<ArrayLike<number | bigint>> {
  const copy = readable(t)
  await evaluate(copy)
  return numbersOf(copy)
}
