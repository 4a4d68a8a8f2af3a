/** @file Decompositions of matrices, batched: eigenvalues of symmetric ones, singular values, QR, LU; triangular systems. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { ControlEmitter, Row } from '../graph/row.ts'
import { apply, applyTuple, Tensor } from '../graph/tensor.ts'
import { broadcast, showShape, sizeOf } from '../shape.ts'
import { matmul } from './contraction.ts'
import { eye, tril, triu } from './create.ts'
import { add, div, eq, mul, reciprocal, sub, where } from './elementwise.ts'
import { oneHot } from './indexing.ts'
import { concat, expand, filled, narrow, transpose, unsqueeze } from './layout.ts'
import { window } from './reduction.ts'
import { asTensor, cast, constant, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

/** A batch of float matrices. */
export function matrices(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  if (t.rank < 2) fail('SHAPE', op, `needs matrices, got ${showShape(t.shape)}.`)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}.`)
  return t
}

export function squares(op: string, x: TensorLike): Tensor {
  const t = matrices(op, x)
  if (t.shape[t.rank - 1] !== t.shape[t.rank - 2])
    fail('SHAPE', op, `needs square matrices, got ${showShape(t.shape)}.`)
  return t
}

/** Outputs and inputs as [batch, ...], the last `ranks` axes of each as they are. */
function emitBatched(e: ControlEmitter, kernel: string, shapes: Shapes, attrs: readonly number[] = []): void {
  const flat = ({ shape, keep }: Shapes['ins'][number]) => [
    sizeOf(shape.slice(0, shape.length - keep)),
    ...shape.slice(shape.length - keep),
  ]
  const outs = shapes.outs.map((one, i) => window(e.output(i), flat(one)))
  const ins = shapes.ins.map((one, i) => window(e.packed(e.input(i)), flat(one)))
  e.instr(kernel, outs, ins, attrs)
}

interface Shapes {
  readonly outs: readonly { readonly shape: readonly number[]; readonly keep: number }[]
  readonly ins: readonly { readonly shape: readonly number[]; readonly keep: number }[]
}

/** The kernels' outputs keep so many axes each. */
const emitter =
  (kernel: string, keeps: readonly number[]): NonNullable<Row<unknown>['emit']> =>
  (e, { inputs, outputs }) =>
    emitBatched(e, kernel, {
      outs: outputs.map(({ shape }, i) => ({ shape, keep: keeps[i]! })),
      ins: inputs.map(({ shape }) => ({ shape, keep: 2 })),
    })

/** Columns times the numbers of the last axis; rows times them. */
const scaleColumns = (x: Tensor, by: Tensor) => mul(x, unsqueeze(by, -2))
const scaleRows = (x: Tensor, by: Tensor) => mul(x, unsqueeze(by, -1))
const skew = (x: Tensor) => sub(x, transpose(x))
/** 1 / (x[j] - x[i]), 0 on the diagonal. */
function inverseGaps(x: Tensor): Tensor {
  const gaps = sub(unsqueeze(x, -2), unsqueeze(x, -1))
  const n = x.shape[x.rank - 1]!
  const isDiagonal = eq(eye(n, n, { dtype: x.dtype }), constant(1, x.dtype))
  const zero = constant(0, x.dtype)
  return where(isDiagonal, zero, reciprocal(where(isDiagonal, constant(1, x.dtype), gaps)))
}
const diagonalOf = (values: Tensor) => {
  const n = values.shape[values.rank - 1]!
  return mul(unsqueeze(values, -2), eye(n, n, { dtype: values.dtype }))
}

const eighRow: Row<null> = defineRow<null>({
  name: 'eigh',
  kind: 'kernel',
  canFail: true,
  infer: ([a]) => [{ shape: a!.shape.slice(0, -1), dtype: a!.dtype }, a!],
  vjp: ({ outputs: [w, v], cotangents: [dw, dv] }) => {
    // V (diag(dw) + (V^T dV) / (w_j - w_i)) V^T, made symmetric (Giles 2008).
    let inner = dw ? diagonalOf(dw) : null
    if (dv) {
      const turn = mul(mul(skew(matmul(transpose(v!), dv)), constant(0.5, dv.dtype)), inverseGaps(w!))
      inner = inner ? add(inner, turn) : turn
    }
    return [matmul(matmul(v!, inner!), transpose(v!))]
  },
  emit: emitter('eigh', [1, 2]),
})

export interface EighOptions {
  /** The triangle that is read. Default: 'L', the lower one. */
  uplo?: 'L' | 'U'
}

/**
 * Eigenvalues in ascending order and eigenvectors (columns) of symmetric matrices: a = v diag(w) v^T. The gradient is the symmetric one; that of
 * the vectors needs eigenvalues that differ. SINGULAR at what is not finite.
 */
export function eigh(a: TensorLike, options: EighOptions = {}): { eigenvalues: Tensor; eigenvectors: Tensor } {
  checkOptions('eigh', options, ['uplo'])
  const { uplo = 'L' } = options
  if (uplo !== 'L' && uplo !== 'U') fail('VALUE', 'eigh', `uplo is 'L' or 'U', got ${String(uplo)}.`)
  const t = squares('eigh', a)
  const [eigenvalues, eigenvectors] = applyTuple(eighRow, [uplo === 'L' ? t : transpose(t)], null)
  return { eigenvalues: eigenvalues!, eigenvectors: eigenvectors! }
}

/** The eigenvalues of symmetric matrices, in ascending order. */
export function eigvalsh(a: TensorLike, options: EighOptions = {}): Tensor {
  return eigh(a, options).eigenvalues
}

const svdRow: Row<{ full: boolean }> = defineRow<{ full: boolean }>({
  name: 'svd',
  kind: 'kernel',
  canFail: true,
  infer: ([a], { full }) => {
    const [batch, [m, n]] = [a!.shape.slice(0, -2), a!.shape.slice(-2) as [number, number]]
    const k = Math.min(m, n)
    const shapes = [
      [...batch, m, full ? m : k],
      [...batch, k],
      [...batch, full ? n : k, n],
    ]
    return shapes.map((shape) => ({ shape, dtype: a!.dtype }))
  },
  vjp: ({ inputs: [a], outputs: [u, s, vh], cotangents }) => [svdGradient(a!, [u!, s!, vh!], cotangents)],
  emit: emitter('svd', [2, 1, 2]),
})

/** Townsend 2016, "Differentiating the singular value decomposition". */
function svdGradient(a: Tensor, [fullU, s, fullVh]: [Tensor, Tensor, Tensor], cotangents: readonly (Tensor | null)[]) {
  const [m, n] = a.shape.slice(-2) as [number, number]
  const k = Math.min(m, n)
  const [duFull, ds, dvhFull] = cotangents as [Tensor | null, Tensor | null, Tensor | null]
  if ((duFull && fullU.shape[fullU.rank - 1] !== k) || (dvhFull && fullVh.shape[fullVh.rank - 2] !== k)) {
    fail('GRADIENT', 'svd', `singular vectors beyond the first ${k} have no gradient. Use fullMatrices: false.`)
  }
  const [u, v] = [narrow(fullU, -1, 0, k), transpose(narrow(fullVh, -2, 0, k))]
  const [du, dv] = [duFull, dvhFull && transpose(dvhFull)]
  const gaps = du || dv ? inverseGaps(mul(s, s)) : null
  const inner: Tensor[] = ds ? [diagonalOf(ds)] : []
  if (du) inner.push(scaleColumns(mul(skew(matmul(transpose(u), du)), gaps!), s))
  if (dv) inner.push(scaleRows(mul(skew(matmul(transpose(v), dv)), gaps!), s))
  let da = matmul(
    matmul(
      u,
      inner.reduce((x, y) => add(x, y)),
    ),
    transpose(v),
  )
  const outside = (basis: Tensor, x: Tensor) => sub(x, matmul(basis, matmul(transpose(basis), x)))
  const divided = (x: Tensor) => div(x, unsqueeze(s, -2))
  if (du && m > k) da = add(da, matmul(outside(u, divided(du)), transpose(v)))
  if (dv && n > k) da = add(da, matmul(u, transpose(outside(v, divided(dv)))))
  return da
}

export interface SvdOptions {
  /** Square u and vh. Default: true. */
  fullMatrices?: boolean
}

/**
 * a = u diag(s) vh, s descending: a [..., m, n], u [..., m, m], s [..., min(m, n)], vh [..., n, n]; without fullMatrices u [..., m, k] and
 * vh [..., k, n]. The gradient by u and vh needs singular values that differ. SINGULAR at what is not finite.
 */
export function svd(a: TensorLike, options: SvdOptions = {}): { u: Tensor; s: Tensor; vh: Tensor } {
  checkOptions('svd', options, ['fullMatrices'])
  const [u, s, vh] = applyTuple(svdRow, [matrices('svd', a)], { full: options.fullMatrices ?? true })
  return { u: u!, s: s!, vh: vh! }
}

/** The singular values of matrices, in descending order. */
export function svdvals(a: TensorLike): Tensor {
  return applyTuple(svdRow, [matrices('svdvals', a)], { full: false })[1]!
}

interface TriangleAttrs {
  readonly upper: boolean
  readonly unit: boolean
}

const solveTriangularRow: Row<TriangleAttrs> = defineRow<TriangleAttrs>({
  name: 'solveTriangular',
  kind: 'kernel',
  infer: ([, b]) => b!,
  vjp: ({ dy, inputs: [a], outputs: [x], attrs: { upper, unit }, needs }) => {
    const db = apply(solveTriangularRow, [transpose(a!), dy], { upper: !upper, unit })
    if (!needs(0)) return [null, db]
    const da = mul(matmul(db, transpose(x!)), constant(-1, dy.dtype))
    return [upper ? triu(da, unit ? 1 : 0) : tril(da, unit ? -1 : 0), db]
  },
  emit: (e, { attrs: { upper, unit }, inputs, outputs }) =>
    emitBatched(
      e,
      'solveTriangular',
      {
        outs: [{ shape: outputs[0]!.shape, keep: 2 }],
        ins: inputs.map(({ shape }) => ({ shape, keep: 2 })),
      },
      [Number(upper), Number(unit)],
    ),
})

const solveUpper = (a: Tensor, b: Tensor) => apply(solveTriangularRow, [a, b], { upper: true, unit: false })
/** b u^-T for an upper triangular u. */
const overTransposedUpper = (b: Tensor, u: Tensor) => transpose(solveUpper(u, transpose(b)))

export interface SolveTriangularOptions {
  /** The triangle that a has. */
  upper: boolean
  /** Solve a x = b; else x a = b. Default: true. */
  left?: boolean
  /** Take a's diagonal for ones. Default: false. */
  unitriangular?: boolean
}

/** x with a x = b for triangular a [..., n, n] and b [..., n, k]; the other triangle is not read. A 0 on the diagonal gives infinities. */
export function solveTriangular(a: TensorLike, b: TensorLike, options: SolveTriangularOptions): Tensor {
  const op = 'solveTriangular'
  checkOptions(op, options, ['upper', 'left', 'unitriangular'])
  const { upper, left = true, unitriangular: unit = false } = options ?? {}
  if (typeof upper !== 'boolean') fail('VALUE', op, `upper is true or false, got ${String(upper)}.`)
  const [x, y] = [squares(op, a), matrices(op, b)]
  if (!left) {
    const rest = { upper: !upper, unitriangular: unit }
    return transpose(solveTriangular(transpose(x), transpose(y), rest))
  }
  const [n, k] = y.shape.slice(-2) as [number, number]
  if (x.shape[x.rank - 1] !== n || x.dtype !== y.dtype)
    fail('SHAPE', op, `b must be ${x.dtype} [..., ${x.shape[x.rank - 1]}, k], got ${y.dtype} ${showShape(y.shape)}.`)
  const batch = broadcast(op, x.shape.slice(0, -2), y.shape.slice(0, -2))
  return apply(solveTriangularRow, [expand(x, [...batch, n, n]), expand(y, [...batch, n, k])], { upper, unit })
}

const qrRow: Row<{ complete: boolean }> = defineRow<{ complete: boolean }>({
  name: 'qr',
  kind: 'kernel',
  infer: ([a], { complete }) => {
    const [batch, [m, n]] = [a!.shape.slice(0, -2), a!.shape.slice(-2) as [number, number]]
    const p = complete ? m : Math.min(m, n)
    return [
      { shape: [...batch, m, p], dtype: a!.dtype },
      { shape: [...batch, p, n], dtype: a!.dtype },
    ]
  },
  vjp: ({ inputs: [a], outputs: [q, r], cotangents: [dq, dr] }) => {
    const [m, n] = a!.shape.slice(-2) as [number, number]
    if (q!.shape[q!.rank - 1] !== Math.min(m, n))
      fail('GRADIENT', 'qr', `columns of q beyond the first ${n} have no gradient. Use mode: 'reduced'.`)
    if (m >= n) return [tallGradient(q!, r!, dq ?? null, dr ?? null)]
    // r = [r1 | r2] and a = [a1 | a2] with q r2 = a2 (Roberts & Roberts 2020).
    const zeros = filled([...a!.shape.slice(0, -1), n - m], 0, a!)
    const d2 = dr ? narrow(dr, -1, m, n - m) : zeros
    const extra = matmul(narrow(a!, -1, m, n - m), transpose(d2))
    const d1 = tallGradient(q!, narrow(r!, -1, 0, m), dq ? add(dq, extra) : extra, dr ? narrow(dr, -1, 0, m) : null)
    return [concat([d1, matmul(q!, d2)], -1)]
  },
  emit: emitter('qr', [2, 2]),
})

/** (dq + q sym(tril(r dr^T - dq^T q))) r^-T, sym(l) = l + l^T with the diagonal once (Walter & Lehmann 2010). */
function tallGradient(q: Tensor, r: Tensor, dq: Tensor | null, dr: Tensor | null): Tensor {
  const parts = [
    ...(dr ? [matmul(r, transpose(dr))] : []),
    ...(dq ? [mul(matmul(transpose(dq), q), constant(-1, q.dtype))] : []),
  ]
  const whole = parts.reduce((x, y) => add(x, y))
  const below = tril(whole, -1)
  const symmetric = add(tril(whole), transpose(below))
  const turned = matmul(q, symmetric)
  return overTransposedUpper(dq ? add(dq, turned) : turned, r)
}

export interface QrOptions {
  /** 'reduced': q [..., m, k], r [..., k, n]; 'complete': q [..., m, m], r [..., m, n]; 'r': like 'reduced'. Default: 'reduced'. */
  mode?: 'reduced' | 'complete' | 'r'
}

/** a = q r with orthonormal columns in q and upper triangular r, by Householder's reflections with LAPACK's signs; k = min(m, n). */
export function qr(a: TensorLike, options: QrOptions = {}): { q: Tensor; r: Tensor } {
  checkOptions('qr', options, ['mode'])
  const { mode = 'reduced' } = options
  if (mode !== 'reduced' && mode !== 'complete' && mode !== 'r')
    fail('VALUE', 'qr', `mode is 'reduced', 'complete' or 'r', got ${String(mode)}.`)
  const t = matrices('qr', a)
  const [q, r] = applyTuple(qrRow, [t], {
    complete: mode === 'complete' && t.shape[t.rank - 2]! > t.shape[t.rank - 1]!,
  })
  return { q: q!, r: r! }
}

const luRow: Row<null> = defineRow<null>({
  name: 'luFactor',
  kind: 'kernel',
  infer: ([a]) => [
    a!,
    { shape: a!.shape.slice(0, -1), dtype: 'i64' },
    { shape: a!.shape.slice(0, -2), dtype: a!.dtype },
  ],
  vjp: ({ dy, inputs: [a], outputs: [factors, perm] }) => {
    const [m, n] = a!.shape.slice(-2) as [number, number]
    const k = Math.min(m, n)
    const part = (x: Tensor, row: number, rows: number, column: number, columns: number) =>
      narrow(narrow(x, -2, row, rows), -1, column, columns)
    const packed = part(factors!, 0, k, 0, k)
    const l = add(tril(packed, -1), eye(k, k, { dtype: a!.dtype }))
    const u = triu(packed)
    const corner = part(dy, 0, k, 0, k)
    let [dl, du] = [tril(corner, -1), triu(corner)]
    const underL = (b: Tensor) => apply(solveTriangularRow, [transpose(l), b], { upper: true, unit: true })
    let rest: Tensor | null = null
    if (m > k) {
      // The rows below: l2 = a2 u^-1.
      rest = overTransposedUpper(part(dy, k, m - k, 0, k), u)
      du = sub(du, matmul(transpose(part(factors!, k, m - k, 0, k)), rest))
    } else if (n > k) {
      // The columns to the right: u2 = l^-1 a2.
      rest = underL(part(dy, 0, k, k, n - k))
      dl = sub(dl, matmul(rest, transpose(part(factors!, 0, k, k, n - k))))
    }
    const inner = add(tril(matmul(transpose(l), dl), -1), triu(matmul(du, transpose(u))))
    const first = overTransposedUpper(underL(inner), u)
    const ordered = rest ? concat([first, rest], m > k ? -2 : -1) : first
    return [matmul(transpose(cast(oneHot(perm!, m), a!.dtype)), ordered)]
  },
  emit: emitter('luFactor', [2, 1, 0]),
})

/** @internal l and u in one matrix, the order of rows (row i of l u is row perm[i] of a), and its sign. */
export function luFactors(a: Tensor): { factors: Tensor; perm: Tensor; sign: Tensor } {
  const [factors, perm, sign] = applyTuple(luRow, [a], null)
  return { factors: factors!, perm: perm!, sign: sign! }
}

/** a = p l u with a permutation p [..., m, m], unit lower triangular l [..., m, k] and upper triangular u [..., k, n], by partial pivoting. */
export function lu(a: TensorLike): { p: Tensor; l: Tensor; u: Tensor } {
  const t = matrices('lu', a)
  const [m, n] = t.shape.slice(-2) as [number, number]
  const k = Math.min(m, n)
  const { factors, perm } = luFactors(t)
  return {
    p: transpose(cast(oneHot(perm, Math.max(m, 1)), t.dtype)),
    l: add(tril(narrow(factors, -1, 0, k), -1), eye(m, k, { dtype: t.dtype })),
    u: triu(narrow(factors, -2, 0, k)),
  }
}
