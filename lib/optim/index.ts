/** @file The names of the namespace `optim`. */
export { Adam, AdamW } from './adam.ts'
export type { AdamOptions } from './adam.ts'
export { Optimizer } from './optimizer.ts'
export type { OptimizerState, StepOptions } from './optimizer.ts'
export type { ParamGroup, Params } from './param-groups.ts'
export { SGD } from './sgd.ts'
export type { SGDOptions } from './sgd.ts'
