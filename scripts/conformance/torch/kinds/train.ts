/** @file Cases of kind `train`: a short training run from given weights, by the public API as a user would write it. */
import { nn, optim, stack } from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import type { Layer } from '../../../../lib/nn/module.ts'
import type { Case } from '../../cases.ts'
import { withPrefix } from '../../cases.ts'
import type { Tolerance } from '../../compare.ts'
import { entryOf } from '../adapter.ts'
import type { Modules } from '../adapter.ts'
import { moduleOf, namedArguments, withArguments } from '../arguments.ts'
import { losses } from '../losses.ts'
import { optimizers } from '../optimizers.ts'
import { compared } from '../results.ts'
import type { Results } from '../results.ts'
import { scheduleOf } from '../schedules.ts'
import type { ScheduleSpec } from '../schedules.ts'
import { advance } from './sched.ts'

interface Spec {
  readonly cls: string
  readonly init: Readonly<Record<string, unknown>>
}

export interface TrainCase extends Case {
  readonly module: { readonly layers: readonly Spec[] }
  readonly loss: Spec
  readonly optimizer: { readonly cls: string; readonly kwargs: Readonly<Record<string, unknown>> }
  readonly scheduler?: ScheduleSpec
  readonly clip_grad_norm?: number
  readonly steps: number
  readonly tolerance: Readonly<Record<string, Tolerance>>
}

type Tensors = ReadonlyMap<string, Tensor>

export async function runTrain(one: TrainCase, given: Tensors, modules: Modules): Promise<Results> {
  const scope = { inputs: new Map<string, Tensor>(), modules }
  const model = new nn.Sequential(...one.module.layers.map((spec) => moduleOf(spec, scope) as Layer))
  await model.loadStateDict(new Map([...withPrefix(given, 'param.'), ...withPrefix(given, 'buf.')]))
  const lossOf = withArguments(namedArguments({ kwargs: one.loss.init }, scope), entryOf(losses, one.loss.cls))
  const params = model.parameters()
  const optimizer = entryOf(optimizers, one.optimizer.cls)([{ params, options: {} }], one.optimizer.kwargs)
  const scheduler = one.scheduler && new optim.Scheduler(optimizer, scheduleOf(one.scheduler))
  const curve: Tensor[] = []
  const norms: Tensor[] = []
  for (let step = 0; step < one.steps; step++) {
    const [x, y] = ['in.x', 'in.y'].map((name) => given.get(name)!.narrow(0, step, 1).squeeze(0))
    const loss = lossOf(model.forward(x!), y!)
    loss.backward()
    if (one.clip_grad_norm !== undefined) norms.push(optim.clipGradNorm(params, one.clip_grad_norm))
    await optimizer.step({ also: norms.slice(-1) })
    if (scheduler) advance(scheduler)
    curve.push(loss)
  }
  const got = new Map<string, Tensor>([['losses', stack(curve)]])
  if (norms.length > 0) got.set('grad_norms', stack(norms))
  for (const [name, variable] of model.namedParameters()) got.set(`paramafter.${name}`, variable.read())
  for (const [name, variable] of model.namedBuffers()) got.set(`bufafter.${name}`, variable.read())
  return compared(got, given, one.tolerance)
}
