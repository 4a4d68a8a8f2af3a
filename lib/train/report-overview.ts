/** @file The head of the report: a line and a few large numbers, what one asks for first. */
import type { Module } from '../nn/module.ts'
import { showBytes, showCount, showSeconds } from '../units.ts'
import type { History } from './history.ts'
import { metricNames } from './report-charts.ts'
import { html } from './report-html.ts'
import type { Html } from './report-html.ts'

/** The line under the title. */
export function lead({ epochs, steps, stopped }: History, model: Module, seed: number | string): string {
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0)
  const length = [
    plural(epochs.length, 'epoch'),
    ...(steps.length > 0 ? [plural(steps.length, 'step')] : []),
    showSeconds(seconds),
    ...(stopped ? [`stopped early (${stopped})`] : []),
  ]
  return `${model.constructor.name}, ${showCount(model.numParameters)} parameters · ${length.join(', ')} · seed ${seed}`
}

interface Tile {
  readonly label: string
  readonly value: string
  readonly note: string
}

/** The numbers that one asks for first. */
export function tiles(history: History, model: Module): Html {
  const { epochs } = history
  const last = epochs.at(-1)
  if (!last) return html`<p class="muted">No epoch was finished.</p>`
  const names = [...metricNames(epochs), 'loss'].slice(0, 3)
  const results = names.map((name) => resultTile(history, `val_${name}` in last.metrics ? `val_${name}` : name))
  const rates = epochs.map(({ samplesPerSecond }) => samplesPerSecond).sort((a, b) => a - b)
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0)
  const cost: Tile[] = [
    { label: 'Training time', value: showSeconds(seconds), note: `${showSeconds(seconds / epochs.length)} an epoch` },
    { label: 'Throughput', value: `${showCount(rates[rates.length >> 1]!)}/s`, note: 'samples, median of epochs' },
    {
      label: 'Memory',
      value: showBytes(Math.max(...epochs.map((epoch) => epoch.memoryBytes))),
      note: `weights ${showBytes(weightBytes(model))}`,
    },
  ]
  const cards = [...results.filter((tile) => tile !== null), ...cost].map(
    ({ label, value, note }) =>
      html`<div class="card tile">
        <div class="label">${label}</div>
        <div class="value">${value}</div>
        <div class="note">${note}</div>
      </div>`,
  )
  return html`<div class="tiles">${cards}</div>`
}

function resultTile(history: History, name: string): Tile | null {
  const known = history.epochs.filter(({ metrics }) => Number.isFinite(metrics[name]))
  const last = history.epochs.at(-1)!.metrics[name]
  if (last === undefined || known.length === 0) return null
  const sign = isLowerBetter(name) ? 1 : -1
  const best = known.reduce((a, b) => (sign * b.metrics[name]! < sign * a.metrics[name]! ? b : a))
  const label = name.startsWith('val_') ? `Validation ${name.slice(4)}` : `Training ${name}`
  return {
    label,
    value: showMetric(last),
    note: `best ${showMetric(best.metrics[name]!)} in epoch ${best.epoch}`,
  }
}

const isLowerBetter = (name: string): boolean => /loss|error|mae|mse|perplexity|(^|_)[wc]er$/i.test(name)

export const showMetric = (value: number): string =>
  Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? value.toFixed(4) : value.toPrecision(4)

function weightBytes(model: Module): number {
  const variables = new Set(model.stateDict().values())
  return [...variables].reduce((n, { bytes }) => n + bytes, 0)
}

const plural = (n: number, name: string): string => `${n.toLocaleString('en')} ${name}${n === 1 ? '' : 's'}`
