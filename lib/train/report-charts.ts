/** @file The report's curves: which there are, and their numbers. What draws them is report-script.ts. */
import { html, jsonForScript } from './report-html.ts'
import type { Html } from './report-html.ts'
import type { EpochRecord, History, StepRecord } from './history.ts'

type Points = readonly (readonly [x: number, y: number | null])[]

/** 'train' and 'validation' have their colours everywhere; 'trace' is a faint line behind them. */
type Role = 'train' | 'validation' | 'trace'

interface Series {
  readonly label: string
  readonly role: Role
  readonly points: Points
}

export interface Chart {
  readonly title: string
  /** How values are written. */
  readonly format: 'number' | 'bytes' | 'rate' | 'share'
  readonly series: readonly Series[]
  /** Whether the axis begins at 0. */
  readonly fromZero: boolean
}

/** More points than pixels show nothing more. */
const MAX_POINTS = 1200

/** All curves of a training over epochs: 2.5 is the middle of the third one. */
export function chartsOf(history: History): Chart[] {
  const { epochs, steps } = history
  const place = placesOf(history)
  const overEpochs = (valueOf: (record: EpochRecord) => number | undefined): Points =>
    epochs.flatMap((record) => {
      const value = valueOf(record)
      return value === undefined ? [] : [[place.ofEpoch(record), finite(value)] as const]
    })
  const overSteps = (valueOf: (record: StepRecord) => number): Points =>
    steps.map((record, i) => [place.ofStep(i), finite(valueOf(record))] as const)
  const metric = (name: string) => overEpochs(({ metrics }) => metrics[name])

  const losses = overSteps(({ loss }) => loss)
  const training: Series[] =
    steps.length > 1
      ? [
          { label: 'step', role: 'trace', points: thin(losses) },
          { label: 'training', role: 'train', points: thin(smooth(losses)) },
        ]
      : [{ label: 'training', role: 'train', points: metric('loss') }]
  const loss: Series[] = [...training, { label: 'validation', role: 'validation', points: metric('val_loss') }]
  const single = (title: string, format: Chart['format'], points: Points): Chart => {
    return { title, format, fromZero: true, series: [{ label: title.toLowerCase(), role: 'train', points }] }
  }
  const rates =
    steps.length > 1
      ? thin(overSteps(({ learningRate }) => learningRate))
      : overEpochs(({ learningRate }) => learningRate)
  const charts: Chart[] = [
    { title: 'Loss', format: 'number', fromZero: false, series: loss },
    ...metricNames(epochs).map((name): Chart => ({
      title: name.charAt(0).toUpperCase() + name.slice(1),
      format: 'number',
      fromZero: false,
      series: [
        { label: 'training', role: 'train', points: metric(name) },
        { label: 'validation', role: 'validation', points: metric(`val_${name}`) },
      ],
    })),
    single('Learning rate', 'number', rates),
    single(
      'Throughput',
      'rate',
      overEpochs(({ samplesPerSecond }) => samplesPerSecond),
    ),
    single(
      'Memory',
      'bytes',
      overEpochs(({ memoryBytes }) => memoryBytes),
    ),
    single(
      'Waiting for data',
      'share',
      overEpochs(({ waitShare }) => waitShare),
    ),
  ]
  return charts
    .map((chart) => ({ ...chart, series: chart.series.filter(({ points }) => points.some(([, y]) => y !== null)) }))
    .filter(({ series }) => series.length > 0)
}

/** Metrics of training and validation under one name, without the loss. */
export function metricNames(epochs: readonly EpochRecord[]): string[] {
  const names = epochs.flatMap(({ metrics }) => Object.keys(metrics).map((name) => name.replace(/^val_/, '')))
  return [...new Set(names)].filter((name) => name !== 'loss')
}

export function chartFigures(charts: readonly Chart[]): Html {
  const figures = charts.map(
    ({ title, series }, i) => html`
      <figure class="card chart" id="chart-${i}">
        <figcaption>
          <h3>${title}</h3>
          ${i === 0 && html`<button type="button" data-log="${i}" aria-pressed="false">log scale</button>`}
        </figcaption>
        <div
          class="plot"
          role="img"
          aria-label="${title} over epochs: ${series.map(({ label }) => label).join(', ')}"
        ></div>
      </figure>
    `,
  )
  return html`<div class="charts">${figures}</div>
    <script type="application/json" id="charts">
      ${jsonForScript(charts.map(aligned))}
    </script>`
}

/** As uPlot takes it: one list of x for all series. */
function aligned({ title, format, fromZero, series }: Chart) {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b)
  const columns = series.map(({ points }) => {
    const known = new Map(points)
    return xs.map((x) => known.get(x) ?? null)
  })
  return { title, format, fromZero, series: series.map(({ label, role }) => ({ label, role })), data: [xs, ...columns] }
}

/** Where records lie on the axis: an epoch at its end, its steps spread over it. */
function placesOf(history: History) {
  const counts = new Map<number, number>()
  const ranks = history.steps.map(({ epoch }) => {
    const rank = (counts.get(epoch) ?? 0) + 1
    counts.set(epoch, rank)
    return rank
  })
  // An epoch that was not finished has fewer steps than the others.
  const longest = Math.max(...counts.values())
  return {
    ofEpoch: ({ epoch }: EpochRecord) => epoch,
    ofStep: (i: number) => round(history.steps[i]!.epoch - 1 + ranks[i]! / longest),
  }
}

const finite = (value: number) => (Number.isFinite(value) ? value : null)

/** Six digits are more than a screen shows. */
const round = (value: number) => Number(value.toPrecision(6))

/** The smallest and the largest of each run of points, in their order: spikes stay. */
function thin(points: Points): Points {
  if (points.length <= MAX_POINTS) return points.map(([x, y]) => [x, y === null ? null : round(y)])
  const kept = new Set<number>([0, points.length - 1])
  const run = (2 * points.length) / MAX_POINTS
  for (let start = 0; start < points.length; start += run) {
    const places = Array.from({ length: Math.ceil(run) }, (_, k) => Math.floor(start) + k).filter(
      (i) => i < points.length,
    )
    const sorted = places.sort((a, b) => (points[a]![1] ?? NaN) - (points[b]![1] ?? NaN))
    kept.add(sorted[0]!).add(sorted.at(-1)!)
  }
  return [...kept]
    .sort((a, b) => a - b)
    .map((i) => points[i]!)
    .map(([x, y]) => [x, y === null ? null : round(y)])
}

/** The mean of about a fortieth of the points around each. */
function smooth(points: Points): Points {
  const reach = Math.max(2, Math.round(points.length / 80))
  const sums = [0]
  const counts = [0]
  for (const [, y] of points) {
    sums.push(sums.at(-1)! + (y ?? 0))
    counts.push(counts.at(-1)! + Number(y !== null))
  }
  return points.map(([x], i) => {
    // As far to both sides: no shift at the ends.
    const near = Math.min(reach, i, points.length - 1 - i)
    const n = counts[i + near + 1]! - counts[i - near]!
    return [x, n > 0 ? (sums[i + near + 1]! - sums[i - near]!) / n : null]
  })
}
