/** @file What a mapping from a row to ONNX's operators is: it writes nodes and gives the name of each output. */
import type { Value } from '../export-value.ts'
import type { GraphWriter } from '../export-writer.ts'

export type To = (value: Value, writer: GraphWriter) => string | readonly string[]

export type Mappings = Readonly<Record<string, To>>

/** The names of all inputs. */
export const inputsOf = (value: Value, writer: GraphWriter): string[] => value.inputs.map((input) => writer.name(input))

/** The row is the operator. */
export const same =
  (opType: string): To =>
  (value, writer) =>
    writer.add(opType, inputsOf(value, writer))
