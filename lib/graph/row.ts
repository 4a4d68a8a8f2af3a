/** @file What an op is: one row of the op table. Types only; the rows are in lib/ops, what runs them is below. */
import type { DType } from '../dtype.ts'
import type { Shape } from '../shape.ts'
import type { Tensor } from './tensor.ts'

export interface Spec {
  readonly shape: Shape
  readonly dtype: DType
}

/**
 * - elementwise: one function of the `map` kernel; inputs broadcast; fused with its neighbours
 * - view: shows its first input with other dims and strides; costs nothing
 * - kernel: emits instructions
 * - update: writes variables in place
 * - control: runs blocks
 * - leaf: has no inputs
 */
export type Kind = 'elementwise' | 'view' | 'kernel' | 'update' | 'control' | 'leaf'

/** A strided window on a buffer of the plan that is being made; strides and offset count elements. */
export interface Operand {
  readonly buffer: number
  readonly dtype: DType
  readonly offset: number
  readonly dims: readonly number[]
  readonly strides: readonly number[]
}

/** What a row says to the plan that is being made. */
export interface Emitter {
  /** The i-th input, as it lies in memory. */
  input(i: number): Operand
  /** The same without gaps: copies if it has to. */
  packed(operand: Operand): Operand
  /** The i-th output, without gaps. */
  output(i?: number): Operand
  /** Room for the length of this node. */
  temp(dtype: DType, dims: readonly number[]): Operand
  /** Copies (and broadcasts) elements; `out` may be a window. */
  copy(out: Operand, from: Operand): void
  /** Fills a window with a number. */
  fill(out: Operand, value: number): void
  instr(kernel: string, outs: readonly Operand[], ins: readonly Operand[], attrs?: readonly number[]): void
}

/** A traced function inside of a control node. */
export interface Block {
  readonly params: readonly Tensor[]
  /** Tensors from outside, inputs of the control node. */
  readonly captures: readonly Tensor[]
  readonly results: readonly Tensor[]
}

/** What a control row says besides. */
export interface ControlEmitter extends Emitter {
  /** Emits what computes a block's results here, reading `args` for its params and captures. */
  inline(block: Block, args: readonly Operand[]): readonly Operand[]
  /** Emits instructions into a block of their own and gives its number. */
  block(build: (emitter: ControlEmitter) => void): number
  /** Makes every input lie somewhere before a block begins. */
  prepareInputs(): void
  control(
    kernel: string,
    blocks: readonly number[],
    outs: readonly Operand[],
    ins: readonly Operand[],
    attrs: readonly number[],
  ): void
}

export interface NodeView<A> {
  readonly attrs: A
  readonly inputs: readonly Spec[]
  readonly outputs: readonly Spec[]
}

export interface VjpContext<A> {
  readonly inputs: readonly Tensor[]
  /** One, unless the row has several outputs. */
  readonly outputs: readonly Tensor[]
  readonly attrs: A
  /** Gradients by the outputs; null where the loss does not depend on one. */
  readonly cotangents: readonly (Tensor | null)[]
  /** The first of them, for rows with one output. */
  readonly dy: Tensor
  /** Whether the gradient by this input is wanted. */
  needs(i: number): boolean
}

/** Gradients by the inputs, in their order; null or missing: none. */
export type Vjp<A> = (context: VjpContext<A>) => readonly (Tensor | null | undefined)[]

export interface Row<A = any> {
  readonly name: string
  readonly kind: Kind
  /** Shape and dtype rule; throws for inputs that do not fit. */
  readonly infer: (inputs: readonly Tensor[], attrs: A) => Spec | readonly Spec[]
  /** The gradient rule, or why there is none. */
  readonly vjp: Vjp<A> | { readonly none: string }
  /** A run of it can fail: an index out of range, a singular matrix. */
  readonly canFail?: boolean
  /** Only moves elements, so narrow floats pass as they are; other rows compute those in f32. */
  readonly moves?: boolean
  /** What autocast() does with its float inputs: 'narrow', products; 'wide', what needs f32's digits or range. Default: nothing. */
  readonly autocast?: 'narrow' | 'wide'
  /** The kernel takes inputs that are all bf16, and then gives f32. */
  readonly takesBf16?: boolean
  /** The kernel takes an elementwise program that finishes its output in place. */
  readonly epilogue?: boolean
  /** Kind kernel: inputs whose room the first output may take when they are not needed any more. */
  readonly inPlace?: readonly number[]
  /** Kind elementwise: the function's name in native code, if it is not the row's. */
  readonly map?: string
  /** Kind view: the window on the input, or null if it has to be packed first. */
  readonly view?: (input: Operand, shape: Shape, attrs: A) => Operand | null
  /** Kinds kernel and update: the instructions. An update writes `targets`. */
  readonly emit?: (emitter: ControlEmitter, node: NodeView<A>, targets: readonly Operand[]) => void
}
