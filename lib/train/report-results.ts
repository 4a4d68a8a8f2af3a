/** @file What the report says about predictions: the confusion matrix and the worst mistakes. */
import { check } from '../errors.ts'
import { encodePng } from './png.ts'
import { html } from './report-html.ts'
import type { Html } from './report-html.ts'

export interface Confusion {
  readonly labels: readonly string[]
  /** Rows are what it is, columns what was predicted. */
  readonly counts: readonly (readonly number[])[]
}

export interface Mistake {
  readonly truth: string | number
  readonly predicted: string | number
  /** Probability that the model gave its prediction, 0 to 1. */
  readonly confidence: number
  /** `channels`: 1 (grey) if not given. */
  readonly image?: {
    readonly width: number
    readonly height: number
    readonly pixels: Uint8Array
    readonly channels?: number
  }
  readonly text?: string
}

/** Larger matrices are unreadable: only the pairs are shown. */
const MAX_LABELS = 40
const MAX_PAIRS = 10
const MAX_MISTAKES = 48

export function checkConfusion({ labels, counts }: Confusion): void {
  const n = labels.length
  check(counts.length === n && counts.every((row) => row.length === n), 'SHAPE', 'writeReport', () => {
    return `the confusion matrix has ${counts.length} rows of ${counts[0]?.length} counts for ${n} labels. It must be square, a row for a label.`
  })
}

export function confusionSection(confusion: Confusion): Html {
  const { labels, counts } = confusion
  const rows = counts.map(sum)
  const total = sum(rows)
  const hits = sum(labels.map((_, i) => counts[i]![i]!))
  return html`<section id="confusion">
    <h2>Confusion matrix</h2>
    <p class="muted">
      ${count(hits)} of ${count(total)} right (${percent(hits / total)}). Rows are what it is, columns what the model
      said; shades are shares of the row.
    </p>
    <div class="split">
      ${labels.length <= MAX_LABELS && html`<div class="card scroll">${matrix(confusion, rows)}</div>`}
      ${pairs(confusion, rows)}
    </div>
  </section>`
}

function matrix({ labels, counts }: Confusion, rows: readonly number[]): Html {
  const columns = labels.map((_, j) => sum(counts.map((row) => row[j]!)))
  const cell = (i: number, j: number) => {
    const n = counts[i]![j]!
    const share = rows[i]! > 0 ? n / rows[i]! : 0
    // Mistakes are rare: the root makes them visible.
    const shade = Math.round(100 * (i === j ? share : Math.min(1, Math.sqrt(share) * 1.6)))
    const kinds = [i === j ? 'hit' : 'miss', n === 0 && 'zero', shade > 60 && 'strong'].filter(Boolean).join(' ')
    return html`<td class="${kinds}" style="--share:${shade}%" title="${labels[i]} taken for ${labels[j]}: ${n}">
      ${n}
    </td>`
  }
  return html`<table class="confusion">
    <thead>
      <tr>
        <th></th>
        ${labels.map((label) => html`<th title="${label}">${label}</th>`)}
        <th class="side">recall</th>
      </tr>
    </thead>
    <tbody>
      ${labels.map(
        (label, i) =>
          html`<tr>
            <th title="${label}">${label}</th>
            ${labels.map((_, j) => cell(i, j))}
            <td class="side">${percent(counts[i]![i]! / rows[i]!)}</td>
          </tr>`,
      )}
    </tbody>
    <tfoot>
      <tr>
        <th>precision</th>
        ${labels.map((_, j) => html`<td>${percent(counts[j]![j]! / columns[j]!)}</td>`)}
        <td></td>
      </tr>
    </tfoot>
  </table>`
}

/** Which labels are taken for which, most frequent first. */
function pairs({ labels, counts }: Confusion, rows: readonly number[]): Html {
  const found = labels
    .flatMap((truth, i) => labels.map((said, j) => ({ truth, said, n: i === j ? 0 : counts[i]![j]!, of: rows[i]! })))
    .filter(({ n }) => n > 0)
    .sort((a, b) => b.n - a.n)
  const body = found.slice(0, MAX_PAIRS).map(
    ({ truth, said, n, of }) =>
      html`<tr>
        <td>${truth} → ${said}</td>
        <td>${count(n)}</td>
        <td>${percent(n / of)}</td>
      </tr>`,
  )
  const table = html`<table>
    <thead>
      <tr>
        <th>is → taken for</th>
        <th>times</th>
        <th>of its row</th>
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`
  return html`<div class="card">
    <h3>Most confused</h3>
    ${found.length > 0 ? table : html`<p class="muted">Nothing: no mistake.</p>`}
  </div>`
}

export async function mistakesSection(mistakes: readonly Mistake[]): Promise<Html> {
  const worst = [...mistakes].sort((a, b) => b.confidence - a.confidence).slice(0, MAX_MISTAKES)
  const cards = await Promise.all(worst.map(mistakeCard))
  const isText = worst.every(({ image }) => image === undefined)
  return html`<section id="mistakes">
    <h2>Worst mistakes</h2>
    <p class="muted">Where the model was surest and wrong: what it is, what the model said, and how sure it was.</p>
    <div class="mistakes ${isText && 'texts'}">${cards}</div>
  </section>`
}

async function mistakeCard({ truth, predicted, confidence, image, text }: Mistake): Promise<Html> {
  const verdict = `${truth}, taken for ${predicted}`
  const picture =
    image &&
    html`<img
      alt="${verdict}"
      src="data:image/png;base64,${Buffer.from(await encodePng({ channels: 1, ...image })).toString('base64')}"
    />`
  return html`<div class="card mistake">
    ${picture} ${text !== undefined && html`<blockquote>${text}</blockquote>`}
    <div class="verdict">${truth} → <span class="wrong">${predicted}</span></div>
    <div class="muted">${percent(confidence)}</div>
  </div>`
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
const count = (n: number) => n.toLocaleString('en')

/** Never 100 % for what is not all. */
function percent(share: number): string {
  if (!Number.isFinite(share)) return ''
  const shown = (share * 100).toFixed(1)
  const kept = shown !== '100.0' ? shown : share < 1 ? '99.9' : '100'
  return `${kept}\u00a0%`
}
