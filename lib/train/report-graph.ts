/** @file Draws the graph of a model as SVG, for the report or as a file of its own; dagre says where boxes and arrows lie. */
import { html, Html } from './report-html.ts'
import type { Box, Flow } from './report-flow.ts'
import { graphStyle, lightColours } from './report-style.ts'

interface Point {
  readonly x: number
  readonly y: number
}

const LINE_HEIGHT = 17
const MIN_WIDTH = 150
const MAX_CHARS = 44

/** The picture as the text of an SVG file, which brings its own colours. */
export async function graphFile(flow: Flow): Promise<string> {
  const { picture } = await drawGraph(
    flow,
    `svg { font-family: system-ui, sans-serif; background: #fff; ${lightColours}}${graphStyle}`,
  )
  return `${picture.text}\n`
}

export async function drawGraph({ boxes, arrows }: Flow, style = ''): Promise<{ picture: Html; width: number }> {
  // Loaded when a report is written: few programs that import tenon write one.
  const { Graph, layout } = await import('@dagrejs/dagre')
  const graph = new Graph()
  graph.setGraph({ rankdir: 'TB', nodesep: 22, ranksep: 26, marginx: 4, marginy: 4 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const box of boxes) graph.setNode(String(box.layer), { width: widthOf(box), height: heightOf(box) })
  for (const [from, to] of arrows) graph.setEdge(String(from), String(to))
  layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  const lines = arrows.map(([v, w]) => arrow((graph.edge(String(v), String(w)) as { points: Point[] }).points))
  const shapes = boxes.map((box) => drawBox(box, graph.node(String(box.layer)) as Point))
  const size = `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`
  const picture = html`<svg
    viewBox="${size}"
    width="${Math.ceil(width)}"
    height="${Math.ceil(height)}"
    role="img"
    aria-label="How values flow through the model"
    xmlns="http://www.w3.org/2000/svg"
  >
    ${
      style &&
      html`<style>
        ${new Html(style)}
      </style>`
    }
    <defs>
      <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
        <path d="M0 0 L8 4 L0 8 z" fill="context-stroke" />
      </marker>
    </defs>
    ${lines} ${shapes}
  </svg>`
  return { picture, width }
}

function drawBox(box: Box, { x, y }: Point): Html {
  const [width, height] = [widthOf(box), heightOf(box)]
  const [left, top] = [round(x - width / 2), round(y - height / 2)]
  const lines = [box.title, ...box.lines].map(
    (line, i) =>
      html`<text class="${i === 0 ? 'kind' : 'sub'}" x="${round(x)}" y="${top + 20 + i * LINE_HEIGHT}"
        >${shorten(line)}</text
      >`,
  )
  const room = width - 14
  const load =
    box.share > 0.005 &&
    html`<rect
      class="load"
      x="${left + 7}"
      y="${top + height - 6}"
      width="${round(room * box.share)}"
      height="3"
      rx="1.5"
    />`
  return html`<g class="${box.look}" data-layer="${box.layer}">
    <title>${[box.title, ...box.lines].join('\n')}</title>
    <rect class="box" x="${left}" y="${top}" width="${width}" height="${height}" rx="7" />
    ${load} ${lines}
  </g>`
}

/** A smooth way through the points. */
function arrow(points: readonly Point[]): Html {
  const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`
  const middle = (a: Point, b: Point) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })
  const [first, ...rest] = points as [Point, ...Point[]]
  const curves = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1]!
    return `Q${at(point)} ${at(i === rest.length - 2 ? next : middle(point, next))}`
  })
  const path = curves.length > 0 ? curves.join(' ') : `L${at(rest[0]!)}`
  return html`<path class="flow" d="M${at(first)} ${path}" marker-end="url(#tip)" />`
}

const heightOf = ({ lines }: Box): number => 32 + lines.length * LINE_HEIGHT

/** About what the letters take in a wide font; which it will be is not known here. */
function widthOf({ title, lines }: Box): number {
  const letters = Math.max(shorten(title).length * 8.4, ...lines.map((line) => shorten(line).length * 6.4))
  return Math.max(MIN_WIDTH, Math.ceil(letters) + 22)
}

const shorten = (text: string): string => (text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`)
const round = (n: number): number => Math.round(n * 10) / 10
