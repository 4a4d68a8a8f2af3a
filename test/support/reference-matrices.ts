/** @file Decompositions and functions of single matrices, by textbook loops on small sizes. Nothing shared with lib/. */
import { at, build, matmul, moved, positionsOf, total, transposed } from './reference.ts'
import type { Nd } from './reference.ts'

export const identity = (n: number): Nd => build([n, n], ([i, j]) => Number(i === j))
export const turned = (x: Nd): Nd => transposed(x, [1, 0])

/** A function of each matrix of a batch. */
export const eachMatrix =
  (fn: (x: Nd) => Nd) =>
  (x: Nd): Nd => {
    const lead = x.shape.slice(0, -2)
    const parts = positionsOf(lead).map((p) => fn(moved(x.shape.slice(-2), (q) => [...p, ...q])(x)))
    return { shape: [...lead, ...(parts[0]?.shape ?? [])], data: Float64Array.from(parts.flatMap((y) => [...y.data])) }
  }

/** Eigenvalues, ascending, and eigenvectors as columns, by Jacobi's rotations. */
export function eigen(x: Nd): { values: number[]; vectors: Nd } {
  const n = x.shape[0]
  let a = x
  let v = identity(n)
  for (let sweep = 0; sweep < 40; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const angle = Math.atan2(2 * at(a, [p, q]), at(a, [q, q]) - at(a, [p, p])) / 2
        const [c, s] = [Math.cos(angle), Math.sin(angle)]
        const turn = build([n, n], ([i, j]) => {
          if (i === j) return i === p || i === q ? c : 1
          return i === p && j === q ? s : i === q && j === p ? -s : 0
        })
        a = matmul(turned(turn), matmul(a, turn))
        v = matmul(v, turn)
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => at(a, [i, i]) - at(a, [j, j]))
  return { values: order.map((i) => at(a, [i, i])), vectors: build([n, n], ([i, j]) => at(v, [i, order[j]])) }
}

/** Squares of the left vectors, the values, squares of the right vectors, of a matrix of full rank. */
export function singular(x: Nd): [Nd, Nd, Nd] {
  const k = Math.min(...x.shape)
  const first = (y: Nd) => build([y.shape[0], k], ([i, j]) => at(y, [i, y.shape[1] - 1 - j]) ** 2)
  const { values, vectors } = eigen(matmul(turned(x), x))
  const left = eigen(matmul(x, turned(x))).vectors
  const s = build([k], ([i]) => Math.sqrt(values[values.length - 1 - i]))
  return [first(left), s, turned(first(vectors))]
}

/** q and r by Gram and Schmidt, twice; the diagonal of r is positive. */
export function gramSchmidt(x: Nd): { q: Nd; r: Nd } {
  const [m, n] = x.shape
  const columns: number[][] = []
  for (let j = 0; j < Math.min(m, n); j++) {
    let column = Array.from({ length: m }, (_, i) => at(x, [i, j]))
    for (let twice = 0; twice < 2; twice++) {
      for (const q of columns) {
        const part = total(q.map((value, i) => value * column[i]))
        column = column.map((value, i) => value - part * q[i])
      }
    }
    const length = Math.hypot(...column)
    columns.push(column.map((value) => value / length))
  }
  const q = build([m, columns.length], ([i, j]) => columns[j][i])
  return { q, r: matmul(turned(q), x) }
}

/** By expansion along the first row. */
export function determinant(x: Nd): number {
  const n = x.shape[0]
  if (n === 0) return 1
  return total(
    Array.from({ length: n }, (_, j) => {
      const minor = build([n - 1, n - 1], ([r, c]) => at(x, [r + 1, c < j ? c : c + 1]))
      return (j % 2 ? -1 : 1) * at(x, [0, j]) * determinant(minor)
    }),
  )
}

export function exponential(x: Nd): Nd {
  let term = identity(x.shape[0])
  let sum = term
  for (let k = 1; k < 60; k++) {
    term = matmul(term, x)
    term = { shape: term.shape, data: term.data.map((value) => value / k) }
    sum = { shape: sum.shape, data: sum.data.map((value, i) => value + term.data[i]) }
  }
  return sum
}

/** The order of rows, l and u, by partial pivoting. */
export function factorised(x: Nd): { p: Nd; l: Nd; u: Nd } {
  const [m, n] = x.shape
  const k = Math.min(m, n)
  const rows = Array.from({ length: m }, (_, i) => Array.from({ length: n }, (__, j) => at(x, [i, j])))
  const order = rows.map((_, i) => i)
  for (let j = 0; j < k; j++) {
    let best = j
    for (let i = j; i < m; i++) if (Math.abs(rows[i][j]) > Math.abs(rows[best][j])) best = i
    for (const list of [rows, order] as unknown[][]) [list[j], list[best]] = [list[best], list[j]]
    for (let i = j + 1; i < m; i++) {
      rows[i][j] /= rows[j][j]
      for (let c = j + 1; c < n; c++) rows[i][c] -= rows[i][j] * rows[j][c]
    }
  }
  return {
    p: build([m, m], ([i, j]) => Number(order[j] === i)),
    l: build([m, k], ([i, j]) => (i === j ? 1 : i > j ? rows[i][j] : 0)),
    u: build([k, n], ([i, j]) => (i <= j ? rows[i][j] : 0)),
  }
}
