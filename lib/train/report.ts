/** @file writeReport: one HTML file that shows a training to a colleague. It holds all that it needs and asks no network. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { checkOptions } from '../errors.ts'
import type { Module } from '../nn/module.ts'
import type { ModelSummary } from '../nn/summary.ts'
import { showBytes, showCount, showSeconds } from '../units.ts'
import type { EpochRecord, History } from './history.ts'
import { chartFigures, chartsOf } from './report-charts.ts'
import { Html, html } from './report-html.ts'
import { modelSection } from './report-model.ts'
import { lead, showMetric, tiles } from './report-overview.ts'
import { checkConfusion, confusionSection, mistakesSection } from './report-results.ts'
import type { Confusion, Mistake } from './report-results.ts'
import { reportScript } from './report-script.ts'
import { reportStyle } from './report-style.ts'

export interface ReportInput {
  readonly title: string
  readonly history: History
  readonly model: Module
  /** Of `modelSummary(model, input)`; without it the model is shown without costs and graph. */
  readonly summary?: ModelSummary
  readonly confusion?: Confusion
  /** The worst are shown, those with the highest confidence. */
  readonly mistakes?: readonly Mistake[]
  readonly reproduce: Reproduce
}

/** What somebody needs who wants the same numbers. */
export interface Reproduce {
  readonly seed: number | string
  /** By name: tenon, node, the processor, ... */
  readonly versions: Readonly<Record<string, string>>
  readonly commands: readonly string[]
  /** Shown as JSON. */
  readonly options: unknown
}

/** Writes `report.html` into a folder and gives its path. SHAPE for a confusion matrix that is not square. */
export async function writeReport(dir: string, input: ReportInput): Promise<string> {
  checkOptions('writeReport', input, ['title', 'history', 'model', 'summary', 'confusion', 'mistakes', 'reproduce'])
  if (input.confusion) checkConfusion(input.confusion)
  const page = await render(input)
  const path = join(dir, 'report.html')
  await mkdir(dir, { recursive: true })
  // Aside and renamed: who looks at it meanwhile sees a whole one.
  await writeFile(`${path}.part`, page.text)
  await rename(`${path}.part`, path)
  return path
}

async function render({
  title,
  history,
  model,
  summary,
  confusion,
  mistakes = [],
  reproduce,
}: ReportInput): Promise<Html> {
  const sections: [id: string, name: string, content: Html][] = [['curves', 'Curves', curvesSection(history)]]
  if (confusion) sections.push(['confusion', 'Confusion matrix', confusionSection(confusion)])
  if (mistakes.length > 0) sections.push(['mistakes', 'Worst mistakes', await mistakesSection(mistakes)])
  sections.push(['model', 'Model', await modelSection(model, summary)])
  sections.push(['reproduce', 'How to reproduce', reproduceSection(reproduce)])
  const { script, style } = await chartLibrary()
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        />
        <title>${title}</title>
        <style>
          ${style}
          ${new Html(reportStyle)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>${title}</h1>
            <p class="lead">${lead(history, model, reproduce.seed)}</p>
            <nav>${sections.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>
          </header>
          ${tiles(history, model)} ${sections.map(([, , content]) => content)}
          <footer>Written by tenon on ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC.</footer>
        </main>
        <script>
          ${script}
        </script>
        <script>
          ${new Html(reportScript)}
        </script>
      </body>
    </html> `
}

/** uPlot's own files, from where it is installed. */
async function chartLibrary(): Promise<{ script: Html; style: Html }> {
  const { resolve } = createRequire(import.meta.url)
  const [script, style] = await Promise.all(
    ['uPlot.iife.min.js', 'uPlot.min.css'].map((name) => readFile(resolve(`uplot/dist/${name}`), 'utf8')),
  )
  return { script: new Html(script!), style: new Html(style!) }
}

function curvesSection(history: History): Html {
  const charts = chartsOf(history)
  return html`<section id="curves">
    <h2>Curves</h2>
    ${chartFigures(charts)}
    <details>
      <summary>Numbers by epoch</summary>
      <div class="card scroll">${epochTable(history)}</div>
    </details>
  </section>`
}

function epochTable(history: History): Html {
  const names = [...new Set(history.epochs.flatMap(({ metrics }) => Object.keys(metrics)))]
  const row = (record: EpochRecord) =>
    html`<tr>
      <td>${record.epoch}</td>
      ${names.map((name) => html`<td>${record.metrics[name] !== undefined && showMetric(record.metrics[name])}</td>`)}
      <td>${Number(record.learningRate.toPrecision(4))}</td>
      <td>${showCount(record.samplesPerSecond)}/s</td>
      <td>${showBytes(record.memoryBytes)}</td>
      <td>${showSeconds(record.seconds)}</td>
    </tr>`
  return html`<table>
    <thead>
      <tr>
        <th>epoch</th>
        ${names.map((name) => html`<th>${name}</th>`)}
        <th>learning rate</th>
        <th>samples</th>
        <th>memory</th>
        <th>time</th>
      </tr>
    </thead>
    <tbody>
      ${history.epochs.map(row)}
    </tbody>
  </table>`
}

function reproduceSection({ seed, versions, commands, options }: Reproduce): Html {
  const facts = Object.entries({ seed: String(seed), ...versions })
  return html`<section id="reproduce">
    <h2>How to reproduce</h2>
    <div class="reproduce">
      <div class="card full">
        <h3>Commands</h3>
        <pre>${commands.join('\n')}</pre>
      </div>
      <div class="card">
        <h3>Seed and versions</h3>
        <dl>
          ${facts.map(
            ([name, value]) =>
              html`<dt>${name}</dt>
                <dd>${value}</dd>`,
          )}
        </dl>
      </div>
      <div class="card">
        <h3>Options</h3>
        <pre>${JSON.stringify(options, null, 2)}</pre>
      </div>
    </div>
  </section>`
}
