/** @file Loss: the base of the losses as modules, and CTCLoss. What they compute is in lib/ops/loss-*.ts. */
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { ctcLoss } from '../ops/ctc.ts'
import type { CtcLossOptions } from '../ops/ctc.ts'
import type { TensorLike } from '../ops/table.ts'
import { Module } from './module.ts'

/** A loss with its options; weights that are variables count as its own. */
export abstract class Loss<O extends object> extends Module {
  static override readonly stateNames: Readonly<Record<string, string>> = { options: '' }
  /** The options that there are. */
  static readonly optionNames: readonly string[] = []
  readonly options: Readonly<O>

  constructor(options: O = {} as O) {
    super()
    checkOptions(new.target.name, options, new.target.optionNames)
    this.options = { ...options }
  }

  override extraRepr(): string {
    return Object.entries(this.options)
      .filter(([, value]) => typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean')
      .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
      .join(', ')
  }
}

/** Connectionist temporal classification: labels whose places in time are unknown. */
export class CTCLoss extends Loss<CtcLossOptions> {
  static override readonly optionNames = ['blank', 'reduction', 'zeroInfinity']

  override forward(
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: TensorLike | readonly number[] | number,
    targetLengths: TensorLike | readonly number[] | number,
  ): Tensor {
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, this.options)
  }
}
