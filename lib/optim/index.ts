/** @file The names of the namespace `optim`. */
export { Adam, AdamW } from './adam.ts'
export type { AdamOptions } from './adam.ts'
export { clipGradNorm, clipGradValue } from './clip.ts'
export type { ClipGradNormOptions } from './clip.ts'
export { Optimizer } from './optimizer.ts'
export type { OptimizerState, StepOptions } from './optimizer.ts'
export type { ParamGroup, Params } from './param-groups.ts'
export {
  constantLR,
  cosineAnnealingLR,
  exponentialLR,
  lambdaLR,
  linearLR,
  multiStepLR,
  oneCycleLR,
  polynomialLR,
  reduceLROnPlateau,
  Scheduler,
  sequentialLR,
  stepLR,
  warmup,
} from './schedule.ts'
export type { Schedule, SchedulerState, Time, Unit } from './schedule.ts'
export { SGD } from './sgd.ts'
export type { SGDOptions } from './sgd.ts'
