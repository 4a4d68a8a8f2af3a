/** @file Batch normalisation with running statistics is several rows; here they become one node again, which runtimes merge with convolutions. */
import { isFixed, sameSize } from '../export-sizes.ts'
import type { Value } from '../export-value.ts'
import type { GraphWriter } from '../export-writer.ts'

/** (x - mean) (1 / sqrt(var + eps) weight) + bias, of vectors along axis 1; null where an addition is something else. */
export function batchNormOf(value: Value, writer: GraphWriter): string | null {
  const [product, bias] = value.inputs as [Value, Value]
  const [centred, scale] = inputsOf(product, 'mul')
  const [x, mean] = inputsOf(centred, 'sub')
  const [root, weight] = inputsOf(scale, 'mul')
  const [sum] = inputsOf(root, 'rsqrt')
  const [spread, eps] = inputsOf(sum, 'add')
  if (!x || !eps || eps.row !== 'constant' || x.rank < 2 || value.rank !== x.rank) return null
  const columns = [weight, bias, mean, spread].map((column) => (column ? vectorOf(column, x) : null))
  if (!columns.every((vector) => vector !== null)) return null
  const epsilon = { float: eps.fixed((a: { value: number }) => a.value) }
  return writer.add(
    'BatchNormalization',
    [x, ...columns].map((input) => writer.name(input)),
    { epsilon },
  )
}

const inputsOf = (value: Value | undefined, row: string): readonly Value[] => (value?.row === row ? value.inputs : [])

/** The vector that was made a column [C, 1, ...] for x [B, C, ...]. */
function vectorOf(column: Value, x: Value): Value | null {
  const isColumn = column.rank === x.rank - 1 && column.sizes.slice(1).every((size) => isFixed(size) && size[0] === 1)
  const vector = column.row === 'reshape' ? column.inputs[0]! : column
  const fits = isColumn && vector.rank === 1 && vector.dtype === x.dtype && sameSize(vector.sizes[0]!, x.sizes[1]!)
  return fits ? vector : null
}
