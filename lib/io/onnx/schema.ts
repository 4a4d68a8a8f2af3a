/** @file The messages of ONNX files: which fields there are, by the public description onnx.proto3, and reading them by protobufjs. */
import type { Type } from 'protobufjs/light.js'
import { TenonError } from '../../errors.ts'

/** A 64-bit integer as protobufjs reads it. */
export interface Int64 {
  readonly low: number
  readonly high: number
}

export interface ModelMessage {
  readonly irVersion: Int64 | number
  readonly graph?: GraphMessage | null
  readonly opsetImport: readonly OpsetMessage[]
  readonly functions: readonly FunctionMessage[]
}

export interface OpsetMessage {
  readonly domain: string
  readonly version: Int64 | number
}

export interface GraphMessage {
  readonly name: string
  readonly node: readonly NodeMessage[]
  readonly initializer: readonly TensorMessage[]
  readonly sparseInitializer: readonly SparseMessage[]
  readonly input: readonly ValueInfoMessage[]
  readonly output: readonly ValueInfoMessage[]
}

export interface NodeMessage {
  readonly name: string
  readonly opType: string
  readonly domain: string
  readonly overload: string
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly attribute: readonly AttributeMessage[]
}

export interface AttributeMessage {
  readonly name: string
  readonly refAttrName: string
  readonly type: number
  readonly f: number
  readonly i: Int64 | number
  readonly s: Uint8Array
  readonly t?: TensorMessage | null
  readonly g?: GraphMessage | null
  readonly sparseTensor?: SparseMessage | null
  readonly floats: readonly number[]
  readonly ints: readonly (Int64 | number)[]
  readonly strings: readonly Uint8Array[]
}

export interface TensorMessage {
  readonly name: string
  readonly dims: readonly (Int64 | number)[]
  readonly dataType: number
  readonly rawData: Uint8Array
  readonly floatData: readonly number[]
  readonly int32Data: readonly number[]
  readonly int64Data: readonly (Int64 | number)[]
  readonly doubleData: readonly number[]
  readonly uint64Data: readonly (Int64 | number)[]
  readonly externalData: readonly { readonly key: string; readonly value: string }[]
  readonly dataLocation: number
}

export interface SparseMessage {
  readonly values?: TensorMessage | null
  readonly indices?: TensorMessage | null
  readonly dims: readonly (Int64 | number)[]
}

export interface ValueInfoMessage {
  readonly name: string
  readonly type?: TypeMessage | null
}

export interface TypeMessage {
  readonly tensorType?: {
    readonly elemType: number
    readonly shape?: {
      readonly dim: readonly { readonly dimValue?: Int64 | number | null; readonly dimParam?: string | null }[]
    } | null
  } | null
}

export interface FunctionMessage {
  readonly name: string
  readonly domain: string
  readonly overload: string
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly attribute: readonly string[]
  readonly attributeProto: readonly AttributeMessage[]
  readonly node: readonly NodeMessage[]
  readonly opsetImport: readonly OpsetMessage[]
}

type Field = readonly [id: number, type: string, rule?: 'repeated']

const MESSAGES: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  Model: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    graph: [7, 'Graph'],
    opsetImport: [8, 'Opset', 'repeated'],
    functions: [25, 'Function', 'repeated'],
  },
  Opset: { domain: [1, 'string'], version: [2, 'int64'] },
  Graph: {
    node: [1, 'Node', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'Tensor', 'repeated'],
    input: [11, 'ValueInfo', 'repeated'],
    output: [12, 'ValueInfo', 'repeated'],
    sparseInitializer: [15, 'Sparse', 'repeated'],
  },
  Node: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'Attribute', 'repeated'],
    domain: [7, 'string'],
    overload: [8, 'string'],
  },
  Attribute: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'Tensor'],
    g: [6, 'Graph'],
    floats: [7, 'float', 'repeated'],
    ints: [8, 'int64', 'repeated'],
    strings: [9, 'bytes', 'repeated'],
    type: [20, 'int32'],
    refAttrName: [21, 'string'],
    sparseTensor: [22, 'Sparse'],
  },
  Tensor: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    floatData: [4, 'float', 'repeated'],
    int32Data: [5, 'int32', 'repeated'],
    int64Data: [7, 'int64', 'repeated'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    doubleData: [10, 'double', 'repeated'],
    uint64Data: [11, 'uint64', 'repeated'],
    externalData: [13, 'Entry', 'repeated'],
    dataLocation: [14, 'int32'],
  },
  Sparse: { values: [1, 'Tensor'], indices: [2, 'Tensor'], dims: [3, 'int64', 'repeated'] },
  Entry: { key: [1, 'string'], value: [2, 'string'] },
  ValueInfo: { name: [1, 'string'], type: [2, 'TypeOf'] },
  TypeOf: { tensorType: [1, 'TensorType'] },
  TensorType: { elemType: [1, 'int32'], shape: [2, 'ShapeOf'] },
  ShapeOf: { dim: [1, 'Dim', 'repeated'] },
  Dim: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
  Function: {
    name: [1, 'string'],
    input: [4, 'string', 'repeated'],
    output: [5, 'string', 'repeated'],
    attribute: [6, 'string', 'repeated'],
    node: [7, 'Node', 'repeated'],
    opsetImport: [9, 'Opset', 'repeated'],
    domain: [10, 'string'],
    attributeProto: [11, 'Attribute', 'repeated'],
    overload: [13, 'string'],
  },
}

const types = new Map<string, Type>()

/** The message type of a name: 'Model', 'Tensor', ... protobufjs is loaded when the first one is asked for. */
export async function messageType(name: 'Model' | 'Tensor'): Promise<Type> {
  if (!types.has(name)) {
    const { default: protobuf } = await import('protobufjs/light.js')
    const nested = Object.entries(MESSAGES).map(([message, fields]) => {
      const described = Object.entries(fields).map(([field, [id, type, rule]]) => [
        field,
        { id, type, ...(rule && { rule }) },
      ])
      return [message, { fields: Object.fromEntries(described) }]
    })
    types.set(name, protobuf.Root.fromJSON({ nested: Object.fromEntries(nested) }).lookupType(name))
  }
  return types.get(name)!
}

/** Reads a message; FORMAT for bytes that are none. Every length is checked against the bytes that there are. */
export async function decodeMessage<T>(name: 'Model' | 'Tensor', bytes: Uint8Array, file: string): Promise<T> {
  const type = await messageType(name)
  try {
    return type.decode(bytes) as unknown as T
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TenonError('FORMAT', 'onnx', `${file}: cannot be read as protobuf: ${reason}.`, { cause: error })
  }
}

/** A 64-bit integer, exactly. */
export const bigintOf = (x: Int64 | number): bigint =>
  typeof x === 'number' ? BigInt(x) : (BigInt(x.high) << 32n) | BigInt(x.low >>> 0)

/** A 64-bit integer as a number; beyond 2^53 the nearest one. */
export const numberOf = (x: Int64 | number): number => (typeof x === 'number' ? x : Number(bigintOf(x)))
