/** @file The model in the report: its layers as a table and, where a forward pass was traced, costs and a graph beside it. */
import { showBytes, showCount } from '../units.ts'
import { showShape } from '../shape.ts'
import type { Module } from '../nn/module.ts'
import type { LayerSummary, ModelSummary } from '../nn/summary.ts'
import { flowOf } from './report-flow.ts'
import { drawGraph } from './report-graph.ts'
import { html } from './report-html.ts'
import type { Html } from './report-html.ts'

/** Pixels: a graph that is wider stands over the table. */
const WIDE = 640

export async function modelSection(model: Module, summary: ModelSummary | undefined): Promise<Html> {
  if (!summary) {
    return html`<section id="model">
      <h2>Model</h2>
      <div class="card scroll">${treeTable(model)}</div>
    </section>`
  }
  const flow = flowOf(summary)
  const graph = flow && (await drawGraph(flow))
  return html`<section id="model">
    <h2>Model</h2>
    <p class="muted">
      One forward pass for an input of ${shapes(summary.inputShapes)}: ${showCount(summary.flops)} floating-point
      operations (multiply and add count as two), ${showBytes(summary.peakBytes)} at the peak, of which weights
      ${showBytes(summary.parameterBytes)}. Each row is what it takes alone; run together, functions are fused into the
      layers before them. Bars show where the operations are.
    </p>
    <div class="model">
      ${graph && html`<div class="card graph ${graph.width > WIDE && 'wide'}">${graph.picture}</div>`}
      <div class="card scroll ${!graph && 'wide'}">${costTable(summary)}</div>
    </div>
  </section>`
}

function costTable({ layers, flops, peakBytes, parameters, outputShapes }: ModelSummary): Html {
  const most = Math.max(1, ...layers.filter(({ isLeaf }) => isLeaf).map((layer) => layer.flops))
  const rows = layers.slice(1).map((layer, i) => {
    const width = layer.isLeaf ? Math.round((100 * layer.flops) / most) : 0
    return html`<tr class="${!layer.isLeaf && 'branch'}" data-layer="${i + 1}">
      <td style="padding-left:${(layer.depth - 1) * 18}px">${title(layer)}</td>
      <td>${shapes(layer.outputShapes)}</td>
      <td>
        ${layer.isRepeated ? html`<span class="muted">again</span>` : layer.parameters > 0 && layer.parameters.toLocaleString('en')}
      </td>
      <td>
        ${layer.flops > 0 && showCount(layer.flops)}${width > 1 && html`<span class="bar" style="width:${width}%"></span>`}
      </td>
      <td>${layer.peakBytes > 0 && showBytes(layer.peakBytes)}</td>
    </tr>`
  })
  return html`<table class="layers">
    <thead>
      <tr>
        <th>layer</th>
        <th>output</th>
        <th>parameters</th>
        <th>FLOPs</th>
        <th>peak memory</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
      <tr class="branch">
        <td>${layers[0]!.kind}, whole</td>
        <td>${shapes(outputShapes)}</td>
        <td>${parameters.toLocaleString('en')}</td>
        <td>${showCount(flops)}</td>
        <td>${showBytes(peakBytes)}</td>
      </tr>
    </tbody>
  </table>`
}

function title({ name, field, kind, detail, isLeaf }: LayerSummary): Html {
  if (name === '' && isLeaf) return html`<span class="functions">${kind}</span>`
  return html`<span class="mono">${field}</span>
    ${kind}${detail && html`<span class="detail mono" title="${detail}">${detail}</span>`}`
}

/** Without an example input: which modules there are. */
function treeTable(model: Module): Html {
  const rows: Html[] = []
  const add = (module: Module, name: string, path: readonly Module[]): void => {
    const indent = html`padding-left:${path.length * 18}px`
    rows.push(
      html`<tr>
        <td style="${indent}">
          <span class="mono">${name}</span> ${module.constructor.name}
          <span class="detail mono">${module.extraRepr()}</span>
        </td>
        <td>${module.numParameters > 0 && module.numParameters.toLocaleString('en')}</td>
      </tr>`,
    )
    const within = [...path, module]
    for (const [field, child] of module.namedChildren()) if (!within.includes(child)) add(child, field, within)
  }
  add(model, '', [])
  return html`<table class="layers">
    <thead>
      <tr>
        <th>layer</th>
        <th>parameters</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`
}

const shapes = (list: ModelSummary['inputShapes']): string => list.map(showShape).join(' ')
