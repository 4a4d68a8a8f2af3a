/** @file Gradients of tables of which few rows were read: the rows and their gradients, found in the graph that backward() built. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import { full, zeros } from '../ops/create.ts'
import { cumsum } from '../ops/cumulative.ts'
import { div, lt, mul, ne, neg, where } from '../ops/elementwise.ts'
import { scatter, take, takeAdd } from '../ops/indexing.ts'
import { concat, narrow, reshape } from '../ops/layout.ts'
import { sort } from '../ops/sort.ts'
import { cast, constant } from '../ops/table.ts'
import { assignRows } from '../ops/update.ts'
import { sameShape } from '../shape.ts'
import { describe } from './param-groups.ts'

/** Rows of a table by number, [n], and something for each, [n, ...]. */
export interface Rows {
  readonly ids: Tensor
  readonly rows: Tensor
}

/**
 * What a gradient adds to rows of its table, one row as often as it was read; null for a gradient that is not made of reads. Sums of
 * such gradients, casts and products with one number are looked through: several uses of a table, accumulation, loss scales.
 */
export function touchedRows(grad: Tensor): Rows | null {
  const [a, b] = grad.inputs
  const through = (t: Tensor | undefined, fn: (rows: Tensor) => Tensor): Rows | null => {
    const found = t && sameShape(t.shape, grad.shape) ? touchedRows(t) : null
    return found && { ids: found.ids, rows: fn(found.rows) }
  }
  switch (grad.row.name) {
    case 'takeAdd': {
      const { axis } = grad.attrs as { axis: number }
      const n = a!.size
      return axis === 0 ? { ids: reshape(a!, [n]), rows: reshape(b!, [n, ...grad.shape.slice(1)]) } : null
    }
    case 'add': {
      const [x, y] = [through(a, (t) => t), through(b, (t) => t)]
      return x && y && { ids: concat([x.ids, y.ids]), rows: concat([x.rows, y.rows]) }
    }
    case 'mul':
      if (b!.size === 1 && grad.size > 1) return through(a, (t) => mul(t, b!))
      return a!.size === 1 ? through(b, (t) => mul(a!, t)) : null
    case 'div':
      return b!.size === 1 ? through(a, (t) => div(t, b!)) : null
    case 'neg':
      return through(a, neg)
    case 'cast':
      return through(a, (t) => cast(t, grad.dtype))
    default:
      return null
  }
}

/** The same with each row once: what is added to equal ids is added up, in order; what is left over has the id -1. */
function summed({ ids, rows }: Rows): Rows {
  const n = ids.size
  if (n < 2) return { ids, rows }
  const { values, indices } = sort(ids)
  const isNew = ne(narrow(values, 0, 1, n - 1), narrow(values, 0, 0, n - 1))
  // The number of each id among the different ones.
  const slots = concat([zeros([1], { dtype: 'i64' }), cumsum(cast(isNew, 'i64'), 0)])
  return {
    ids: scatter(full([n], -1, { dtype: 'i64' }), 0, slots, values),
    rows: takeAdd(slots, take(rows, indices, 0), 0, rows.shape),
  }
}

/** A parameter of which an optimiser sees the rows that were read, and nothing else. */
export interface RowView {
  /** The sum of each row's gradients. */
  readonly grad: Tensor
  /** The same rows of a variable of the parameter's shape. */
  read(variable: Variable): Tensor
  write(variable: Variable, rows: Tensor): Tensor
}

/** Throws GRADIENT for a gradient that is not made of reads of rows. */
export function rowView(op: string, param: Variable, grad: Tensor): RowView {
  const found = touchedRows(grad)
  if (!found)
    fail(
      'GRADIENT',
      op,
      `the gradient of ${describe(param)} must come from reading rows (nn.Embedding, take), and not be clipped by a norm, got one by '${grad.row.name}'. Use a dense optimiser.`,
    )
  const { ids, rows } = summed(found)
  const zero = constant(0, 'i64')
  const inside = where(lt(ids, zero), zero, ids)
  return {
    grad: rows,
    read: (variable) => take(variable, inside, 0),
    write: (variable, content) => assignRows(variable, ids, content),
  }
}
