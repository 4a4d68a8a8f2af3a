/** @file Value: a tensor of the graph that is exported, as it is in every trace; what differs between traces depends on free axes. */
import type { DType } from '../../dtype.ts'
import { fail } from '../../errors.ts'
import { keyOf, partRow } from '../../graph/tensor.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { variableRow } from '../../graph/variable.ts'
import { constantRow, operandRow } from '../../ops/table.ts'
import { sameShape, showShape } from '../../shape.ts'
import { isFixed } from './export-sizes.ts'
import type { Size } from './export-sizes.ts'
import type { Graph } from './export-trace.ts'

export class Value {
  /** One a trace. */
  readonly of: readonly Tensor[]
  readonly inputs: readonly Value[]
  /** Of each axis. */
  readonly sizes: readonly Size[]
  /** It depends on no input, variable, random number or free axis. */
  readonly isConstant: boolean
  /** How many values and results read it. */
  uses = 0
  /** Of rows with several outputs: those that are read. */
  readonly parts: Value[] = []
  /** Its name in the file, once it is written; of rows with several outputs, that of each. */
  names: readonly string[] = []

  readonly #isArgument: boolean

  constructor(of: readonly Tensor[], inputs: readonly Value[], isArgument: boolean) {
    this.#isArgument = isArgument
    this.of = of
    this.inputs = inputs
    this.sizes = of[0]!.shape.map((_, axis) => of.map((t) => t.shape[axis]!))
    this.isConstant = !isArgument && this.#isConstant()
    for (const input of inputs) input.uses++
    if (this.row === 'part') inputs[0]!.parts.push(this)
  }

  /** The row's name; 'value' for what has been evaluated, 'argument' for what comes from outside. */
  get row(): string {
    if (this.#isArgument) return 'argument'
    return this.of[0]!.value === null ? this.of[0]!.row.name : 'value'
  }
  get dtype(): DType {
    return this.of[0]!.dtype
  }
  get rank(): number {
    return this.sizes.length
  }

  /** The attributes, which must be the same in each trace. */
  attrs<A>(): A {
    if (this.of.some((t) => t.attrsKey !== this.of[0]!.attrsKey)) this.refuse('depends on the size of a free axis')
    return this.of[0]!.attrs as A
  }
  /** A part of the attributes that must be the same in each trace. */
  fixed<A, T>(pick: (attrs: A) => T): T {
    const first = pick(this.of[0]!.attrs as A)
    const key = keyOf(first)
    if (this.of.some((t) => keyOf(pick(t.attrs as A)) !== key)) this.refuse('depends on the size of a free axis')
    return first
  }
  /** A number of the attributes, as it is in each trace. */
  each<A>(pick: (attrs: A) => number): Size {
    return this.of.map((t) => pick(t.attrs as A))
  }
  /** The shape, which must be the same in each trace. */
  shape(): readonly number[] {
    return this.sizes.map((size) => this.fixedSize(size))
  }
  fixedSize(size: Size): number {
    return isFixed(size) ? size[0]! : this.refuse(`cannot be written for a free axis (it is ${size.join(', ')})`)
  }

  /** Throws VALUE: this row has no ONNX form, and why. */
  refuse(why: string): never {
    const shapes = this.inputs.map(({ of: [t] }) => `${t!.dtype} ${showShape(t!.shape)}`).join(', ')
    const site = this.of[0]!.site && ` ${this.of[0]!.site}`
    return fail('VALUE', 'onnx.export', `${this.row} of ${shapes || 'nothing'} ${why}.${site}`)
  }

  #isConstant(): boolean {
    const [first] = this.of as [Tensor]
    if (first.value !== null) return this.of.every((t) => sameContent(t, first))
    if (first.row === variableRow) return false
    if (first.row === operandRow)
      return this.of.every(({ scalar }) => typeof scalar === 'number' && Object.is(scalar, first.scalar))
    if (first.row === constantRow) return this.of.every((t) => t.attrsKey === first.attrsKey)
    if (first.row === partRow) return this.inputs[0]!.isConstant
    const isPure = ['elementwise', 'view', 'kernel'].includes(first.row.kind) && !first.row.name.startsWith('random')
    return (
      isPure &&
      this.inputs.every((input) => input.isConstant) &&
      this.sizes.every(isFixed) &&
      this.of.every((t) => t.attrsKey === first.attrsKey)
    )
  }
}

function sameContent(a: Tensor, b: Tensor): boolean {
  if (a === b) return true
  if (!sameShape(a.shape, b.shape) || a.value?.run !== null || b.value?.run !== null) return false
  return Buffer.from(a.value.buffer).equals(Buffer.from(b.value.buffer))
}

/** The same graph in every trace as one; `given` are its arguments. */
export function unified(graphs: readonly Graph[], given: ReadonlyMap<Tensor, Value>): Value[] {
  const values = new Map<Tensor, Value>()
  const [first] = graphs as [Graph]
  const list = first.nodes.map((node, i) => {
    const argument = given.get(node)
    const of = graphs.map(({ nodes }) => nodes[i]!)
    const inputs = argument || node.value !== null ? [] : node.inputs.map((t) => values.get(first.lowered(t))!)
    const value = argument ?? new Value(of, inputs, false)
    values.set(node, value)
    return value
  })
  for (const result of first.results) values.get(result)!.uses++
  return list
}
