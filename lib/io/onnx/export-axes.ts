/** @file Free axes: which sizes they are tried at, and traces at those that make the same graph. */
import { fail, TenonError } from '../../errors.ts'
import type { Shape } from '../../shape.ts'
import type { Trace } from './export-trace.ts'

/** By input (or output), the names of its free axes; a list of axes gives them names of their own. */
export type DynamicAxes = Readonly<Record<string, Readonly<Record<number, string>> | readonly number[]>>

/** Name by axis of each input that has any. */
export type FreeAxes = ReadonlyMap<string, ReadonlyMap<number, string>>

/** Checks what a user gave: names of inputs and outputs, axes of `rankOf`. */
export function freeAxes(given: DynamicAxes, rankOf: ReadonlyMap<string, number>): FreeAxes {
  const found = new Map<string, ReadonlyMap<number, string>>()
  for (const [value, axes] of Object.entries(given)) {
    const rank = rankOf.get(value)
    if (rank === undefined) {
      const names = [...rankOf.keys()].join(', ')
      return fail('VALUE', 'onnx.export', `dynamicAxes names '${value}', but there are: ${names}.`)
    }
    const entries: [number, string][] = Array.isArray(axes)
      ? (axes as readonly number[]).map((axis) => [axis, `${value}_dim_${axis}`])
      : Object.entries(axes as Readonly<Record<number, string>>).map(([axis, name]) => [Number(axis), name])
    const named = entries.map(([axis, name]): [number, string] => {
      if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
        fail('AXIS', 'onnx.export', `'${value}' has ${rank} axes, but dynamicAxes names axis ${axis}.`)
      if (typeof name !== 'string' || name === '')
        fail('VALUE', 'onnx.export', `axis ${axis} of '${value}' needs a name, got ${String(name)}.`)
      return [axis < 0 ? axis + rank : axis, name]
    })
    found.set(value, new Map(named))
  }
  return found
}

/** An input as far as tracing goes. */
export interface Example {
  readonly name: string
  readonly shape: Shape
}

/** Traces for inputs of these shapes. */
export type Tracer = (shapes: readonly Shape[]) => Trace

type Sizes = ReadonlyMap<string, number>

/**
 * Traces at several sizes of each free axis, all with the same graph but for sizes: the first is the base, then each axis alone at two other
 * sizes, then all at once. Throws when forward fails at every other size, or makes another graph there.
 */
export function tracesOf(examples: readonly Example[], axes: FreeAxes, tracer: Tracer): Trace[] {
  const at = (sizes: Sizes) => tracer(examples.map((example) => shapeAt(example, axes, sizes)))
  const given = exampleSizes(examples, axes)
  if (given.size === 0) return [at(given)]
  // An axis of size 1 could be one that is repeated.
  const base = new Map([...given].map(([name, n]) => [name, n > 1 ? n : 2]))
  const choices = new Map<string, readonly number[]>()
  for (const [name, n] of base) {
    const sizes = sizesThatAgree(name, n, (size) => at(new Map([...base, [name, size]])))
    choices.set(name, sizes)
    base.set(name, sizes[0]!)
  }
  const wanted: Sizes[] = [base]
  for (const [name, sizes] of choices) for (const n of sizes.slice(1)) wanted.push(new Map([...base, [name, n]]))
  if (base.size > 1) wanted.push(new Map([...choices].map(([name, sizes]) => [name, sizes.at(-1)!])))
  const traces = wanted.map(at)
  const other = traces.find((trace) => trace.graph.key !== traces[0]!.graph.key)
  if (other) differing([...base.keys()].join(', '), traces[0]!, other)
  return traces
}

function shapeAt({ name, shape }: Example, axes: FreeAxes, sizes: Sizes): Shape {
  return shape.map((n, axis) => sizes.get(axes.get(name)?.get(axis) ?? '') ?? n)
}

function exampleSizes(examples: readonly Example[], axes: FreeAxes): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { name: input, shape } of examples) {
    for (const [axis, name] of axes.get(input) ?? []) {
      const known = sizes.get(name)
      if (known !== undefined && known !== shape[axis])
        fail('SHAPE', 'onnx.export', `the axis '${name}' is ${known} in one example and ${shape[axis]} in '${input}'.`)
      sizes.set(name, shape[axis]!)
    }
  }
  return sizes
}

/** Three sizes of an axis, two where no more work, at which forward makes the same graph. */
function sizesThatAgree(name: string, n: number, trace: (size: number) => Trace): readonly number[] {
  const tried = [n, n + 1, n + 2, 2 * n, 3 * n, 4 * n, n - 1, n - 2, n / 2, n / 4]
  const candidates = [...new Set(tried)].filter((size) => Number.isInteger(size) && size > 1)
  const groups = new Map<string, { trace: Trace; sizes: number[] }>()
  let problem: unknown = null
  for (const size of candidates) {
    try {
      const found = trace(size)
      const group = groups.get(found.graph.key)
      if (!group) groups.set(found.graph.key, { trace: found, sizes: [size] })
      else if (group.sizes.push(size) === 3) return group.sizes
    } catch (error) {
      if (!(error instanceof TenonError)) throw error
      problem ??= error
    }
  }
  const all = [...groups.values()]
  const best = all.find(({ sizes }) => sizes.length > 1)
  if (best) return best.sizes
  if (all.length > 1) return differing(name, all[0]!.trace, all[1]!.trace)
  const message = problem instanceof Error ? problem.message : 'no other size was possible.'
  throw new TenonError('DYNAMIC', 'onnx.export', `the axis '${name}' is not free: ${message}`, { cause: problem })
}

/** Names the first op that is not the same. */
function differing(name: string, a: Trace, b: Trace): never {
  const [left, right] = [a.graph.nodes, b.graph.nodes]
  const at = left.findIndex((t, i) => right[i]?.row !== t.row || right[i].rank !== t.rank)
  const [first, second] = [left[at]?.row.name ?? 'nothing', right[at < 0 ? left.length : at]?.row.name ?? 'nothing']
  const what =
    first === second ? `${first} reads or gives something else` : `${first} at one size is ${second} at another`
  return fail('DYNAMIC', 'onnx.export', `the axis '${name}' is not free: ${what}.`)
}
