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
export { GradScaler } from './grad-scaler.ts'
export type { GradScalerOptions } from './grad-scaler.ts'
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
export { LBFGS } from './lbfgs.ts'
export type { LBFGSOptions } from './lbfgs.ts'
export { Optimizer } from './optimizer.ts'
export type { OptimizerState, StepOptions } from './optimizer.ts'
export type { ParamGroup, Params } from './param-groups.ts'
export { AveragedModel } from './averaging.ts'
export type { AveragedOptions } from './averaging.ts'
export { chainedScheduler, sequentialLR, warmup } from './compose.ts'
export type { SequentialLROptions, WarmupOptions } from './compose.ts'
export { cosineAnnealingLR, cosineAnnealingWarmRestarts, cyclicLR, oneCycleLR } from './cycle.ts'
export type {
  CosineAnnealingLROptions,
  CosineAnnealingWarmRestartsOptions,
  CyclicLROptions,
  OneCycleLROptions,
} from './cycle.ts'
export { reduceLROnPlateau } from './plateau.ts'
export type { ReduceLROnPlateauOptions } from './plateau.ts'
export {
  constantLR,
  exponentialLR,
  lambdaLR,
  linearLR,
  multiplicativeLR,
  multiStepLR,
  polynomialLR,
  stepLR,
} from './schedule.ts'
export { Scheduler } from './scheduler.ts'
export type { Schedule, SchedulerState, Time, Unit } from './scheduler.ts'
export { SparseAdam } from './sparse-adam.ts'
export type { SparseAdamOptions } from './sparse-adam.ts'
export { SGD } from './sgd.ts'
export type { SGDOptions } from './sgd.ts'
