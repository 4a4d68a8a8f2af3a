/** @file f16 and bf16 are storage: what computes with them reads f32 and rounds its result, op by op. */
import { isNarrow } from '../../dtype.ts'
import type { DType } from '../../dtype.ts'
import { assert } from '../../errors.ts'
import { table } from '../../ops/table.ts'
import type { Graph, IRNode, Rewriter } from '../ir.ts'
import { rewrite } from '../ir.ts'

export function widen(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.outputs.some((output) => isNarrow(output.dtype)))) return graph
  return rewrite(graph, (node, out) => {
    if (node.row.name === 'part' && !node.leaf) return widenedPart(node, out)
    return isComputed(node, out) ? widened(node, out) : out.add(node)
  })
}

/** An output of a row with several, which gives f32 now. */
function widenedPart(node: IRNode, out: Rewriter): number {
  const given = out.nodes[node.inputs[0]!]!.outputs[(node.attrs as { index: number }).index]!
  const wanted = node.outputs[0]!
  if (given.dtype === wanted.dtype) return out.add(node)
  return cast(out, node, out.add({ ...node, outputs: [given] }), wanted.dtype)
}

function isComputed(node: IRNode, out: Rewriter): boolean {
  if (node.leaf || node.row.moves || node.row.kind === 'control') return false
  return [...node.outputs, ...node.inputs.map((i) => out.nodes[i]!.outputs[0]!)].some((spec) => isNarrow(spec.dtype))
}

function widened(node: IRNode, out: Rewriter): number {
  assert(node.row.kind !== 'update', `internal: ${node.row.name} on narrow floats`)
  const dtypeOf = (i: number) => out.nodes[i]!.outputs[0]!.dtype
  const staysNarrow = node.row.takesBf16 && node.inputs.every((i) => dtypeOf(i) === 'bf16')
  const inputs = staysNarrow ? node.inputs : node.inputs.map((i) => (isNarrow(dtypeOf(i)) ? wide(out, node, i) : i))
  const outputs = node.outputs.map((spec) => (isNarrow(spec.dtype) ? { ...spec, dtype: 'f32' as const } : spec))
  const computed = out.add({ ...node, inputs, outputs })
  if (node.outputs.length > 1 || !isNarrow(node.outputs[0]!.dtype)) return computed
  return cast(out, node, computed, node.outputs[0]!.dtype)
}

/** An input as f32. Numbers were never stored, so they are not rounded either: an eps of 1e-8 is not 0 beside f16. */
function wide(out: Rewriter, near: IRNode, input: number): number {
  const from = out.nodes[input]!
  const isNumber = from.leaf?.kind === 'operand' || from.leaf?.kind === 'constant'
  return isNumber
    ? out.add({ ...from, outputs: [{ ...from.outputs[0]!, dtype: 'f32' }] })
    : cast(out, near, input, 'f32')
}

function cast(out: Rewriter, near: IRNode, input: number, dtype: DType): number {
  const { shape } = out.nodes[input]!.outputs[0]!
  return out.add({
    ...near,
    row: table.get('cast')!,
    inputs: [input],
    attrs: { dtype },
    attrsKey: dtype,
    outputs: [{ shape, dtype }],
    leaf: null,
  })
}
