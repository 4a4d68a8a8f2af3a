/** @file What an operator sees of its node: inputs as tensors or as numbers, attributes by name, the version it was written for. */
import { fail } from '../../errors.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { fromBuffer } from '../../ops/create.ts'
import { elementType, typeOfDtype } from './element-types.ts'
import type { ElementType } from './element-types.ts'
import { known } from './known.ts'
import { numberOf } from './schema.ts'
import type { AttributeMessage, GraphMessage, NodeMessage } from './schema.ts'
import { readSparse, readTensor } from './tensor-data.ts'
import type { ExternalData } from './tensor-data.ts'

/** A value of a graph; the type says more than the tensor's dtype for types that tenon does not have. */
export interface Held {
  readonly tensor: Tensor
  readonly type: ElementType
}

/** A computation that may need numbers half-way: it yields their tensor and goes on when they are known. */
export type Steps<T> = Generator<Tensor, T, void>

/** What an operator gives: one tensor, or one for each output; null for those that it leaves out. */
export type OpResult = Tensor | Held | readonly (Tensor | Held | null)[]

export type OpFunction = (node: Node) => OpResult | Steps<OpResult>

export interface OpEntry {
  readonly run: OpFunction
  /** Inputs that are settings or statistics: initializers there are no parameters. */
  readonly frozen?: readonly number[]
  /** Only moves elements of the first input, so that narrow types stay what they are. */
  readonly keepsType?: boolean
}

/** Operators by ONNX's names. */
export type Ops = Readonly<Record<string, OpFunction | OpEntry>>

/** Thrown for numbers that are not known yet; the node is run again when they are. */
export class Wanted extends Error {
  readonly tensor: Tensor
  constructor(tensor: Tensor) {
    super('internal: numbers are wanted')
    this.tensor = tensor
  }
}

/** What a node knows of the graph around it. */
export interface Surroundings {
  /** Runs a subgraph, which sees the names around it. */
  runGraph(graph: GraphMessage, inputs: readonly Held[]): Steps<readonly Held[]>
  /** Attributes of the function around, for those that refer to them. */
  attribute(name: string): AttributeMessage | undefined
  readonly external: ExternalData
}

export class Node {
  readonly op: string
  readonly domain: string
  /** How errors call it. */
  readonly label: string
  /** Of the operator set that the model was written for. */
  readonly version: number
  readonly numOutputs: number
  readonly surroundings: Surroundings
  readonly #outputs: readonly string[]
  readonly #inputs: readonly (Held | null)[]
  readonly #attributes = new Map<string, AttributeMessage>()

  constructor(message: NodeMessage, version: number, inputs: readonly (Held | null)[], surroundings: Surroundings) {
    this.op = message.opType
    this.domain = message.domain
    this.label = labelOf(message)
    this.version = version
    this.numOutputs = message.output.length
    this.surroundings = surroundings
    this.#outputs = message.output
    this.#inputs = inputs
    for (const attribute of message.attribute) {
      const { name, refAttrName } = attribute
      const found = refAttrName ? surroundings.attribute(refAttrName) : attribute
      if (found) this.#attributes.set(name, found)
    }
  }

  get numInputs(): number {
    return this.#inputs.length
  }

  /** Whether output i is wanted. */
  hasOutput(i: number): boolean {
    return (this.#outputs[i] ?? '') !== ''
  }

  /** FORMAT in this node's name. */
  refuse(what: string): never {
    return fail('FORMAT', 'onnx', `${this.label} ${what}`)
  }

  has(i: number): boolean {
    return (this.#inputs[i] ?? null) !== null
  }

  held(i: number): Held {
    return this.#inputs[i] ?? this.refuse(`has no input ${i}.`)
  }

  input(i: number): Tensor {
    return this.held(i).tensor
  }

  optional(i: number): Tensor | null {
    return this.#inputs[i]?.tensor ?? null
  }

  /** All inputs from `first` on; none may be left out. */
  inputs(first = 0): Tensor[] {
    return this.#inputs.slice(first).map((_, i) => this.input(first + i))
  }

  /** The numbers of an input, where they are needed before anything runs. */
  numbers(i: number): number[] {
    return Array.from(this.numbersOf(i), Number)
  }

  /** The same, 64-bit integers exactly. Of inputs only: what is computed of them would be another tensor when the node runs again. */
  numbersOf(i: number): ArrayLike<number | bigint> {
    const t = this.input(i)
    const found = known(t)
    if (!found) throw new Wanted(t)
    return found
  }

  /** One integer or float of an input. */
  number(i: number): number {
    const list = this.numbers(i)
    return list.length === 1 ? list[0]! : this.refuse(`needs one number as input ${i}, got ${list.length}.`)
  }

  integers(i: number): number[] {
    const list = this.numbers(i)
    return list.every(Number.isSafeInteger) ? list : this.refuse(`needs integers as input ${i}.`)
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name)
  }

  int(name: string, otherwise?: number): number {
    const found = this.#attributes.get(name)
    const value = found ? numberOf(found.i) : otherwise
    if (value === undefined) return this.refuse(`has no attribute ${name}.`)
    return Number.isSafeInteger(value) ? value : this.refuse(`has ${name} = ${value}.`)
  }

  flag(name: string, otherwise = 0): boolean {
    return this.int(name, otherwise) !== 0
  }

  float(name: string, otherwise?: number): number {
    return this.#attributes.get(name)?.f ?? otherwise ?? this.refuse(`has no attribute ${name}.`)
  }

  text(name: string, otherwise?: string): string {
    const found = this.#attributes.get(name)
    return found ? textOf(found.s) : (otherwise ?? this.refuse(`has no attribute ${name}.`))
  }

  ints(name: string): number[] | undefined {
    const list = this.#attributes.get(name)?.ints.map(numberOf)
    return !list || list.every(Number.isSafeInteger) ? list : this.refuse(`has ${name} = ${list.join()}.`)
  }

  floats(name: string): readonly number[] | undefined {
    return this.#attributes.get(name)?.floats
  }

  texts(name: string): string[] | undefined {
    return this.#attributes.get(name)?.strings.map(textOf)
  }

  graph(name: string): GraphMessage {
    return this.#attributes.get(name)?.g ?? this.refuse(`has no graph ${name}.`)
  }

  tensor(name: string): Held | null {
    const found = this.#attributes.get(name)
    if (!found) return null
    const where = `${name} of ${this.label}`
    if (!found.t && !found.sparseTensor) return this.refuse(`has no tensor ${name}.`)
    const { type, shape, buffer } = found.t
      ? readTensor(found.t, where, this.surroundings.external)
      : readSparse(found.sparseTensor!, where)
    return { tensor: fromBuffer(buffer, shape, type.dtype), type }
  }

  /** An element type given as an attribute. */
  elementType(name: string, otherwise?: number): ElementType {
    return elementType(this.int(name, otherwise), `${name} of ${this.label}`)
  }
}

export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** "node 'name' (Op)". */
export function labelOf({ name, opType, domain }: NodeMessage): string {
  return `node ${JSON.stringify(name)} (${domain ? `${domain}.` : ''}${opType})`
}

/** A tensor as a value of its own type. */
export const held = (tensor: Tensor): Held => ({ tensor, type: typeOfDtype(tensor.dtype) })

/** Numbers of a tensor, for computations in steps. */
export function* numbersIn(t: Tensor): Steps<ArrayLike<number | bigint>> {
  const found = known(t)
  if (found) return found
  yield t
  return known(t)!
}
