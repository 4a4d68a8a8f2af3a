/** @file L-BFGS: quasi-Newton steps on the whole problem. Unlike other optimisers it computes the loss itself, several times a step. */
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import { evaluate, perform, item } from '../engine/evaluate.ts'
import { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import { detach } from '../graph/gradient.ts'
import { abs, add, mul, neg, sub } from '../ops/elementwise.ts'
import { concat, narrow, reshape } from '../ops/layout.ts'
import { max, sum } from '../ops/reduction.ts'
import { asTensor } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import { strongWolfe } from './line-search.ts'
import type { Point } from './line-search.ts'
import { forget } from './optimizer.ts'
import type { OptimizerState } from './optimizer.ts'
import { checkNumber, describe, groupsOf, optionsOf } from './param-groups.ts'
import type { ParamGroup } from './param-groups.ts'

export interface LBFGSOptions {
  /** Length of a step in units of the direction. Default: 1. */
  lr: number
  /** Iterations a step. Default: 20. */
  maxIter: number
  /** Evaluations of the loss a step. Default: 5 / 4 of maxIter. */
  maxEval: number | null
  /** A gradient with no larger number than this ends a step. Default: 1e-7. */
  toleranceGrad: number
  /** So does a change of the loss or of every parameter by less. Default: 1e-9. */
  toleranceChange: number
  /** Steps that are remembered. Default: 100. */
  historySize: number
  /** Look for a good length of each step. Default: null, steps of lr. */
  lineSearchFn: 'strong_wolfe' | null
}

const DEFAULTS: LBFGSOptions = {
  lr: 1,
  maxIter: 20,
  maxEval: null,
  toleranceGrad: 1e-7,
  toleranceChange: 1e-9,
  historySize: 100,
  lineSearchFn: null,
}

/** A step that was made: y, the change of the gradient, s, that of the parameters, and 1 / <y, s>. */
interface Remembered {
  readonly y: Tensor
  readonly s: Tensor
  readonly rho: number
}

const dot = async (a: Tensor, b: Tensor): Promise<number> => item(sum(mul(a, b)))
const largest = async (a: Tensor): Promise<number> => item(max(abs(a)))
/** a + factor b, computed. */
async function moved(a: Tensor, factor: number, b: Tensor): Promise<Tensor> {
  const t = add(a, mul(b, factor))
  await evaluate(t)
  return t
}

/**
 * Limited-memory BFGS (Liu & Nocedal 1989). `await optimizer.step(closure)`, where closure computes the loss, calls backward() on it and gives it:
 *
 *     await optimizer.step(() => { const loss = lossOf(model); loss.backward(); return loss })
 *
 * For smooth losses of whole data sets; all parameters are one group, of one dtype.
 */
export class LBFGS {
  readonly paramGroups: readonly ParamGroup<LBFGSOptions>[]
  readonly #params: readonly Variable[]
  #history: Remembered[] = []
  #direction: Tensor | null = null
  #gradient: Tensor | null = null
  #t = 0
  #scale = 1
  #iterations = 0

  constructor(params: Iterable<Variable>, options: Partial<LBFGSOptions> = {}) {
    checkOptions('LBFGS', options, Object.keys(DEFAULTS))
    this.paramGroups = groupsOf<LBFGSOptions>('LBFGS', params, { ...DEFAULTS, ...options })
    check(this.paramGroups.length === 1, 'VALUE', 'LBFGS', () => 'takes one group of parameters.')
    const { lr, maxIter, historySize, lineSearchFn } = this.paramGroups[0]!
    this.#params = this.paramGroups[0]!.params
    checkNumber('LBFGS', 'lr', lr)
    checkInteger('LBFGS', 'maxIter', maxIter, 1)
    checkInteger('LBFGS', 'historySize', historySize, 1)
    if (lineSearchFn !== null && lineSearchFn !== 'strong_wolfe')
      fail('VALUE', 'LBFGS', `lineSearchFn is 'strong_wolfe' or null, got ${String(lineSearchFn)}.`)
    const { dtype } = this.#params[0]!
    for (const param of this.#params)
      check(param.dtype === dtype, 'DTYPE', 'LBFGS', () => `parameters are of one dtype, got ${describe(param)}.`)
  }

  /** Discards the gradients. */
  zeroGrad(): void {
    this.#params.forEach(forget)
  }

  /** Makes up to maxIter iterations; gives the loss before the first. */
  async step(closure: () => Tensor | Promise<Tensor>): Promise<number> {
    const o = this.paramGroups[0]!
    let { loss, gradient } = await this.#evaluate(closure)
    const first = loss
    if ((await largest(gradient)) <= o.toleranceGrad) return first
    const maxEval = o.maxEval ?? Math.floor((o.maxIter * 5) / 4)
    for (let [iteration, evaluations] = [1, 1]; ; iteration++) {
      this.#iterations++
      const direction = await this.#nextDirection(gradient, o.historySize)
      const lossBefore = loss
      this.#gradient = gradient
      this.#direction = direction
      this.#t = o.lr * (this.#iterations === 1 ? Math.min(1, 1 / (await item(sum(abs(gradient))))) : 1)
      const slope = await dot(gradient, direction)
      if (slope > -o.toleranceChange) break
      const size = await largest(direction)
      if (o.lineSearchFn === 'strong_wolfe') {
        const start: Point<Tensor> = { t: 0, f: loss, slope, gradient }
        const found = await this.#search(start, direction, closure, size)
        ;({ f: loss, gradient, t: this.#t } = found.point)
        evaluations += found.evaluations
      } else {
        await this.#set(await moved(await this.#flat(), this.#t, direction))
        if (iteration < o.maxIter) {
          ;({ loss, gradient } = await this.#evaluate(closure))
          evaluations++
        }
      }
      if (iteration >= o.maxIter || evaluations >= maxEval) break
      if ((await largest(gradient)) <= o.toleranceGrad) break
      if (Math.abs(this.#t) * size <= o.toleranceChange || Math.abs(loss - lossBefore) < o.toleranceChange) break
    }
    return first
  }

  /** Loss and gradient of all parameters in one row, where they are now. */
  async #evaluate(closure: () => Tensor | Promise<Tensor>): Promise<{ loss: number; gradient: Tensor }> {
    this.zeroGrad()
    const value = await closure()
    check(value instanceof Tensor && value.size === 1, 'VALUE', 'LBFGS', () => 'the closure must give the loss.')
    check(
      this.#params.some(({ grad }) => grad !== null),
      'GRADIENT',
      'LBFGS',
      () => 'no parameter has a gradient. The closure must call backward() on the loss.',
    )
    const rows = this.#params.map((p) => (p.grad ? reshape(p.grad, [p.size]) : mul(reshape(p.read(), [p.size]), 0)))
    const gradient = detach(concat(rows, 0))
    await evaluate(value, gradient)
    this.zeroGrad()
    return { loss: await item(value), gradient }
  }

  /** The parameters in one row. */
  async #flat(): Promise<Tensor> {
    const flat = detach(
      concat(
        this.#params.map((p) => reshape(p.read(), [p.size])),
        0,
      ),
    )
    await evaluate(flat)
    return flat
  }

  async #set(flat: Tensor): Promise<void> {
    let at = 0
    const updates = this.#params.map((p) => {
      const own = narrow(flat, 0, at, p.size)
      at += p.size
      return assign(p, reshape(own, p.shape))
    })
    await perform(updates, [])
  }

  /** - H g, where H stands for the inverse of the Hessian, from what is remembered (two loops). */
  async #nextDirection(gradient: Tensor, historySize: number): Promise<Tensor> {
    if (this.#direction && this.#gradient) {
      const y = sub(gradient, this.#gradient)
      const s = mul(this.#direction, this.#t)
      await evaluate(y, s)
      const [ys, yy] = [await dot(y, s), await dot(y, y)]
      if (ys > 1e-10) {
        if (this.#history.length >= historySize) this.#history.shift()
        this.#history.push({ y, s, rho: 1 / ys })
        this.#scale = ys / yy
      }
    }
    let q = neg(gradient)
    await evaluate(q)
    const shares: number[] = []
    for (const { y, s, rho } of this.#history.toReversed()) {
      const share = (await dot(s, q)) * rho
      shares.push(share)
      q = await moved(q, -share, y)
    }
    let r = mul(q, this.#scale)
    await evaluate(r)
    for (const { y, s, rho } of this.#history) r = await moved(r, shares.pop()! - (await dot(y, r)) * rho, s)
    return r
  }

  /** Leaves the parameters at the point that it finds. */
  async #search(
    start: Point<Tensor>,
    direction: Tensor,
    closure: () => Tensor | Promise<Tensor>,
    length: number,
  ): Promise<{ point: Point<Tensor>; evaluations: number }> {
    const origin = await this.#flat()
    const look = async (t: number): Promise<Point<Tensor>> => {
      await this.#set(await moved(origin, t, direction))
      const { loss, gradient } = await this.#evaluate(closure)
      return { t, f: loss, slope: await dot(gradient, direction), gradient }
    }
    const found = await strongWolfe(start, look, {
      t: this.#t,
      length,
      tolerance: this.paramGroups[0]!.toleranceChange,
    })
    await this.#set(await moved(origin, found.point.t, direction))
    return found
  }

  /** For a checkpoint: what it remembers. */
  stateDict(): OptimizerState<LBFGSOptions> & { readonly numbers: readonly number[] } {
    const tensors = new Map<string, Tensor>()
    if (this.#direction && this.#gradient) tensors.set('d', this.#direction).set('prev_flat_grad', this.#gradient)
    this.#history.forEach(({ y, s }, i) => tensors.set(`${i}.y`, y).set(`${i}.s`, s))
    const numbers = [this.#t, this.#scale, ...this.#history.map(({ rho }) => rho)]
    return { tensors, numbers, steps: [this.#iterations], groups: this.paramGroups.map(optionsOf) }
  }

  /** Takes over a state of an L-BFGS with the same parameters in the same order. STATE if it does not fit. */
  async loadStateDict({ tensors, numbers, steps, groups }: ReturnType<LBFGS['stateDict']>): Promise<void> {
    const n = this.#params.reduce((total, { size }) => total + size, 0)
    const read = (name: string): Tensor => {
      const found = tensors.get(name)
      const t = found && asTensor('LBFGS', found)
      if (t?.rank !== 1 || t.size !== n) fail('STATE', 'LBFGS', `the state has no '${name}' of ${n} elements.`)
      return t
    }
    const isFresh = steps[0] === 0
    const history = numbers.slice(2).map((rho, i) => ({ y: read(`${i}.y`), s: read(`${i}.s`), rho }))
    const [direction, gradient] = isFresh ? [null, null] : [read('d'), read('prev_flat_grad')]
    this.#history = history
    this.#direction = direction
    this.#gradient = gradient
    ;[this.#t, this.#scale] = [numbers[0]!, numbers[1]!]
    this.#iterations = steps[0]!
    Object.assign(this.paramGroups[0]!, groups[0])
  }
}
