/** @file What a Trainer hands to the report: the history, what the model confuses, its worst mistakes, how to do it again. */
import { cpus } from 'node:os'
import { basename } from 'node:path'
import { checkOptions } from '../errors.ts'
import { noGrad } from '../graph/state.ts'
import { Tensor } from '../graph/tensor.ts'
import { modelSummary } from '../nn/summary.ts'
import { argMax, max } from '../ops/reduction.ts'
import { softmax } from '../ops/normalize.ts'
import { generator } from '../random.ts'
import { version } from '../version.ts'
import { inUse, overBatches, valuesOf } from './evaluate-loop.ts'
import type { ReportInput } from './report.ts'
import type { BatchSource } from './source.ts'
import type { Trained } from './train-state.ts'

export interface ReportOptions<D = unknown> {
  /** Default: the name of the model's class. */
  title?: string
  /** Batches [x, labels] to look at. */
  data?: D | null
  /** Of a Dataset. Default: 32. */
  batchSize?: number
  /** Names of the classes. Default: their numbers. */
  labels?: readonly string[] | null
  /** How many mistakes are shown. Default: 24. */
  mistakes?: number
  /** What a sample of [x, labels] looks like, from its numbers. Default: a picture, where x is [B, H, W] or [B, 1 or 3, H, W]. */
  show?: ((numbers: Float64Array, shape: readonly number[]) => Shown) | null
  /** How to do it again. Default: the program's name and arguments. */
  commands?: readonly string[] | null
  /** What else somebody needs who wants the same numbers. */
  options?: unknown
}

type Mistake = NonNullable<ReportInput['mistakes']>[number]
export type Shown = Pick<Mistake, 'image' | 'text'>

export async function resultsOf(
  trained: Trained,
  source: BatchSource | null,
  options: ReportOptions,
): Promise<ReportInput> {
  checkOptions('report', options, ['title', 'data', 'batchSize', 'labels', 'mistakes', 'show', 'commands', 'options'])
  const { model, history, optimizer } = trained
  const { title = model.constructor.name, labels = null, mistakes = 24, show = null } = options
  const looked = source && (await lookAt(trained, source, { labels, mistakes, show: show ?? pictureOf }))
  const { groups } = optimizer.stateDict()
  const settings = { optimizer: { name: optimizer.constructor.name, groups }, epochs: history.epochs.length }
  return {
    title,
    history,
    model,
    ...(looked ?? {}),
    reproduce: {
      seed: generator.seed,
      versions: { tenon: version(), node: process.version, processor: cpus()[0]?.model ?? 'unknown' },
      commands: options.commands ?? [['node', ...process.argv.slice(1).map((arg) => basename(arg))].join(' ')],
      options: options.options ?? settings,
    },
  }
}

interface LookOptions {
  readonly labels: readonly string[] | null
  readonly mistakes: number
  readonly show: (numbers: Float64Array, shape: readonly number[]) => Shown
}

/** Nothing for batches that are not of a classification. */
async function lookAt({ model }: Trained, source: BatchSource, options: LookOptions): Promise<Partial<ReportInput>> {
  let summary: ReportInput['summary']
  let counts: number[][] = []
  const worst: Mistake[] = []
  await inUse(model, () =>
    overBatches(source, async ({ batch }) => {
      const [x, truth] = (Array.isArray(batch) ? batch : []) as unknown[]
      if (!(x instanceof Tensor)) return
      summary ??= modelSummary(model, x)
      if (!(truth instanceof Tensor) || truth.rank !== 1) return
      const logits = noGrad(() => (model.forward as unknown as (x: Tensor) => unknown).call(model, x))
      if (!(logits instanceof Tensor) || logits.rank !== 2 || logits.shape[1]! < 2) return
      const predicted = await valuesOf(argMax(logits, 1))
      const confidence = await valuesOf(max(softmax(logits, 1), 1))
      const numbers = await valuesOf(x)
      const labels = await valuesOf(truth)
      const n = logits.shape[1]!
      if (counts.length === 0) counts = Array.from({ length: n }, () => new Array<number>(n).fill(0))
      for (let i = 0; i < labels.length; i++) {
        const [is, was] = [Number(labels[i]), Number(predicted[i])]
        if (!counts[is]) continue
        counts[is][was]!++
        if (is === was) continue
        const size = numbers.length / labels.length
        const sample = Float64Array.from({ length: size }, (_, j) => Number(numbers[i * size + j]))
        const nameOf = (label: number) => options.labels?.[label] ?? label
        worst.push({
          truth: nameOf(is),
          predicted: nameOf(was),
          confidence: Number(confidence[i]),
          ...options.show(sample, x.shape.slice(1)),
        })
      }
      worst.sort((a, b) => b.confidence - a.confidence)
      worst.splice(options.mistakes)
    }),
  )
  const names = counts.map((_, i) => options.labels?.[i] ?? String(i))
  return {
    ...(summary ? { summary } : {}),
    ...(counts.length > 0 ? { confusion: { labels: names, counts }, mistakes: worst } : {}),
  }
}

/** Grey or coloured pixels, stretched to what a screen shows. */
function pictureOf(numbers: Float64Array, shape: readonly number[]): Shown {
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape
  if (shape.length < 2 || shape.length > 3 || (channels !== 1 && channels !== 3)) return {}
  let [low, high] = [Infinity, -Infinity]
  for (const x of numbers) [low, high] = [Math.min(low, x), Math.max(high, x)]
  const scale = high > low ? 255 / (high - low) : 0
  const area = height! * width!
  // [C, H, W] becomes [H, W, C].
  const pixels = Uint8Array.from(numbers, (_, i) =>
    Math.round((numbers[(i % channels) * area + Math.floor(i / channels)]! - low) * scale),
  )
  return { image: { width: width!, height: height!, pixels, channels } }
}
