/** @file The benchmark's rows as one HTML page: how far ahead tenon is of each peer, as bars, and the table. It asks no network. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Html, html, jsonForScript } from '../../lib/train/report-html.ts'
import type { Row } from './result.ts'
import { cellsOf, titles } from './table.ts'

interface Chart {
  readonly title: string
  readonly names: readonly string[]
  /** log2 of the ratio: above 0 tenon is ahead. */
  readonly heights: readonly number[]
}

export function writePage(file: string, machine: string, rows: readonly Row[]): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, pageOf(machine, rows).text)
  console.error(`report: ${file}`)
}

/** One chart for each peer and number of threads. */
export function chartsOf(rows: readonly Row[]): Chart[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    if (row.ratio === null) continue
    const title = `${row.versus}, ${row.threads} ${row.threads === 1 ? 'thread' : 'threads'}`
    groups.set(title, [...(groups.get(title) ?? []), row])
  }
  return Array.from(groups, ([title, group]) => {
    const usual = group.filter(({ name }) => !name.includes(':'))
    const heights = usual.map(({ ratio }) => Math.log2(ratio!))
    const mean = 2 ** (heights.reduce((a, b) => a + b, 0) / heights.length)
    const names = usual.map(({ name }) => name)
    return { title: `against ${title}: ${mean.toFixed(2)} times as fast (geometric mean)`, names, heights }
  })
}

export function pageOf(machine: string, rows: readonly Row[]): Html {
  const charts = chartsOf(rows)
  const require = createRequire(import.meta.url)
  const asset = (name: string) => new Html(readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8'))
  const table = rows.map(
    (row) =>
      html`<tr>
        ${cellsOf(row).map((cell) => html`<td>${cell}</td>`)}
      </tr>`,
  )
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>tenon: benchmark</title>
        <style>
          ${asset('uPlot.min.css')} ${new Html(style)}
        </style>
      </head>
      <body>
        <h1>Benchmark</h1>
        <p>${machine}. Bars: time of the peer over time of tenon; above 1, tenon is ahead.</p>
        ${charts.map(
          ({ title }, i) =>
            html`<h2>${title}</h2>
              <div id="chart-${i}"></div>`,
        )}
        <div class="scroll">
          <table>
            <thead>
              <tr>
                ${titles.map((title) => html`<th>${title}</th>`)}
              </tr>
            </thead>
            ${table}
          </table>
        </div>
        <script type="application/json" id="charts">
          ${jsonForScript(charts)}
        </script>
        <script>
          ${asset('uPlot.iife.min.js')}
        </script>
        <script>
          ${new Html(script)}
        </script>
      </body>
    </html>`
}

const style = `
body { font: 14px system-ui, sans-serif; margin: 2rem; max-width: 72rem }
h2 { font-size: 1rem; margin: 2rem 0 .5rem }
.scroll { overflow-x: auto; margin-top: 2rem }
td, th { padding: .2rem .6rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
td:first-child, th:first-child { text-align: left }
tr:nth-child(even) td { background: #f4f4f4 }
`

/** Runs in the page. */
const script = `
'use strict'
JSON.parse(document.getElementById('charts').textContent).forEach(({ names, heights }, i) => {
  const ratio = (v) => String(Number((2 ** v).toPrecision(2)))
  const box = document.getElementById('chart-' + i)
  const ends = [Math.min(-0.5, ...heights), Math.max(1, ...heights)]
  new uPlot({
    width: box.clientWidth,
    height: 320,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [-0.6, names.length - 0.4] }, y: { range: [ends[0] - 0.2, ends[1] + 0.2] } },
    axes: [
      { splits: () => names.map((_, k) => k), values: (u, at) => at.map((k) => names[k]), rotate: -40, size: 110, grid: { show: false } },
      { values: (u, at) => at.map(ratio), label: 'times as fast' },
    ],
    series: [{}, { paths: uPlot.paths.bars({ size: [0.6, 60] }), fill: '#3b7dd8', points: { show: false } }],
  }, [names.map((_, k) => k), heights], box)
})
`
