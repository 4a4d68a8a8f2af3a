/** @file The graph of a model as text: a line for each part, with its number and those of the parts that feed it. */
import type { ModelSummary } from '../nn/summary.ts'
import type { Box, Flow } from '../train/report-flow.ts'
import { showBytes, showCount } from '../units.ts'
import { printable, tableOf } from './text-table.ts'

/** Of a part's name, so that most lines fit into 80 columns. */
const MOST_LETTERS = 24

/** The parts in the order in which they run. */
export function textGraph({ boxes, arrows }: Flow, { layers }: ModelSummary): string {
  const numbers = new Map(boxes.map(({ layer }, i) => [layer, i]))
  const sources = new Map<number, number[]>(boxes.map(({ layer }) => [layer, []]))
  for (const [from, to] of arrows) sources.get(to)!.push(numbers.get(from)!)
  const rows = boxes.map((box, i) => {
    const { parameters = 0, flops = 0, peakBytes = 0 } = layers[box.layer] ?? {}
    return [
      String(i),
      sources
        .get(box.layer)!
        .sort((a, b) => a - b)
        .join(' '),
      nameOf(box),
      box.look === 'end' ? box.lines.join(' ') : (box.lines[0] ?? ''),
      parameters > 0 ? showCount(parameters) : '',
      flops > 0 ? showCount(flops) : '',
      peakBytes > 0 ? showBytes(peakBytes) : '',
    ]
  })
  return tableOf([['#', 'from', 'part', 'output', 'params', 'FLOPs', 'memory'], ...rows]).join('\n')
}

/** A layer's kind stands at its end, and the first of several functions tells most. */
function nameOf({ title, look }: Box): string {
  const text = printable(title)
  if (text.length <= MOST_LETTERS) return text
  return look === 'layer' ? `…${text.slice(1 - MOST_LETTERS)}` : `${text.slice(0, MOST_LETTERS - 1)}…`
}
