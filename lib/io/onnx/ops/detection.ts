/** @file ONNX's non-maximum suppression: its result's length depends on data, so boxes and scores are read as numbers. */
import type { Tensor } from '../../../graph/tensor.ts'
import { reshape } from '../../../ops/layout.ts'
import type { Node, Ops } from '../node.ts'
import { integers } from './shape.ts'

type Box = readonly [top: number, left: number, bottom: number, right: number]

function boxAt(numbers: ArrayLike<number | bigint>, at: number, isCentred: boolean): Box {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => Number(numbers[at + i])) as [number, number, number, number]
  // Centre and size, or two corners in any order.
  if (isCentred) return [b - d / 2, a - c / 2, b + d / 2, a + c / 2]
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)]
}

/** Intersection over union. */
function overlap([t1, l1, b1, r1]: Box, [t2, l2, b2, r2]: Box): number {
  const height = Math.min(b1, b2) - Math.max(t1, t2)
  const width = Math.min(r1, r2) - Math.max(l1, l2)
  if (height <= 0 || width <= 0) return 0
  const both = height * width
  const union = (b1 - t1) * (r1 - l1) + (b2 - t2) * (r2 - l2) - both
  return union > 0 ? both / union : 0
}

/** Boxes [B, N, 4] and scores [B, C, N] -> [found, 3]: batch, class and box of each that is kept. */
function nonMaxSuppression(node: Node): Tensor {
  const [boxes, scores] = [node.input(0), node.input(1)]
  const [b, c, n] = scores.shape as [number, number, number]
  if (boxes.rank !== 3 || scores.rank !== 3 || boxes.shape[0] !== b || boxes.shape[1] !== n || boxes.shape[2] !== 4)
    return node.refuse(`takes [B, N, 4] and [B, C, N], got [${boxes.shape.join()}] and [${scores.shape.join()}].`)
  const most = node.has(2) ? node.number(2) : 0
  const limit = node.has(3) ? node.number(3) : 0
  const least = node.has(4) ? node.number(4) : -Infinity
  const isCentred = node.flag('center_point_box')
  const [places, values] = [node.numbersOf(0), node.numbersOf(1)]
  const found: number[] = []
  for (let image = 0; image < b; image++) {
    for (let kind = 0; kind < c; kind++) {
      const score = (i: number) => Number(values[(image * c + kind) * n + i])
      const order = Array.from({ length: n }, (_, i) => i)
        .filter((i) => score(i) > least)
        .sort((p, q) => score(q) - score(p) || p - q)
      const kept: Box[] = []
      for (const i of order) {
        if (kept.length >= most) break
        const box = boxAt(places, (image * n + i) * 4, isCentred)
        if (kept.some((other) => overlap(box, other) > limit)) continue
        kept.push(box)
        found.push(image, kind, i)
      }
    }
  }
  return reshape(integers(found), [found.length / 3, 3])
}

export const detection: Ops = { NonMaxSuppression: nonMaxSuppression }
