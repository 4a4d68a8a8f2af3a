/** @file History: what a training did, as plain data. */

export interface EpochRecord {
  /** The first is 1. */
  readonly epoch: number
  /** Training and validation. */
  readonly seconds: number
  /** loss, val_loss, and the metrics by name, those of the validation with `val_` before it. Training's are of the batches as they came. */
  readonly metrics: Readonly<Record<string, number>>
  /** Of the last step. */
  readonly learningRate: number
  /** Training samples by the time of training alone. */
  readonly samplesPerSecond: number
  /** Resident memory of the process at the end. */
  readonly memoryBytes: number
  /** Share of the training's time in which the engine had nothing to do because no batch was ready. */
  readonly waitShare: number
  /** Batches left out because their loss was not finite. */
  readonly skipped: number
}

export interface StepRecord {
  /** Counts the steps of the optimiser; the first is 1. */
  readonly step: number
  /** The first is 1. */
  readonly epoch: number
  readonly loss: number
  readonly learningRate: number
  /** What the step took, from its submission to its result. */
  readonly seconds: number
}

export interface History {
  readonly epochs: EpochRecord[]
  readonly steps: StepRecord[]
  /** Why the last fit ended before its last epoch: a signal's name, or what stop() was given. */
  stopped?: string
}
