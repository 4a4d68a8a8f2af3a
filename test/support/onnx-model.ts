/** @file Small ONNX models for tests, written by protobufjs with the reader's own description of the messages. */
import { messageType } from '../../lib/io/onnx/schema.ts'

type Attribute =
  number | string | readonly number[] | TensorText | GraphText | { readonly ref: string } | { readonly float: number }

export interface TensorText {
  readonly name?: string
  readonly dataType: number
  readonly dims: readonly number[]
  readonly rawData?: Uint8Array
  readonly floatData?: readonly number[]
  readonly int32Data?: readonly number[]
  readonly int64Data?: readonly number[]
  readonly externalData?: readonly { key: string; value: string }[]
  readonly dataLocation?: number
}

/** 'output, output = Op(input, input)'; '' leaves one out. A domain stands before the operator: 'own.Op'. */
export type NodeText = readonly [line: string, attributes?: Readonly<Record<string, Attribute>>]

export interface GraphText {
  readonly nodes: readonly NodeText[]
  /** Name to element type and shape. */
  readonly inputs?: Readonly<Record<string, readonly [type: number, ...shape: (number | string)[]]>>
  readonly outputs: readonly string[]
  readonly initializers?: Readonly<Record<string, TensorText>>
}

export interface FunctionText extends GraphText {
  readonly name: string
  readonly attributes?: readonly string[]
}

export const FLOAT = 1
export const INT64 = 7
export const BOOL = 9

export const floats = (dims: readonly number[], ...floatData: number[]): TensorText => ({
  dataType: FLOAT,
  dims,
  floatData,
})
export const ints = (dims: readonly number[], ...int64Data: number[]): TensorText => ({
  dataType: INT64,
  dims,
  int64Data,
})

/** A model's bytes. Functions are in the domain 'own'. */
export async function onnxModel(
  graph: GraphText,
  { opset = 17, functions = [] as readonly FunctionText[] } = {},
): Promise<Uint8Array> {
  const opsetImport = [
    { domain: '', version: opset },
    { domain: 'own', version: 1 },
  ]
  const type = await messageType('Model')
  const described = functions.map(({ name, attributes = [], inputs = {}, outputs, nodes }) => ({
    ...{ name, domain: 'own', attribute: attributes, input: Object.keys(inputs), output: outputs },
    ...{ node: nodes.map(nodeOf), opsetImport },
  }))
  const message = { irVersion: 8, opsetImport, functions: described, graph: graphOf(graph) }
  return type.encode(type.fromObject(message)).finish()
}

function graphOf({ nodes, inputs = {}, outputs, initializers = {} }: GraphText): object {
  return {
    name: 'g',
    node: nodes.map(nodeOf),
    initializer: Object.entries(initializers).map(([name, t]) => ({ ...t, name })),
    input: Object.entries(inputs).map(([name, [elemType, ...shape]]) => ({
      name,
      type: {
        tensorType: {
          elemType,
          shape: { dim: shape.map((n) => (typeof n === 'string' ? { dimParam: n } : { dimValue: n })) },
        },
      },
    })),
    output: outputs.map((name) => ({ name })),
  }
}

function nodeOf([line, attributes = {}]: NodeText): object {
  const [, outputs, domain, opType, inputs] = /^(.*?) = (?:(\w+)\.)?(\w+)\((.*)\)$/.exec(line)!
  const names = (text: string) => (text === '' ? [] : text.split(',').map((name) => name.trim()))
  return {
    ...{ name: `the ${opType}`, domain: domain ?? '', opType, input: names(inputs!), output: names(outputs!) },
    attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attributeOf(value) })),
  }
}

function attributeOf(value: Attribute): object {
  if (typeof value === 'number') return { i: value, type: 2 }
  if (typeof value === 'string') return { s: Buffer.from(value), type: 3 }
  if (Array.isArray(value)) return { ints: value, type: 7 }
  if ('ref' in value) return { refAttrName: value.ref }
  if ('float' in value) return { f: value.float, type: 1 }
  return 'nodes' in value ? { g: graphOf(value), type: 5 } : { t: value, type: 4 }
}
