/** @file PyTorch's learning-rate schedulers. Both of a scheduler's clocks run at each step, so it does not matter which one a schedule counts. */
import { optim } from '../../../lib/index.ts'
import { entryOf } from './adapter.ts'
import type { Args } from './adapter.ts'
import { namedArguments, withArguments } from './arguments.ts'

export interface ScheduleSpec {
  readonly cls: string
  readonly kwargs: Readonly<Record<string, unknown>> & { readonly schedulers?: readonly ScheduleSpec[] }
}

/** The schedule of a description; those that are made of others get them first. */
export function scheduleOf({ cls, kwargs: { schedulers, ...kwargs } }: ScheduleSpec): optim.Schedule {
  const make = entryOf(table, cls.replace('torch.optim.lr_scheduler.', ''))
  const named = namedArguments({ kwargs }, { inputs: new Map(), modules: {} })
  if (schedulers) named.schedulers = schedulers.map(scheduleOf)
  return withArguments(named, make)
}

const table: Readonly<Record<string, (args: Args) => optim.Schedule>> = {
  StepLR: ({ step_size, gamma }) => optim.stepLR({ stepSize: step_size, gamma }),
  MultiStepLR: ({ milestones, gamma }) => optim.multiStepLR({ milestones, gamma }),
  ConstantLR: ({ factor, total_iters }) => optim.constantLR({ factor, totalIters: total_iters }),
  LinearLR: ({ start_factor, end_factor, total_iters }) =>
    optim.linearLR({ startFactor: start_factor, endFactor: end_factor, totalIters: total_iters }),
  ExponentialLR: ({ gamma }) => optim.exponentialLR({ gamma }),
  PolynomialLR: ({ total_iters, power }) => optim.polynomialLR({ totalIters: total_iters, power }),
  CosineAnnealingLR: ({ T_max, eta_min }) => optim.cosineAnnealingLR({ tMax: T_max, etaMin: eta_min }),
  LambdaLR: ({ lr_lambda }) => optim.lambdaLR(functionOf(lr_lambda)),
  MultiplicativeLR: ({ lr_lambda }) => optim.multiplicativeLR(functionOf(lr_lambda)),
  ChainedScheduler: ({ schedulers }) => optim.chainedScheduler(schedulers),
  CosineAnnealingWarmRestarts: ({ T_0, T_mult, eta_min }) =>
    optim.cosineAnnealingWarmRestarts({ t0: T_0, tMult: T_mult, etaMin: eta_min }),
  CyclicLR: (a) =>
    optim.cyclicLR({
      ...{ baseLr: a.base_lr, maxLr: a.max_lr, stepSizeUp: a.step_size_up, stepSizeDown: a.step_size_down },
      ...{ mode: a.mode, gamma: a.gamma, scaleMode: a.scale_mode },
      ...momentaOf(a),
    }),
  OneCycleLR: (a) =>
    optim.oneCycleLR({
      ...{ maxLr: a.max_lr, totalSteps: a.total_steps, epochs: a.epochs, stepsPerEpoch: a.steps_per_epoch },
      ...{ pctStart: a.pct_start, annealStrategy: a.anneal_strategy, threePhase: a.three_phase },
      ...{ divFactor: a.div_factor, finalDivFactor: a.final_div_factor },
      ...momentaOf(a),
    }),
  SequentialLR: ({ schedulers, milestones }) => optim.sequentialLR(schedulers, { milestones }),
  ReduceLROnPlateau: ({ mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps }) =>
    optim.reduceLROnPlateau({
      mode,
      factor,
      patience,
      threshold,
      thresholdMode: threshold_mode,
      cooldown,
      minLr: min_lr,
      eps,
    }),
}

const momentaOf = ({ cycle_momentum, base_momentum, max_momentum }: Args) => ({
  cycleMomentum: cycle_momentum,
  baseMomentum: base_momentum,
  maxMomentum: max_momentum,
})

/** A Python expression in `epoch` that means the same in JavaScript. */
export function functionOf(expression: string): (epoch: number) => number {
  if (!/^(epoch|\d+(\.\d*)?(e-?\d+)?|\*\*|[-+*()]|\/(?!\/)|\s)+$/.test(expression))
    throw new Error(`the adapter does not read the expression ${expression}`)
  return new Function('epoch', `return ${expression}`) as (epoch: number) => number
}
