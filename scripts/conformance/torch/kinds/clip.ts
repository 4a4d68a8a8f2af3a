/** @file Cases of kind `clip`: gradients after clipping, and the norm before. */
import { optim, Variable, zerosLike } from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import type { Case } from '../../cases.ts'
import type { Tolerance } from '../../compare.ts'
import { entryOf } from '../adapter.ts'
import type { Args } from '../adapter.ts'
import { namedArguments, withArguments } from '../arguments.ts'
import { compared } from '../results.ts'
import type { Results } from '../results.ts'

export interface ClipCase extends Case {
  readonly params: readonly string[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly tolerance: Readonly<Record<string, Tolerance>>
}

/** What gives a norm gives it as total_norm. */
const clips: Readonly<Record<string, (parameters: readonly Variable[], args: Args) => Tensor | void>> = {
  'torch.nn.utils.clip_grad_norm_': (parameters, { max_norm, norm_type }) =>
    optim.clipGradNorm(parameters, max_norm, { normType: norm_type }),
  'torch.nn.utils.clip_grad_value_': (parameters, { clip_value }) => optim.clipGradValue(parameters, clip_value),
}

export async function runClip(one: ClipCase, given: ReadonlyMap<string, Tensor>): Promise<Results> {
  const clip = entryOf(clips, one.op)
  const parameters = one.params.map((name) => {
    const gradient = given.get(`in.${name}`)!
    return Object.assign(new Variable(zerosLike(gradient)), { grad: gradient })
  })
  const named = namedArguments(one, { inputs: new Map(), modules: {} })
  const norm = withArguments(named, (args) => clip(parameters, args))
  const got = new Map(one.params.map((name, i) => [`out.${name}`, parameters[i]!.grad!]))
  if (norm) got.set('out.total_norm', norm)
  return compared(got, given, one.tolerance)
}
