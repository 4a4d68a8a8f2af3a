/** @file Cases of kind `module`: a layer's results, gradients by inputs and parameters, and its buffers afterwards. */
import { evaluate } from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import { withPrefix } from '../../cases.ts'
import { entryOf } from '../adapter.ts'
import type { Modules } from '../adapter.ts'
import { moduleOf, namedArguments, withArguments } from '../arguments.ts'
import { compared, flattened } from '../results.ts'
import type { Results } from '../results.ts'
import { gradients, inputsOf, named } from './call.ts'
import type { CallCase } from './call.ts'

export interface ModuleCase extends CallCase {
  readonly module: { readonly cls: string; readonly init: Readonly<Record<string, unknown>> }
  readonly mode: 'train' | 'eval'
}

export async function runModule(
  one: ModuleCase,
  given: ReadonlyMap<string, Tensor>,
  modules: Modules,
): Promise<Results> {
  const { forward } = entryOf(modules, one.module.cls)
  const inputs = inputsOf(one, given)
  const scope = { inputs, modules }
  const made = moduleOf(one.module, scope).train(one.mode === 'train')
  await made.loadStateDict(new Map([...withPrefix(given, 'param.'), ...withPrefix(given, 'buf.')]))
  const result = await withArguments(namedArguments(one, scope), (args) => forward(made, args))
  const outputs = flattened(result)
  const wrt = new Map(one.grad_wrt.map((name) => [name, inputs.get(name)!]))
  for (const [name, parameter] of made.namedParameters()) wrt.set(`param.${name}`, parameter.read())
  const computed = [...named('out', outputs), ...gradients(outputs, given, wrt)]
  // The buffers change with the evaluation of the outputs.
  await evaluate(...computed.map(([, t]) => t))
  const wanted = Object.keys(one.tolerance)
  const buffers = [...made.namedBuffers()].map(([name, buffer]): [string, Tensor] => [
    `bufafter.${name}`,
    buffer.read(),
  ])
  const got = [...computed, ...buffers].filter(([name]) => wanted.includes(name) || name.startsWith('out.'))
  return compared(new Map(got), given, one.tolerance)
}
