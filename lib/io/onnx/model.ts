/** @file An imported model as a module: named inputs and outputs, initializers as parameters, forward and run. */
import { checkInteger, fail } from '../../errors.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { Variable } from '../../graph/variable.ts'
import { isFloat } from '../../dtype.ts'
import type { DType } from '../../dtype.ts'
import { data } from '../../engine/evaluate.ts'
import { Module } from '../../nn/module.ts'
import { asTensor } from '../../ops/table.ts'
import type { TensorLike } from '../../ops/table.ts'
import { showShape } from '../../shape.ts'
import { elementType } from './element-types.ts'
import type { ElementType } from './element-types.ts'
import { hide, remember } from './known.ts'
import { held } from './node.ts'
import type { Held, Steps } from './node.ts'
import { initializersOf, Program, waiting } from './program.ts'
import { numberOf } from './schema.ts'
import type { ModelMessage, ValueInfoMessage } from './schema.ts'
import type { ExternalData } from './tensor-data.ts'

/** An input or output as the file describes it. */
export interface ValueInfo {
  readonly name: string
  /** ONNX's element type in small letters: 'float', 'int64', ...; '' where the file does not say. */
  readonly type: string
  /** What it is in tenon; null where the file does not say. */
  readonly dtype: DType | null
  readonly shape: InputShape
}

/** Sizes; names for those that are free, null for unknown ones. Null: not even the number of axes is known. */
export type InputShape = readonly (number | string | null)[] | null

export interface LoadOptions {
  /** Names of values or nodes at which the model ends; what comes behind them is dropped. Default: the file's outputs. */
  outputs?: readonly string[]
  /** Shapes of inputs in place of the file's: a free batch, `{ x: ['batch', 3, 224, 224] }`, where the file has 1, say. */
  inputShapes?: Readonly<Record<string, InputShape>>
}

/** Tensors in the order of the model's inputs, or by name. */
export type Inputs = readonly TensorLike[] | Readonly<Record<string, TensorLike>>

/**
 * A model that was read from an ONNX file. Its float initializers are parameters under their own names, so that it can be trained like any
 * module; integers, scalars, and what operators take as settings or running statistics, stay the file's constants.
 */
export class OnnxModel extends Module {
  static override readonly stateNames = { initializers: '' }
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly initializers: Readonly<Record<string, Variable>>
  /** @internal */ readonly source: Source

  /** @internal Use `onnx.load`. */
  constructor(message: ModelMessage, external: ExternalData, shapes: LoadOptions['inputShapes'] = {}) {
    super()
    const program = new Program(message, external)
    const { graph } = program
    const given = initializersOf(graph, external)
    const names = new Set(given.map(({ name }) => name))
    // Up to IR version 3 initializers were listed among the inputs; later that makes them defaults.
    const inputs = graph.input.filter(({ name }) => !names.has(name))
    checkShapes(shapes, inputs)
    this.inputs = inputs.map((info) => describe(info, Object.hasOwn(shapes, info.name) ? shapes[info.name] : undefined))
    this.outputs = graph.output.map((info) => describe(info))
    const frozen = program.frozenNames()
    const variables: [string, Variable][] = []
    const constants = new Map<string, Held>()
    for (const { name, value } of given) {
      const { tensor, type } = value
      const isWeight = isFloat(tensor.dtype) && !type.numbers && tensor.rank > 0 && !frozen.has(name)
      if (isWeight) variables.push([name, new Variable(tensor, { name })])
      else constants.set(name, value)
    }
    this.initializers = Object.assign(Object.create(null) as Record<string, Variable>, Object.fromEntries(variables))
    this.source = new Source(program, constants)
  }

  /**
   * The outputs for inputs in the file's order, as tenon's graph: one tensor, or a list where there are several. DYNAMIC, naming the node,
   * where a shape depends on data: use `run` then.
   */
  override forward(...inputs: TensorLike[]): Tensor | readonly Tensor[] {
    const steps = this.#steps(inputs)
    const next = steps.next()
    if (!next.done) {
      const node = waiting.get(next.value) ?? 'a node'
      fail('DYNAMIC', 'onnx', `${node} needs numbers that depend on inputs. Use await model.run(inputs).`)
    }
    const outputs = next.value.map(({ tensor }) => tensor)
    return outputs.length === 1 ? outputs[0]! : outputs
  }

  /** The outputs by name, for inputs in order or by name; evaluates half-way what shapes depend on. */
  async run(inputs: Inputs): Promise<Record<string, Tensor>> {
    const steps = this.#steps(this.#ordered(inputs))
    for (;;) {
      const next = steps.next()
      if (next.done) return Object.fromEntries(next.value.map(({ tensor }, i) => [this.outputs[i]!.name, tensor]))
      remember(next.value, await data(next.value))
    }
  }

  override extraRepr(): string {
    const show = (list: readonly ValueInfo[]) => list.map(({ name, type }) => `${name}: ${type}`).join(', ')
    return `${show(this.inputs)} -> ${show(this.outputs)}`
  }

  #ordered(inputs: Inputs): readonly TensorLike[] {
    if (Array.isArray(inputs)) return inputs as readonly TensorLike[]
    const byName = inputs as Readonly<Record<string, TensorLike>>
    const unknown = Object.keys(byName).find((name) => !this.inputs.some((input) => input.name === name))
    if (unknown !== undefined)
      fail(
        'VALUE',
        'onnx',
        `there is no input '${unknown}'. There are: ${this.inputs.map(({ name }) => name).join(', ')}.`,
      )
    return this.inputs.map(({ name }) =>
      Object.hasOwn(byName, name) ? byName[name]! : fail('VALUE', 'onnx', `the input '${name}' is missing.`),
    )
  }

  #steps(inputs: readonly TensorLike[]): Steps<readonly Held[]> {
    if (inputs.length !== this.inputs.length)
      fail('VALUE', 'onnx', `the model takes ${this.inputs.length} inputs, got ${inputs.length}.`)
    const values = new Map(this.source.constants)
    for (const [name, variable] of Object.entries(this.initializers)) values.set(name, held(variable.read()))
    const free = new Map<string, number>()
    this.inputs.forEach((info, i) => {
      const tensor = asTensor('onnx', inputs[i]!)
      checkInput(info, tensor, free)
      hide(tensor)
      const type = typeOf(info)
      values.set(info.name, type?.numbers ? { tensor, type } : held(tensor))
    })
    return this.source.program.run(values)
  }
}

/** What a model came from; a class, so that no parameters are looked for in it. */
class Source {
  readonly program: Program
  readonly constants: ReadonlyMap<string, Held>
  constructor(program: Program, constants: ReadonlyMap<string, Held>) {
    this.program = program
    this.constants = constants
  }
}

function checkShapes(shapes: Readonly<Record<string, InputShape>>, inputs: readonly ValueInfoMessage[]): void {
  for (const [name, shape] of Object.entries(shapes)) {
    if (!inputs.some((input) => input.name === name))
      fail('VALUE', 'onnx.load', `there is no input '${name}'. There are: ${inputs.map((one) => one.name).join(', ')}.`)
    for (const size of shape ?? [])
      if (typeof size === 'number') checkInteger('onnx.load', `a size of '${name}'`, size, 0)
  }
}

const typesByInfo = new WeakMap<ValueInfo, ElementType>()
const typeOf = (info: ValueInfo): ElementType | undefined => typesByInfo.get(info)

function describe({ name, type }: ValueInfoMessage, given?: InputShape): ValueInfo {
  const tensor = type?.tensorType
  if (!tensor) return { name, type: '', dtype: null, shape: null }
  const element = elementType(tensor.elemType, `the value ${JSON.stringify(name)}`)
  const inFile = tensor.shape
    ? tensor.shape.dim.map((dim) => {
        if (dim.dimParam) return dim.dimParam
        const size = Object.hasOwn(dim, 'dimValue') && dim.dimValue !== null ? numberOf(dim.dimValue!) : -1
        return size >= 0 ? size : null
      })
    : null
  const info: ValueInfo = {
    name,
    type: element.name,
    dtype: element.dtype,
    shape: given === undefined ? inFile : given,
  }
  typesByInfo.set(info, element)
  return info
}

/** @internal Sizes of one name must be equal; `free` holds those that were met. `hint` ends the message. */
export function checkInput(
  { name, dtype, shape }: Pick<ValueInfo, 'name' | 'dtype' | 'shape'>,
  t: Tensor,
  free: Map<string, number>,
  { op = 'onnx', hint = '' } = {},
): void {
  if (dtype !== null && dtype !== t.dtype) fail('DTYPE', op, `the input '${name}' is ${dtype}, got ${t.dtype}.${hint}`)
  if (shape === null) return
  const fits =
    shape.length === t.rank &&
    shape.every((size, axis) => {
      if (typeof size === 'number') return size === t.shape[axis]
      if (size === null) return true
      if (!free.has(size)) free.set(size, t.shape[axis]!)
      return free.get(size) === t.shape[axis]
    })
  if (!fits) fail('SHAPE', op, `the input '${name}' is ${showSizes(shape)}, got ${showShape(t.shape)}.${hint}`)
}

/** @internal Sizes of which some are free. */
export const showSizes = (shape: NonNullable<ValueInfo['shape']>): string =>
  `[${shape.map((size) => size ?? '?').join(', ')}]`
