/** @file Which boxes and arrows the graph of a model has: its leaves, or their containers where those are too many. */
import type { LayerSummary, ModelSummary } from '../nn/summary.ts'
import { showShape } from '../shape.ts'
import { showBytes, showCount } from '../units.ts'

export interface Box {
  /** Position among the summary's layers. */
  readonly layer: number
  readonly look: 'end' | 'layer' | 'functions'
  readonly title: string
  /** Lines under the title. */
  readonly lines: readonly string[]
  /** Share of all operations. */
  readonly share: number
}

export interface Flow {
  readonly boxes: readonly Box[]
  readonly arrows: readonly (readonly [from: number, to: number])[]
}

/** More boxes are no picture any more in a page. */
const MAX_BOXES = 90

/** Null where even the outermost modules are more than `maxBoxes`. */
export function flowOf(summary: ModelSummary, maxBoxes = MAX_BOXES): Flow | null {
  const { layers } = summary
  const parents = parentsOf(layers)
  const deepest = Math.max(...layers.map(({ depth }) => depth))
  for (let depth = deepest; depth > 0; depth--) {
    const flow = cut(summary, parents, depth)
    if (flow.boxes.length <= maxBoxes) return flow
  }
  return null
}

/** A layer's container stands before it and is one less deep. */
function parentsOf(layers: readonly LayerSummary[]): number[] {
  const open: number[] = []
  return layers.map(({ depth }, i) => {
    open.length = depth
    open.push(i)
    return open[depth - 1] ?? -1
  })
}

function cut(summary: ModelSummary, parents: readonly number[], maxDepth: number): Flow {
  const { layers } = summary
  const shown = (place: number): number => {
    while (place >= 0 && place < layers.length && layers[place]!.depth > maxDepth) place = parents[place]!
    return place
  }
  const arrows = new Map<string, readonly [number, number]>()
  for (const [from, to] of summary.edges) {
    const [a, b] = [shown(from), shown(to)]
    if (a !== b) arrows.set(`${a} ${b}`, [a, b])
  }
  const places = [...new Set([...arrows.values()].flat())].sort((a, b) => a - b)
  return { boxes: places.map((place) => boxOf(summary, place)), arrows: [...arrows.values()] }
}

function boxOf({ layers, inputShapes, outputShapes, flops }: ModelSummary, place: number): Box {
  const isInput = place < 0
  if (isInput || place === layers.length) {
    const lines = (isInput ? inputShapes : outputShapes).map(showShape)
    return { layer: place, look: 'end', title: isInput ? 'input' : 'output', lines, share: 0 }
  }
  const layer = layers[place]!
  const share = flops > 0 ? Math.min(1, layer.flops / flops) : 0
  const lines = [layer.outputShapes.map(showShape).join(' ')]
  if (layer.name === '' && layer.depth > 0) return { layer: place, look: 'functions', title: layer.kind, lines, share }
  const costs = [
    layer.parameters > 0 && `${showCount(layer.parameters)} params`,
    layer.flops > 0 && `${showCount(layer.flops)} FLOPs`,
    showBytes(layer.peakBytes),
  ]
  const title = layer.name ? `${layer.name.split('.').slice(-2).join('.')}: ${layer.kind}` : layer.kind
  return { layer: place, look: 'layer', title, lines: [...lines, costs.filter(Boolean).join(' · ')], share }
}
