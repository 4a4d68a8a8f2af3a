/**
 * @file What ops should give, written as plainly as possible: float64, loops over all positions, nothing shared with lib/.
 * Products over windows are in reference-windows.ts.
 */

/** An n-dimensional array, row-major. Integers and bools are numbers here too. */
export interface Nd {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** The array whose element at each position is `at(position)`. */
export function build(shape: readonly number[], at: (position: readonly number[]) => number): Nd {
  const data = new Float64Array(sizeOf(shape))
  positionsOf(shape).forEach((position, i) => (data[i] = at(position)))
  return { shape, data }
}

/** All positions of a shape, row-major. */
export function positionsOf(shape: readonly number[]): number[][] {
  let all: number[][] = [[]]
  for (const size of shape) all = all.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i]))
  return all
}

export function at(x: Nd, position: readonly number[]): number {
  let offset = 0
  x.shape.forEach((size, axis) => (offset = offset * size + position[axis]))
  return x.data[offset]
}

/** The element that broadcasting reads at a position of the wider shape. */
export function atBroadcast(x: Nd, position: readonly number[]): number {
  const lead = position.length - x.shape.length
  return at(
    x,
    x.shape.map((size, axis) => (size === 1 ? 0 : position[axis + lead])),
  )
}

export function broadcastShape(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)
    return sizes.find((size) => size !== 1) ?? 1
  })
}

/** A scalar function at every position of the broadcast inputs. */
export const elementwise =
  (fn: (...numbers: number[]) => number) =>
  (...inputs: Nd[]): Nd =>
    build(broadcastShape(...inputs.map((x) => x.shape)), (position) =>
      fn(...inputs.map((x) => atBroadcast(x, position))),
    )

/** A function of all elements along `axes` (undefined: all axes). */
export function reduction(fn: (numbers: number[]) => number, axes?: readonly number[], keepDims = false) {
  return (x: Nd): Nd => {
    const over = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + x.shape.length : axis))
    const groups = new Map<string, number[]>()
    const kept = x.shape.map((size, axis) => (over.includes(axis) ? 1 : size))
    for (const position of positionsOf(kept)) groups.set(position.join(), [])
    for (const position of positionsOf(x.shape)) {
      groups.get(position.map((p, axis) => (over.includes(axis) ? 0 : p)).join())!.push(at(x, position))
    }
    const shape = keepDims ? kept : x.shape.filter((_, axis) => !over.includes(axis))
    return { shape, data: Float64Array.from([...groups.values()], fn) }
  }
}

export const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
export const average = (numbers: readonly number[]): number => total(numbers) / numbers.length
export const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1)
export const spread = (numbers: readonly number[], correction = 1): number => {
  const center = average(numbers)
  return total(numbers.map((x) => (x - center) ** 2)) / Math.max(0, numbers.length - correction)
}

export function transposed(x: Nd, axes: readonly number[]): Nd {
  return build(
    axes.map((axis) => x.shape[axis]),
    (position) => {
      const from: number[] = []
      axes.forEach((axis, i) => (from[axis] = position[i]))
      return at(x, from)
    },
  )
}

/** Elements of x at positions that a function of the result's position gives. */
export const moved =
  (shape: readonly number[], from: (position: readonly number[]) => readonly number[]) =>
  (x: Nd): Nd =>
    build(shape, (position) => at(x, from(position)))

export const reshaped =
  (shape: readonly number[]) =>
  (x: Nd): Nd => ({ shape, data: x.data })

/** Matrix product over the last two axes with broadcast leading axes, vectors as rows and columns. */
export function matmul(a: Nd, b: Nd): Nd {
  const left = a.shape.length === 1 ? reshaped([1, ...a.shape])(a) : a
  const right = b.shape.length === 1 ? reshaped([...b.shape, 1])(b) : b
  const [m, k] = left.shape.slice(-2)
  const n = right.shape[right.shape.length - 1]
  const batch = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2))
  const element = (x: Nd, lead: readonly number[], row: number, column: number) => {
    const own = x.shape.length - 2
    const at0 = lead.slice(lead.length - own).map((p, axis) => (x.shape[axis] === 1 ? 0 : p))
    return at(x, [...at0, row, column])
  }
  const y = build([...batch, m, n], (position) => {
    const lead = position.slice(0, -2)
    const [row, column] = position.slice(-2)
    let sum = 0
    for (let i = 0; i < k; i++) sum += element(left, lead, row, i) * element(right, lead, i, column)
    return sum
  })
  const shape = [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])]
  return { shape, data: y.data }
}

/** A function of a whole line along an axis, that gives a line of the same length. */
export const alongAxis =
  (axis: number, fn: (line: number[]) => number[]) =>
  (x: Nd): Nd => {
    const at0 = axis < 0 ? axis + x.shape.length : axis
    const lines = new Map<string, number[]>()
    const lineOf = (position: readonly number[]) => {
      const key = position.map((p, i) => (i === at0 ? 0 : p)).join()
      if (!lines.has(key)) {
        const line = Array.from({ length: x.shape[at0] }, (_, k) =>
          at(
            x,
            position.map((p, i) => (i === at0 ? k : p)),
          ),
        )
        lines.set(key, fn(line))
      }
      return lines.get(key)!
    }
    return build(x.shape, (position) => lineOf(position)[position[at0]])
  }

export const softmaxLine = (line: readonly number[]): number[] => {
  const top = Math.max(...line)
  const e = line.map((x) => Math.exp(x - top))
  return e.map((x) => x / total(e))
}
export const logSoftmaxLine = (line: readonly number[]): number[] => {
  const top = Math.max(...line)
  const rest = Math.log(total(line.map((x) => Math.exp(x - top))))
  return line.map((x) => x - top - rest)
}
export const standardizedLine = (line: readonly number[], eps = 1e-5): number[] => {
  const center = average(line)
  return line.map((x) => (x - center) / Math.sqrt(spread(line, 0) + eps))
}

/** Abramowitz & Stegun 7.1.6 near 0; Lentz's continued fraction (7.1.14) further out. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  if (x < 2) return 1 - erf(x)
  if (x === Infinity) return 0
  let fraction = 0
  for (let k = 200; k > 0; k--) fraction = k / 2 / (x + fraction)
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction)
}
export function erf(x: number): number {
  if (Math.abs(x) >= 2) return Math.sign(x) * (1 - erfc(Math.abs(x)))
  let term = x
  let sum = x
  for (let n = 1; n < 100; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
/** To the nearest integer, halves to even. */
export function roundHalfEven(x: number): number {
  if (!Number.isFinite(x)) return x
  const low = Math.floor(x)
  const rest = x - low
  const up = rest > 0.5 || (rest === 0.5 && low % 2 !== 0)
  const y = up ? low + 1 : low
  return y === 0 && (x < 0 || Object.is(x, -0)) ? -0 : y
}
/** Python's %. */
export const pythonRemainder = (a: number, b: number): number => {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

/** x with a x = b for [..., n, n] and [..., n, k]: Gauss-Jordan with pivoting. */
export function solve(a: Nd, b: Nd): Nd {
  const n = a.shape[a.shape.length - 1]
  const k = b.shape[b.shape.length - 1]
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const data = positionsOf(batch).flatMap((lead) => {
    const entry = (x: Nd, row: number, column: number) => {
      const own = x.shape.length - 2
      return at(x, [...lead.slice(lead.length - own).map((p, i) => (x.shape[i] === 1 ? 0 : p)), row, column])
    }
    const left = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => entry(a, i, j)))
    const right = Array.from({ length: n }, (_, i) => Array.from({ length: k }, (__, j) => entry(b, i, j)))
    return eliminate(left, right).flat()
  })
  return { shape: [...batch, n, k], data: Float64Array.from(data) }
}

function eliminate(a: number[][], b: number[][]): number[][] {
  const rows = a.map((row, i) => [...row, ...b[i]])
  const n = a.length
  for (let i = 0; i < n; i++) {
    const pivot = rows.slice(i).reduce((best, row, j) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? i + j : best), i)
    ;[rows[i], rows[pivot]] = [rows[pivot], rows[i]]
    rows[i] = rows[i].map((x) => x / rows[i][i])
    for (let j = 0; j < n; j++) {
      if (j === i) continue
      const factor = rows[j][i]
      rows[j] = rows[j].map((x, column) => x - factor * rows[i][column])
    }
  }
  return rows.map((row) => row.slice(n))
}

/** l with l l^T = a, reading the lower triangle. */
export function cholesky(a: Nd): Nd {
  const n = a.shape[a.shape.length - 1]
  const data = positionsOf(a.shape.slice(0, -2)).flatMap((lead) => {
    const l = Array.from({ length: n }, () => new Array<number>(n).fill(0))
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        const rest = at(a, [...lead, i, j]) - total(l[i].slice(0, j).map((x, k) => x * l[j][k]))
        l[i][j] = i === j ? Math.sqrt(rest) : rest / l[j][j]
      }
    }
    return l.flat()
  })
  return { shape: a.shape, data: Float64Array.from(data) }
}
