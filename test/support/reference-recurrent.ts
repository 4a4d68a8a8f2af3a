/** @file What the sequence ops of recurrent layers should give, one number after the other: float64 loops, nothing shared with lib/. */
import { at, build } from './reference.ts'
import type { Nd } from './reference.ts'

export interface Sequence {
  readonly reverse?: boolean
  /** Steps of each sequence. */
  readonly lengths?: readonly number[]
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

/** sum_k h[k] w[row, k] */
const through = (w: Nd, row: number, h: readonly number[]) =>
  h.reduce((total, value, k) => total + value * at(w, [row, k]), 0)

/** The states of all sequences at all times, from a function of one step of one sequence. */
function run(
  gx: Nd,
  starts: readonly Nd[],
  { reverse = false, lengths }: Sequence,
  step: (x: (g: number) => number, state: readonly number[][]) => number[][],
): Nd[] {
  const [steps, batch] = gx.shape as [number, number]
  const all = new Map<string, number[][]>()
  for (let b = 0; b < batch; b++) {
    let now = starts.map((s) => Array.from({ length: s.shape[1]! }, (_, i) => at(s, [b, i])))
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i
      if (t < (lengths?.[b] ?? steps)) now = step((g) => at(gx, [t, b, g]), now)
      all.set(`${t},${b}`, now)
    }
  }
  return starts.map((s, k) => build([steps, batch, s.shape[1]!], ([t, b, i]) => all.get(`${t},${b}`)![k]![i!]!))
}

export const rnnSequence =
  (f: (x: number) => number, options: Sequence = {}) =>
  (gx: Nd, w: Nd, h0: Nd): Nd =>
    run(gx, [h0], options, (x, [h]) => [h!.map((_, i) => f(x(i) + through(w, i, h!)))])[0]!

export const lstmSequence =
  (options: Sequence = {}) =>
  (gx: Nd, w: Nd, h0: Nd, c0: Nd, project?: Nd): Nd[] =>
    run(gx, [h0, c0], options, (x, [h, c]) => {
      const H = c!.length
      const gate = (k: number, i: number) => x(k * H + i) + through(w, k * H + i, h!)
      const next = c!.map((value, i) => sigmoid(gate(1, i)) * value + sigmoid(gate(0, i)) * Math.tanh(gate(2, i)))
      const m = next.map((value, i) => sigmoid(gate(3, i)) * Math.tanh(value))
      return [project ? h!.map((_, p) => through(project, p, m)) : m, next]
    })

export const gruSequence =
  (options: Sequence = {}) =>
  (gx: Nd, w: Nd, h0: Nd, b: Nd): Nd =>
    run(gx, [h0], options, (x, [h]) => {
      const H = h!.length
      const next = h!.map((value, i) => {
        const r = sigmoid(x(i) + through(w, i, h!))
        const z = sigmoid(x(H + i) + through(w, H + i, h!))
        const n = Math.tanh(x(2 * H + i) + r * (through(w, 2 * H + i, h!) + at(b, [i])))
        return (1 - z) * n + z * value
      })
      return [next]
    })[0]!
