/** @file Calls of tenon's ONNX operators one by one: what WebNN shares with ONNX is not written down twice. */
import type { Tensor } from '../../../lib/index.ts'
import { held, Node } from '../../../lib/io/onnx/node.ts'
import type { OpResult } from '../../../lib/io/onnx/node.ts'
import type { AttributeMessage } from '../../../lib/io/onnx/schema.ts'
import { operators } from '../../../lib/io/onnx/table.ts'

const VERSION = 25

export type Attribute = number | boolean | string | readonly number[] | readonly string[] | undefined

/** The outputs of an operator; inputs that are null, and attributes that are undefined, are left out. */
export function operator(
  opType: string,
  inputs: readonly (Tensor | null | undefined)[],
  attributes: Readonly<Record<string, Attribute>> = {},
  numOutputs = 1,
): Tensor[] {
  const output = Array.from({ length: numOutputs }, (_, i) => `output${i}`)
  const attribute = Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [messageOf(name, value)],
  )
  const message = { name: '', opType, domain: '', overload: '', input: [], output, attribute }
  const given = inputs.map((t) => (t ? held(t) : null))
  const node = new Node(message, VERSION, given, {
    runGraph: () => node.refuse('has no graphs around.'),
    attribute: () => undefined,
    external: new Map(),
  })
  const entry = operators.get('')!.get(opType)
  if (!entry) throw new Error(`tenon has no ONNX operator ${opType}`)
  return tensorsOf(entry.run(node) as OpResult)
}

/** The first output. */
export const first = (...call: Parameters<typeof operator>): Tensor => operator(...call)[0]!

function tensorsOf(result: OpResult): Tensor[] {
  const list = Array.isArray(result) ? (result as Exclude<OpResult, Tensor>[]) : [result]
  return (list as readonly OpResult[]).flatMap((one) => {
    if (!one) return []
    return 'tensor' in one && 'type' in one ? [one.tensor as Tensor] : [one as Tensor]
  })
}

function messageOf(name: string, value: Exclude<Attribute, undefined>): AttributeMessage {
  const list = Array.isArray(value) ? (value as readonly (number | string)[]) : []
  const numbers = list.filter((item) => typeof item === 'number')
  const number = typeof value === 'number' || typeof value === 'boolean' ? Number(value) : 0
  return {
    name,
    refAttrName: '',
    type: 0,
    f: number,
    i: number,
    s: Buffer.from(typeof value === 'string' ? value : ''),
    floats: numbers,
    ints: numbers,
    strings: list.filter((item) => typeof item === 'string').map((item) => Buffer.from(item)),
  }
}
