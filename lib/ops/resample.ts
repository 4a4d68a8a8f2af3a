/** @file The row behind interpolation and adaptive means: along one axis, each result is a fixed weighted sum of some inputs. */
import type { Row } from '../graph/row.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sizeOf } from '../shape.ts'
import { window } from './reduction.ts'
import { defineRow } from './table.ts'

/** A sparse matrix by lines: for each result the inputs that it sums, and their weights. */
export type Lines = readonly { readonly positions: readonly number[]; readonly weights: readonly number[] }[]

interface ResampleAttrs {
  readonly axis: number
  readonly lines: Lines
  /** What the lines were worked out from: equal keys, equal lines. */
  readonly key: string
}

const resampleRow: Row<ResampleAttrs> = defineRow<ResampleAttrs>({
  name: 'resample',
  kind: 'kernel',
  infer: ([x], { axis, lines }) => ({
    shape: x!.shape.map((size, i) => (i === axis ? lines.length : size)),
    dtype: x!.dtype,
  }),
  vjp: ({ dy, inputs: [x], attrs: { axis, lines, key } }) => [
    resample(dy, axis, transposed(lines, x!.shape[axis]!), `${key}/${x!.shape[axis]}`),
  ],
  emit: (e, { attrs: { axis, lines }, inputs }) => {
    const shape = inputs[0]!.shape
    const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))]
    const starts = [0]
    for (const { positions } of lines) starts.push(starts[starts.length - 1]! + positions.length)
    const table = [...starts, ...lines.flatMap((line) => line.positions), ...lines.flatMap((line) => line.weights)]
    const out = window(e.output(), [outer, lines.length, inner])
    e.instr('resample', [out], [window(e.packed(e.input(0)), [outer, shape[axis]!, inner])], table)
  },
})

/** y[..., n, ...] = sum of weights x[..., positions, ...] of line n. Linear: its gradient is the same with the lines transposed. */
export function resample(x: Tensor, axis: number, lines: Lines, key: string): Tensor {
  return apply(resampleRow, [x], { axis, lines, key }, `${axis};${key}`)
}

function transposed(lines: Lines, sources: number): Lines {
  const result = Array.from({ length: sources }, () => ({ positions: [] as number[], weights: [] as number[] }))
  lines.forEach(({ positions, weights }, n) =>
    positions.forEach((at, i) => {
      result[at]!.positions.push(n)
      result[at]!.weights.push(weights[i]!)
    }),
  )
  return result
}
