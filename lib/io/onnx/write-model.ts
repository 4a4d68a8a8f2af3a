/** @file Writing ONNX files: messages of graphs, initializers' numbers, and weights in a file beside the model. */
import { basename } from 'node:path'
import { evaluate } from '../../engine/evaluate.ts'
import { bytesOf } from '../../dtype.ts'
import { fail } from '../../errors.ts'
import { detach } from '../../graph/gradient.ts'
import { Variable } from '../../graph/variable.ts'
import { sizeOf } from '../../shape.ts'
import { writeAside } from '../write-aside.ts'
import { codeOf } from './export-writer.ts'
import type { Attribute, Content, Described, GraphWriter, NodeText, SubGraph } from './export-writer.ts'
import { messageType } from './schema.ts'

/** Protobuf's own limit, less room for the graph. */
const MOST_BYTES = 2 ** 31 - 2 ** 24
/** Smaller ones stay in the model's own file. */
const LEAST_OUTSIDE = 1024
/** Readers map pages. */
const PAGE = 4096

/** Versions of the format by the operators' version that came with them. */
const IR_VERSIONS: readonly (readonly [opset: number, ir: number])[] = [
  [23, 11],
  [21, 10],
  [19, 9],
  [17, 8],
]

interface GraphInfo {
  readonly name: string
  readonly inputs: readonly Described[]
  readonly outputs: readonly Described[]
}

/** Writes what the outputs need of a graph; with external data, that file first. */
export async function writeModel(
  path: string,
  writer: GraphWriter,
  { name, inputs, outputs }: GraphInfo,
  externalData?: boolean,
): Promise<void> {
  const nodes = needed(
    writer.nodes,
    outputs.map((output) => output.name),
  )
  const used = new Set(namesRead(nodes))
  const contents = [...writer.initializers].filter(([initializer]) => used.has(initializer))
  const bytes = contents.reduce((sum, [, content]) => sum + bytesIn(content), 0)
  const isOutside = externalData ?? bytes > MOST_BYTES
  if (!isOutside && bytes > MOST_BYTES)
    fail('VALUE', 'onnx.export', `${bytes} bytes of weights do not fit one file. Leave externalData out.`)
  const beside = isOutside ? `${path}.data` : null
  const initializer = beside ? await writeBeside(beside, contents) : await Promise.all(contents.map(inside))
  const graph = {
    name,
    node: nodes.map(nodeOf),
    initializer,
    input: inputs.map(valueInfo),
    output: outputs.map(valueInfo),
  }
  const irVersion = IR_VERSIONS.find(([opset]) => writer.opset >= opset)![1]
  const message = { irVersion, producerName: 'tenon', opsetImport: [{ domain: '', version: writer.opset }], graph }
  const type = await messageType('Model')
  await writeAside(path, [type.encode(type.create(message)).finish()])
}

const bytesIn = ({ shape, dtype }: Content): number => sizeOf(shape) * bytesOf(dtype)

/** Nodes that results depend on, in their order. */
function needed(nodes: readonly NodeText[], results: readonly string[]): NodeText[] {
  const wanted = new Set(results)
  const found: NodeText[] = []
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue
    found.push({ ...node, attributes: withoutUnneeded(node.attributes) })
    for (const name of namesRead([found.at(-1)!])) wanted.add(name)
  }
  return found.reverse()
}

function withoutUnneeded(attributes: NodeText['attributes']): NodeText['attributes'] {
  const entries = Object.entries(attributes).map(([name, value]) => {
    if (!isGraph(value)) return [name, value]
    return [name, { graph: { ...value.graph, nodes: needed(value.graph.nodes, value.graph.outputs) } }]
  })
  return Object.fromEntries(entries) as NodeText['attributes']
}

/** Every name that nodes and their bodies read. */
function namesRead(nodes: readonly NodeText[]): string[] {
  return nodes.flatMap(({ inputs, attributes }) => [
    ...inputs,
    ...Object.values(attributes).flatMap((value) =>
      isGraph(value) ? [...namesRead(value.graph.nodes), ...value.graph.outputs] : [],
    ),
  ])
}

const isGraph = (value: Attribute): value is { readonly graph: SubGraph } =>
  typeof value === 'object' && 'graph' in value

/** The numbers of an initializer, as they are now. */
async function contentOf(content: Content): Promise<Uint8Array> {
  // A variable's are copied: it may be written while the file is.
  const t = content instanceof Variable ? detach(content.read()) : content
  await evaluate(t)
  return new Uint8Array(t.value!.buffer)
}

const described = (name: string, { shape, dtype }: Content) => ({ name, dims: [...shape], dataType: codeOf(dtype) })

async function inside([name, content]: readonly [string, Content]): Promise<object> {
  return { ...described(name, content), rawData: await contentOf(content) }
}

async function writeBeside(path: string, contents: readonly (readonly [string, Content])[]): Promise<object[]> {
  const isLarge = ([, content]: readonly [string, Content]) => bytesIn(content) >= LEAST_OUTSIDE
  const large = contents.filter(isLarge)
  const small = await Promise.all(contents.filter((entry) => !isLarge(entry)).map(inside))
  let end = 0
  const placed = large.map(([name, content]) => {
    const offset = Math.ceil(end / PAGE) * PAGE
    const gap = offset - end
    end = offset + bytesIn(content)
    const entries = Object.entries({ location: basename(path), offset, length: bytesIn(content) })
    const externalData = entries.map(([key, value]) => ({ key, value: String(value) }))
    return { gap, content, message: { ...described(name, content), externalData, dataLocation: 1 } }
  })
  await writeAside(path, pieces(placed))
  return [...small, ...placed.map(({ message }) => message)]
}

async function* pieces(
  placed: readonly { readonly gap: number; readonly content: Content }[],
): AsyncGenerator<Uint8Array> {
  for (const { gap, content } of placed) {
    yield new Uint8Array(gap)
    yield await contentOf(content)
  }
}

const nodeOf = ({ name, opType, inputs, outputs, attributes }: NodeText): object => ({
  ...{ name, opType, input: inputs, output: outputs },
  attribute: Object.entries(attributes).map(([key, value]) => ({ name: key, ...attributeOf(value) })),
})

function attributeOf(value: Attribute): object {
  const text = (s: string) => Buffer.from(s)
  if (typeof value === 'number') return { i: value, type: 2 }
  if (typeof value === 'string') return { s: text(value), type: 3 }
  if ('float' in value) return { f: value.float, type: 1 }
  if ('graph' in value) return { g: bodyOf(value.graph), type: 5 }
  if (typeof value[0] === 'string') return { strings: (value as readonly string[]).map(text), type: 8 }
  return { ints: value, type: 7 }
}

const bodyOf = ({ name, nodes, inputs, outputs }: SubGraph): object => ({
  ...{ name, node: nodes.map(nodeOf), input: inputs.map(valueInfo) },
  output: outputs.map((output) => ({ name: output })),
})

const valueInfo = ({ name, dtype, shape }: Described): object => ({
  name,
  type: {
    tensorType: {
      elemType: codeOf(dtype),
      shape: { dim: shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })) },
    },
  },
})
