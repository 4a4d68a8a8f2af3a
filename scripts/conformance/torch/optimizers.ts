/** @file PyTorch's optimisers and their options. */
import { optim } from '../../../lib/index.ts'
import type { Variable } from '../../../lib/index.ts'
import type { Args } from './adapter.ts'
import { namedArguments, withArguments } from './arguments.ts'

type Options = Readonly<Record<string, unknown>>
type Group = { readonly params: readonly Variable[]; readonly options: Options }
type AnyOptimizer = optim.Optimizer<{ lr: number }>

/** An optimiser of groups with options by PyTorch's names; `own` gives them tenon's names. */
function optimizer<O extends { lr: number }>(
  cls: new (groups: (Partial<O> & { params: readonly Variable[] })[], options: Partial<O>) => optim.Optimizer<O>,
  own: (options: Args) => Partial<O>,
) {
  const renamed = (options: Options) =>
    withArguments(namedArguments({ kwargs: options }, { inputs: new Map(), modules: {} }), own)
  return (groups: readonly Group[], options: Options): AnyOptimizer =>
    new cls(
      groups.map((group) => ({ ...renamed(group.options), params: group.params })),
      renamed(options),
    ) as unknown as AnyOptimizer
}

const adamOptions = ({ lr, betas, eps, weight_decay, amsgrad, maximize }: Args): Partial<optim.AdamOptions> => ({
  lr,
  betas,
  eps,
  weightDecay: weight_decay,
  amsgrad,
  maximize,
})

export const optimizers: Readonly<Record<string, (groups: readonly Group[], options: Options) => AnyOptimizer>> = {
  'torch.optim.SGD': optimizer(optim.SGD, ({ lr, momentum, dampening, weight_decay, nesterov, maximize }) => ({
    lr,
    momentum,
    dampening,
    weightDecay: weight_decay,
    nesterov,
    maximize,
  })),
  'torch.optim.Adam': optimizer(optim.Adam, adamOptions),
  'torch.optim.AdamW': optimizer(optim.AdamW, adamOptions),
}
