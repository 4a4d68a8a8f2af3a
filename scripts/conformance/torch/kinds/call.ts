/** @file Cases of kind `call`: a function's results, and the gradients of sum_i sum(out.i * cot.i). */
import { vjp } from '../../../../lib/graph/gradient.ts'
import { requireGrad, zerosLike } from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import type { Case } from '../../cases.ts'
import { withPrefix } from '../../cases.ts'
import type { Tolerance } from '../../compare.ts'
import { entryOf } from '../adapter.ts'
import type { Calls, Modules } from '../adapter.ts'
import { namedArguments, withArguments } from '../arguments.ts'
import type { Given } from '../arguments.ts'
import { compared, flattened } from '../results.ts'
import type { Results } from '../results.ts'

export interface CallCase extends Case, Given {
  readonly grad_wrt: readonly string[]
  readonly tolerance: Readonly<Record<string, Tolerance>>
}

type Tensors = ReadonlyMap<string, Tensor>

export async function runCall(one: CallCase, given: Tensors, calls: Calls, modules: Modules): Promise<Results> {
  const call = entryOf(calls, one.op)
  const inputs = inputsOf(one, given)
  const result = await withArguments(namedArguments(one, { inputs, modules }), call)
  const outputs = flattened(result)
  const wrt = new Map(one.grad_wrt.map((name) => [name, inputs.get(name)!]))
  const got = new Map([...named('out', outputs), ...gradients(outputs, given, wrt)])
  return compared(got, given, one.tolerance)
}

/** The given inputs, those of `grad_wrt` as what to differentiate by. */
export function inputsOf({ grad_wrt }: CallCase, given: Tensors): Map<string, Tensor> {
  const inputs = [...withPrefix(given, 'in.')]
  return new Map(inputs.map(([name, t]) => [name, grad_wrt.includes(name) ? requireGrad(t) : t]))
}

/** 'out.0', 'out.1', ... */
export const named = (prefix: string, tensors: readonly Tensor[]): [string, Tensor][] =>
  tensors.map((t, i) => [`${prefix}.${i}`, t])

/** 'grad.<name>' by each of `wrt`, zeros where nothing depends on it; of the outputs that have a cotangent. */
export function gradients(outputs: readonly Tensor[], given: Tensors, wrt: Tensors): [string, Tensor][] {
  if (wrt.size === 0) return []
  const cotangents = withPrefix(given, 'cot.')
  const seen = outputs.filter((_, i) => cotangents.has(String(i)))
  const grads = vjp(seen, [...cotangents.values()].slice(0, seen.length), [...wrt.values()])
  return [...wrt].map(([name, t], i) => [`grad.${name}`, grads[i] ?? zerosLike(t)])
}
