/** @file GraphWriter: the nodes and initializers of the file under construction, and what rows are made of there: numbers, sizes, names. */
import { arrayOf, bytesOf, isNarrow } from '../../dtype.ts'
import type { DType } from '../../dtype.ts'
import { fail } from '../../errors.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Variable } from '../../graph/variable.ts'
import { fromBuffer } from '../../ops/create.ts'
import { cast } from '../../ops/table.ts'
import { typeOfDtype } from './element-types.ts'
import { express, isFixed, sameSize } from './export-sizes.ts'
import type { Expression, Size } from './export-sizes.ts'
import type { Value } from './export-value.ts'

/** An attribute: whole numbers, texts, lists of whole numbers; floats and graphs say that they are. */
export type Attribute =
  number | string | readonly number[] | readonly string[] | { readonly float: number } | { readonly graph: SubGraph }

export interface NodeText {
  readonly name: string
  readonly opType: string
  readonly inputs: string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** A body of If, Loop or Scan; it sees the names around it. */
export interface SubGraph {
  readonly name: string
  readonly nodes: readonly NodeText[]
  readonly inputs: readonly Described[]
  readonly outputs: readonly string[]
}

export interface Described {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly (number | string)[]
}

/** Where an initializer's numbers come from when the file is written. */
export type Content = Tensor | Variable

/** A size that the file can read off a value it has. */
interface Atom {
  readonly size: Size
  readonly name: string
  readonly axis: number
}

/** What only the widest bounds of 64 bits say: to the end of an axis, whichever way it is walked. */
export const TO_END = Number.MAX_SAFE_INTEGER
export const TO_START = Number.MIN_SAFE_INTEGER

export class GraphWriter {
  readonly opset: number
  nodes: NodeText[] = []
  readonly initializers = new Map<string, Content>()
  /** The modules around the node that is being written, as a path. */
  path = ''
  readonly #taken = new Set<string>()
  readonly #producers = new Map<string, NodeText>()
  readonly #constants = new Map<string, string>()
  readonly #variables = new Map<Variable, string>()
  readonly #variableNames: ReadonlyMap<Variable, string>
  #atoms: Atom[] = []
  #sizes = new Map<string, string>()

  constructor(opset: number, variableNames: ReadonlyMap<Variable, string>) {
    this.opset = opset
    this.#variableNames = variableNames
    for (const name of variableNames.values()) this.#taken.add(name)
  }

  /** Takes a name that the file must not have twice. */
  reserve(name: string): string {
    if (this.#taken.has(name)) fail('VALUE', 'onnx.export', `two values are named '${name}'. Give other names.`)
    this.#taken.add(name)
    return name
  }

  /** `wanted`, or that with a number behind it. */
  free(wanted: string): string {
    let name = wanted
    for (let i = 1; this.#taken.has(name); i++) name = `${wanted}_${i}`
    this.#taken.add(name)
    return name
  }

  /** Writes a node; gives its output. */
  add(opType: string, inputs: readonly string[], attributes: NodeText['attributes'] = {}): string {
    return this.addAll(opType, inputs, attributes, [true])[0]!
  }

  /** The same for nodes with several outputs; false leaves one out. */
  addAll(
    opType: string,
    inputs: readonly string[],
    attributes: NodeText['attributes'],
    wanted: readonly boolean[],
  ): string[] {
    const name = this.free(`${this.path}/${opType}`)
    const outputs = wanted.map((is, i) => (is ? this.free(`${name}_output_${i}`) : ''))
    while (outputs.length > 1 && outputs.at(-1) === '') outputs.pop()
    const given = [...inputs]
    while (given.length > 0 && given.at(-1) === '') given.pop()
    const node: NodeText = { name, opType, inputs: given, outputs, attributes }
    this.nodes.push(node)
    for (const output of outputs) this.#producers.set(output, node)
    return outputs
  }

  /** The node of this body that gives a value. */
  producer(name: string): NodeText | undefined {
    const node = this.#producers.get(name)
    return node && this.nodes.includes(node) ? node : undefined
  }

  /** Writes a node again with other inputs, in the place of one whose output nobody reads. */
  again(node: NodeText, inputs: readonly string[]): string {
    this.nodes.splice(this.nodes.lastIndexOf(node), 1)
    return this.add(node.opType, inputs, node.attributes)
  }

  /** The name of a value: what was written, an initializer, or a number. */
  name(value: Value): string {
    if (value.names.length > 0) return value.names[0]!
    if (value.isConstant) return this.#folded(value)
    return fail('VALUE', 'onnx.export', `internal: ${value.row} was not written.`)
  }

  /** What was computed once and for all. Repeated numbers are repeated by the file's reader. */
  #folded(value: Value): string {
    const [t] = value.of as [Tensor]
    const source = value.inputs[0]
    if (t.value === null && value.row === 'expand' && source!.of[0]!.size < t.size)
      value.names = [this.add('Expand', [this.name(source!), this.ints(t.shape)])]
    else if (t.value === null && t.row.kind === 'leaf')
      value.names = [this.number(value.row === 'operand' ? (t.scalar as number) : numberOf(t), t.dtype)]
    else {
      const name = this.free(`${this.path}/Constant_output_0`)
      this.initializers.set(name, t)
      value.names = [name]
    }
    return value.names[0]!
  }

  /** The initializer of a variable, under its name in the module. */
  variable(variable: Variable): string {
    const known = this.#variables.get(variable)
    if (known !== undefined) return known
    const name = this.#variableNames.get(variable) ?? this.free(variable.name || 'variable')
    this.#variables.set(variable, name)
    this.initializers.set(name, variable)
    return name
  }

  /** Whether a name is that of an initializer. */
  isInitializer(name: string): boolean {
    return this.initializers.has(name)
  }

  /** A vector of i64. */
  ints(list: readonly number[]): string {
    return this.#constant(list, [list.length], 'i64')
  }

  /** A scalar. */
  number(value: number, dtype: DType): string {
    return this.#constant([value], [], dtype)
  }

  /** Numbers of any shape. */
  numbers(list: readonly number[], shape: readonly number[], dtype: DType): string {
    return this.#constant(list, shape, dtype)
  }

  #constant(list: readonly number[], shape: readonly number[], dtype: DType): string {
    const key = `${dtype} ${shape.join()} ${list.map((n) => (Object.is(n, -0) ? '-0' : n)).join()}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = this.free('constant')
    this.#constants.set(key, name)
    this.initializers.set(name, tensorOf(list, shape, dtype))
    return name
  }

  /** From now on sizes can be read off this value. */
  remember(name: string, sizes: readonly Size[]): void {
    sizes.forEach((size, axis) => {
      if (isFixed(size) || this.#atoms.some((atom) => sameSize(atom.size, size))) return
      this.#atoms.push({ size, name, axis })
    })
  }

  /** A vector of sizes; null where one cannot be computed from what there is. */
  sizes(list: readonly Size[]): string | null {
    if (list.every(isFixed)) return this.ints(list.map((size) => size[0]!))
    const parts: string[] = []
    for (let i = 0; i < list.length; i++) {
      const start = i
      while (i + 1 < list.length && isFixed(list[start]!) && isFixed(list[i + 1]!)) i++
      const name = isFixed(list[start]!)
        ? this.ints(list.slice(start, i + 1).map((size) => size[0]!))
        : this.#size(list[start]!)
      if (name === null) return null
      parts.push(name)
    }
    return parts.length === 1 ? parts[0]! : this.add('Concat', parts, { axis: 0 })
  }

  /** Whether a size can be computed. */
  canSay(size: Size): boolean {
    return this.#express(size) !== null
  }

  /** A number that may depend on sizes, as a scalar. `value` is asked why it cannot be said. */
  scalar(size: Size, dtype: DType, value: Value): string {
    if (size.every((n) => Object.is(n, size[0]))) return this.number(size[0]!, dtype)
    const isInverse = size.every((n) => !Number.isInteger(n))
    const whole = isInverse ? size.map((n) => Math.round(1 / n)) : size
    const isWhole = whole.every((n, i) => Number.isInteger(n) && (!isInverse || 1 / n === size[i]))
    const name = isWhole ? this.#size(whole) : null
    if (name === null) return value.refuse(`depends on the size of a free axis in a way that is not known`)
    const scalar = this.add('Squeeze', [name])
    const cast = dtype === 'i64' ? scalar : this.add('Cast', [scalar], { to: codeOf(dtype) })
    return isInverse ? this.add('Reciprocal', [cast]) : cast
  }

  #express(size: Size): Expression | null {
    return express(
      size,
      this.#atoms.map((atom) => atom.size),
    )
  }

  /** A size as a vector of one. */
  #size(size: Size): string | null {
    const known = this.#sizes.get(size.join())
    if (known !== undefined) return known
    const expression = this.#express(size)
    const name = expression && this.#written(expression)
    if (name !== null) this.#sizes.set(size.join(), name)
    return name
  }

  #written(expression: Expression): string {
    switch (expression.kind) {
      case 'number':
        return this.ints([expression.value])
      case 'atom': {
        const { name, axis, size } = this.#atoms[expression.index]!
        const known = this.#sizes.get(size.join())
        if (known !== undefined) return known
        const found = this.add('Shape', [name], { start: axis, end: axis + 1 })
        this.#sizes.set(size.join(), found)
        return found
      }
      case 'add':
      case 'mul':
      case 'div': {
        const op = { add: 'Add', mul: 'Mul', div: 'Div' }[expression.kind]
        return this.add(op, [this.#written(expression.left), this.#written(expression.right)])
      }
      default:
        return expression satisfies never
    }
  }

  /** Writes a body: nodes that `build` adds go there, and what it learns of sizes is forgotten behind it. */
  subGraph<T>(build: () => T): { nodes: NodeText[]; result: T } {
    const [nodes, atoms, sizes] = [this.nodes, this.#atoms, this.#sizes]
    this.nodes = []
    this.#atoms = [...atoms]
    this.#sizes = new Map(sizes)
    try {
      const result = build()
      return { nodes: this.nodes, result }
    } finally {
      this.nodes = nodes
      this.#atoms = atoms
      this.#sizes = sizes
    }
  }
}

/** ONNX's number for a dtype. */
export const codeOf = (dtype: DType): number => typeOfDtype(dtype).code

const numberOf = (t: Tensor): number => (t.attrs as { value: number }).value

function tensorOf(list: readonly number[], shape: readonly number[], dtype: DType): Tensor {
  if (isNarrow(dtype)) return cast(tensorOf(list, shape, 'f32'), dtype)
  const buffer = new ArrayBuffer(list.length * bytesOf(dtype))
  const array = arrayOf(dtype, buffer)
  if (array instanceof BigInt64Array || array instanceof BigUint64Array)
    list.forEach((n, i) => (array[i] = BigInt(n === TO_END || n === TO_START ? widest(n) : n)))
  else list.forEach((n, i) => (array[i] = n))
  return fromBuffer(buffer, shape, dtype)
}

const widest = (n: number): bigint => (n > 0 ? 2n ** 63n - 1n : -(2n ** 63n) + 1n)
