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
  'torch.optim.Adamax': optimizer(optim.Adamax, ({ lr, betas, eps, weight_decay, maximize }) => ({
    ...{ lr, betas, eps, maximize },
    weightDecay: weight_decay,
  })),
  // The cases are PyTorch 1.13's.
  'torch.optim.NAdam': optimizer(optim.NAdam, ({ lr, betas, eps, weight_decay, momentum_decay }) => ({
    ...{ lr, betas, eps, legacyProduct: true },
    weightDecay: weight_decay,
    momentumDecay: momentum_decay,
  })),
  'torch.optim.RAdam': optimizer(optim.RAdam, ({ lr, betas, eps, weight_decay }) => ({
    ...{ lr, betas, eps },
    weightDecay: weight_decay,
  })),
  'torch.optim.RMSprop': optimizer(optim.RMSprop, ({ lr, alpha, eps, weight_decay, momentum, centered, maximize }) => ({
    ...{ lr, alpha, eps, momentum, centered, maximize },
    weightDecay: weight_decay,
  })),
  'torch.optim.Adagrad': optimizer(
    optim.Adagrad,
    ({ lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize }) => ({
      ...{ lr, eps, maximize },
      lrDecay: lr_decay,
      weightDecay: weight_decay,
      initialAccumulatorValue: initial_accumulator_value,
    }),
  ),
  'torch.optim.Adadelta': optimizer(optim.Adadelta, ({ lr, rho, eps, weight_decay, maximize }) => ({
    ...{ lr, rho, eps, maximize },
    weightDecay: weight_decay,
  })),
  'torch.optim.ASGD': optimizer(optim.ASGD, ({ lr, lambd, alpha, t0, weight_decay, maximize }) => ({
    ...{ lr, lambd, alpha, t0, maximize },
    weightDecay: weight_decay,
  })),
  'torch.optim.Rprop': optimizer(optim.Rprop, ({ lr, etas, step_sizes, maximize }) => ({
    ...{ lr, etas, maximize },
    stepSizes: step_sizes,
  })),
}
