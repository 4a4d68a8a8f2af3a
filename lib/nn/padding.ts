/** @file Borders as layers: constant, reflected, repeated, or from the other side; over one to three last axes. */
import type { Tensor } from '../graph/tensor.ts'
import { pad } from '../ops/pad.ts'
import type { PadMode } from '../ops/pad.ts'
import { perAxis } from '../ops/spatial.ts'
import { Module } from './module.ts'

/** One number for all sides, or [before, after] of each axis in one list, the last axis first, as PyTorch has it. */
export type Sides = number | readonly number[]

abstract class Padding extends Module {
  readonly padding: readonly number[]
  readonly mode: PadMode
  readonly value: number | undefined

  constructor(op: string, axes: number, padding: Sides, mode: PadMode, value?: number) {
    super()
    this.padding = perAxis(op, 'padding', padding, 2 * axes, -(2 ** 31))
    this.mode = mode
    this.value = value
  }

  override forward(x: Tensor): Tensor {
    return pad(x, this.padding, { mode: this.mode, value: this.value })
  }

  override extraRepr(): string {
    return `[${this.padding.join(', ')}]${this.value === undefined ? '' : `, value: ${this.value}`}`
  }
}

/** Zeros around [..., L]. */
export class ZeroPad1d extends Padding {
  constructor(padding: Sides) {
    super('ZeroPad1d', 1, padding, 'constant', 0)
  }
}

/** Zeros around [..., H, W]. */
export class ZeroPad2d extends Padding {
  constructor(padding: Sides) {
    super('ZeroPad2d', 2, padding, 'constant', 0)
  }
}

/** Zeros around [..., D, H, W]. */
export class ZeroPad3d extends Padding {
  constructor(padding: Sides) {
    super('ZeroPad3d', 3, padding, 'constant', 0)
  }
}

/** One number around [..., L]. */
export class ConstantPad1d extends Padding {
  constructor(padding: Sides, value: number) {
    super('ConstantPad1d', 1, padding, 'constant', value)
  }
}

/** One number around [..., H, W]. */
export class ConstantPad2d extends Padding {
  constructor(padding: Sides, value: number) {
    super('ConstantPad2d', 2, padding, 'constant', value)
  }
}

/** One number around [..., D, H, W]. */
export class ConstantPad3d extends Padding {
  constructor(padding: Sides, value: number) {
    super('ConstantPad3d', 3, padding, 'constant', value)
  }
}

/** [..., L] mirrored at its borders, without the border elements. */
export class ReflectionPad1d extends Padding {
  constructor(padding: Sides) {
    super('ReflectionPad1d', 1, padding, 'reflect')
  }
}

/** [..., H, W] mirrored at its borders, without the border elements. */
export class ReflectionPad2d extends Padding {
  constructor(padding: Sides) {
    super('ReflectionPad2d', 2, padding, 'reflect')
  }
}

/** [..., D, H, W] mirrored at its borders, without the border elements. */
export class ReflectionPad3d extends Padding {
  constructor(padding: Sides) {
    super('ReflectionPad3d', 3, padding, 'reflect')
  }
}

/** [..., L] with its border elements repeated. */
export class ReplicationPad1d extends Padding {
  constructor(padding: Sides) {
    super('ReplicationPad1d', 1, padding, 'replicate')
  }
}

/** [..., H, W] with its border elements repeated. */
export class ReplicationPad2d extends Padding {
  constructor(padding: Sides) {
    super('ReplicationPad2d', 2, padding, 'replicate')
  }
}

/** [..., D, H, W] with its border elements repeated. */
export class ReplicationPad3d extends Padding {
  constructor(padding: Sides) {
    super('ReplicationPad3d', 3, padding, 'replicate')
  }
}

/** [..., L] going on at the other side. */
export class CircularPad1d extends Padding {
  constructor(padding: Sides) {
    super('CircularPad1d', 1, padding, 'circular')
  }
}

/** [..., H, W] going on at the other side. */
export class CircularPad2d extends Padding {
  constructor(padding: Sides) {
    super('CircularPad2d', 2, padding, 'circular')
  }
}

/** [..., D, H, W] going on at the other side. */
export class CircularPad3d extends Padding {
  constructor(padding: Sides) {
    super('CircularPad3d', 3, padding, 'circular')
  }
}
