/** @file Local rewrites that give the same numbers bit for bit: no-op casts and views, views of views, neutral elements. */
import { bytesOf, isFloat, isNarrow } from '../../dtype.ts'
import type { DType } from '../../dtype.ts'
import { sameShape } from '../../shape.ts'
import type { Graph, IRNode, Rewriter } from '../ir.ts'
import { rewrite } from '../ir.ts'

export function simplify(graph: Graph): Graph {
  return rewrite(graph, (node, out) => {
    const kept = neutral(node, out) ?? noop(node, out)
    return kept ?? out.add(composed(node, out))
  })
}

const spec = (out: Rewriter, i: number) => out.nodes[i]!.outputs[0]!

/** A view or cast that changes nothing. */
export function noop(node: IRNode, out: Rewriter): number | null {
  const [x] = node.inputs
  if (x === undefined || node.leaf) return null
  const from = spec(out, x)
  const to = node.outputs[0]!
  switch (node.row.name) {
    case 'identity':
    case 'checkpoint':
    case 'customGrad':
      return x
    case 'cast': {
      if (from.dtype === to.dtype) return x
      // There and back again through a dtype that holds all values of the first.
      const inner = out.nodes[x]!
      if (inner.row.name !== 'cast' || inner.leaf) return null
      const start = spec(out, inner.inputs[0]!)
      return start.dtype === to.dtype && holds(from.dtype, start.dtype) ? inner.inputs[0]! : null
    }
    case 'reshape':
    case 'expand':
      return sameShape(from.shape, to.shape) ? x : null
    case 'permute':
      return (node.attrs as { axes: readonly number[] }).axes.every((axis, i) => axis === i) ? x : null
    default:
      return null
  }
}

function holds(wide: DType, narrow: DType): boolean {
  if (isFloat(narrow)) return isFloat(wide) && bytesOf(wide) > bytesOf(narrow) && !isNarrow(wide)
  return false
}

/** Views of views as one. */
export function composed(node: IRNode, out: Rewriter): IRNode {
  const inner = node.inputs.length === 1 ? out.nodes[node.inputs[0]!]! : null
  if (!inner || inner.leaf || inner.row !== node.row) return node
  switch (node.row.name) {
    case 'reshape':
    case 'expand':
      return { ...node, inputs: inner.inputs }
    case 'permute': {
      const outer = (node.attrs as { axes: number[] }).axes
      const axes = outer.map((axis) => (inner.attrs as { axes: number[] }).axes[axis]!)
      return { ...node, inputs: inner.inputs, attrs: { axes }, attrsKey: axes.join() }
    }
    default:
      return node
  }
}

/** x * 1, x / 1, x - 0, x ** 1 with constants of the structure; exact for every x, NaN and -0 too. */
function neutral(node: IRNode, out: Rewriter): number | null {
  if (node.inputs.length !== 2 || node.leaf) return null
  const [a, b] = node.inputs as [number, number]
  const isConstant = (i: number, value: number) => {
    const leaf = out.nodes[i]!.leaf
    return leaf?.kind === 'constant' && Object.is(leaf.value, value)
  }
  const shape = node.outputs[0]!.shape
  const fits = (i: number) => sameShape(spec(out, i).shape, shape)
  switch (node.row.name) {
    case 'mul':
      if (isConstant(b, 1) && fits(a)) return a
      return isConstant(a, 1) && fits(b) ? b : null
    case 'div':
    case 'pow':
      return isConstant(b, 1) && fits(a) ? a : null
    case 'sub':
      return isConstant(b, 0) && fits(a) ? a : null
    default:
      return null
  }
}
