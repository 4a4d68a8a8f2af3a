/** @file The names of the namespace `optim`. */
export { Adam, AdamW } from './adam.ts'
export type { AdamOptions } from './adam.ts'
export { Adadelta } from './adadelta.ts'
export type { AdadeltaOptions } from './adadelta.ts'
export { Adafactor } from './adafactor.ts'
export type { AdafactorOptions } from './adafactor.ts'
export { Adagrad } from './adagrad.ts'
export type { AdagradOptions } from './adagrad.ts'
export { Adamax } from './adamax.ts'
export type { AdamaxOptions } from './adamax.ts'
export { ASGD } from './asgd.ts'
export type { ASGDOptions } from './asgd.ts'
export { LAMB } from './lamb.ts'
export type { LAMBOptions } from './lamb.ts'
export { Lion } from './lion.ts'
export type { LionOptions } from './lion.ts'
export { Muon } from './muon.ts'
export type { MuonOptions } from './muon.ts'
export { NAdam } from './nadam.ts'
export type { NAdamOptions } from './nadam.ts'
export { RAdam } from './radam.ts'
export type { RAdamOptions } from './radam.ts'
export { RMSprop } from './rmsprop.ts'
export type { RMSpropOptions } from './rmsprop.ts'
export { Rprop } from './rprop.ts'
export type { RpropOptions } from './rprop.ts'
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
