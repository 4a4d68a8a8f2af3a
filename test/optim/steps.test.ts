/** @file Optimisers number by number: 20 steps against PyTorch's formulas in a plain float64 loop. */
import { mul, optim, sum, tensor, Variable } from 'tenon'
import type { DType } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('optimiser steps')

const STEPS = 20
const START = [0.5, -1.25, 2, 0, -0.01, 3.75, 1e-3]
/** Gradients of either sign and of very different sizes; the fourth element's are 0 at first. */
const gradientAt = (t: number) =>
  START.map((x, i) => (i === 3 && t < 5 ? 0 : Math.sin(1.7 * t + 2.3 * i) * 10 ** ((i % 4) - 2) + 0.1 * x))

type Rule<O> = (o: O) => (p: number, g: number, t: number, memory: Record<string, number>) => number

const sgdRule: Rule<optim.SGDOptions> = (o) => (p, g, t, memory) => {
  let d = (o.maximize ? -g : g) + o.weightDecay * p
  if (o.momentum !== 0) {
    memory.b = t === 0 ? d : o.momentum * memory.b! + (1 - o.dampening) * d
    d = o.nesterov ? d + o.momentum * memory.b : memory.b
  }
  return p - o.lr * d
}

const adamRule =
  (isDecoupled: boolean): Rule<optim.AdamOptions> =>
  (o) =>
  (p, g, t, memory) => {
    const [beta1, beta2] = o.betas
    let d = o.maximize ? -g : g
    if (isDecoupled) p *= 1 - o.lr * o.weightDecay
    else d += o.weightDecay * p
    memory.m = beta1 * (memory.m ?? 0) + (1 - beta1) * d
    memory.v = beta2 * (memory.v ?? 0) + (1 - beta2) * d * d
    memory.max = Math.max(memory.max ?? 0, memory.v)
    const second = o.amsgrad ? memory.max : memory.v
    const root = Math.sqrt(second) / Math.sqrt(1 - beta2 ** (t + 1))
    return p - ((o.lr / (1 - beta1 ** (t + 1))) * memory.m) / (root + o.eps)
  }

type Make = (p: Variable) => optim.Optimizer<{ lr: number }>
interface Case {
  title: string
  make: Make
  rule: ReturnType<Rule<never>>
  lrs?: (t: number) => number
}

const sgd = (options: Partial<optim.SGDOptions>): Case => {
  const full = {
    lr: 1e-3,
    momentum: 0,
    dampening: 0,
    weightDecay: 0,
    nesterov: false,
    maximize: false,
    sparse: false,
    ...options,
  }
  return { title: `SGD ${JSON.stringify(options)}`, make: (p) => new optim.SGD([p], options), rule: sgdRule(full) }
}
const adam = (name: 'Adam' | 'AdamW', options: Partial<optim.AdamOptions>): Case => {
  const weightDecay = name === 'AdamW' ? 0.01 : 0
  const full = {
    lr: 1e-3,
    betas: [0.9, 0.999] as const,
    eps: 1e-8,
    weightDecay,
    amsgrad: false,
    maximize: false,
    ...options,
  }
  return {
    title: `${name} ${JSON.stringify(options)}`,
    make: (p) => new optim[name]([p], options),
    rule: adamRule(name === 'AdamW')(full),
  }
}

const CASES: Case[] = [
  sgd({}),
  sgd({ lr: 0.1, momentum: 0.9 }),
  sgd({ lr: 0.1, momentum: 0.9, dampening: 0.3 }),
  sgd({ lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  sgd({ lr: 0.05, weightDecay: 0.1, maximize: true }),
  adam('Adam', {}),
  adam('Adam', { lr: 0.1, betas: [0.8, 0.9], eps: 1e-3 }),
  adam('Adam', { lr: 0.01, weightDecay: 0.1, amsgrad: true }),
  adam('Adam', { lr: 0.01, maximize: true }),
  adam('AdamW', {}),
  adam('AdamW', { lr: 0.1, weightDecay: 0.5, amsgrad: true, maximize: true }),
]

async function trajectory({ make }: Case, dtype: DType): Promise<number[][]> {
  const p = new Variable(tensor(START, { dtype }))
  const optimizer = make(p)
  const path: number[][] = []
  for (let t = 0; t < STEPS; t++) {
    sum(mul(p, tensor(gradientAt(t), { dtype }))).backward()
    await optimizer.step()
    path.push(Array.from((await p.data()) as Float64Array))
  }
  return path
}

/** The gradients that the optimiser gets: those of the dtype. */
const rounded = (x: number, dtype: DType) => (dtype === 'f32' ? Math.fround(x) : x)

function expected({ rule }: Case, dtype: DType): number[][] {
  const memories = START.map((): Record<string, number> => ({}))
  let p = START.map((x) => rounded(x, dtype))
  return Array.from({ length: STEPS }, (_, t) => {
    const g = gradientAt(t)
    p = p.map((x, i) => rule(x, rounded(g[i]!, dtype), t, memories[i]!))
    return p
  })
}

for (const one of CASES) {
  for (const [dtype, tolerance] of [
    ['f64', 1e-12],
    ['f32', 1e-6],
  ] as const) {
    test(`${one.title}: ${dtype}`, async () => {
      const [got, want] = [await trajectory(one, dtype), expected(one, dtype)]
      for (let t = 0; t < STEPS; t++) {
        want[t]!.forEach((x, i) => {
          const error = Math.abs(got[t]![i]! - x)
          assert.ok(error <= tolerance * Math.max(1, Math.abs(x)), `step ${t}, element ${i}: ${got[t]![i]} and ${x}`)
        })
      }
    })
  }
}
