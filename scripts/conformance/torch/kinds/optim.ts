/** @file Cases of kind `optim`: parameters after each of 20 steps with given gradients. */
import { detach, stack, Variable } from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import type { Case } from '../../cases.ts'
import type { Tolerance } from '../../compare.ts'
import { entryOf } from '../adapter.ts'
import { optimizers } from '../optimizers.ts'
import { compared } from '../results.ts'
import type { Results } from '../results.ts'

export interface OptimCase extends Case {
  readonly params: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  readonly groups: readonly {
    readonly params: readonly string[]
    readonly options: Readonly<Record<string, unknown>>
  }[]
  readonly steps: number
  readonly tolerance: Readonly<Record<string, Tolerance>>
}

export async function runOptim(one: OptimCase, given: ReadonlyMap<string, Tensor>): Promise<Results> {
  const variables = new Map(one.params.map((name) => [name, new Variable(given.get(`param.${name}`)!, { name })]))
  const groups = one.groups.map(({ params, options }) => ({
    params: params.map((name) => variables.get(name)!),
    options,
  }))
  const optimizer = entryOf(optimizers, one.op)(groups, one.options)
  const trajectories = new Map(one.params.map((name): [string, Tensor[]] => [name, []]))
  for (let step = 0; step < one.steps; step++) {
    for (const [name, variable] of variables)
      variable.grad = given.get(`gradseq.${name}`)!.narrow(0, step, 1).squeeze(0)
    await optimizer.step()
    // stack() makes a graph that is evaluated later; a value of now has to be kept now.
    for (const [name, variable] of variables) trajectories.get(name)!.push(await valueOf(variable))
  }
  const got = new Map([...trajectories].map(([name, values]) => [`traj.${name}`, stack(values)]))
  return compared(got, given, one.tolerance)
}

async function valueOf(variable: Variable): Promise<Tensor> {
  const now = detach(variable.read())
  await now.data()
  return now
}
