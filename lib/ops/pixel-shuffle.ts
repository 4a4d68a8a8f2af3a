/** @file Elements moved between channels and places. */
import { checkInteger, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { permute, reshape } from './layout.ts'
import { asTensor } from './table.ts'
import type { TensorLike } from './table.ts'

/** [..., C r^2, H, W] -> [..., C, H r, W r] with r = upscaleFactor: channels become places (Shi et al. 2016). */
export function pixelShuffle(x: TensorLike, upscaleFactor: number): Tensor {
  const { t, lead, c, h, w } = imageOf('pixelShuffle', x)
  const r = checkInteger('pixelShuffle', 'upscaleFactor', upscaleFactor, 1)
  if (c % (r * r) !== 0) fail('SHAPE', 'pixelShuffle', `channels must be a multiple of ${r * r}, got ${c}.`)
  const k = lead.length
  const axes = [...lead.keys(), k, k + 3, k + 1, k + 4, k + 2]
  const parts = reshape(t, [...lead, c / (r * r), r, r, h, w])
  return reshape(permute(parts, axes), [...lead, c / (r * r), h * r, w * r])
}

/** The inverse of pixelShuffle: [..., C, H r, W r] -> [..., C r^2, H, W] with r = downscaleFactor. */
export function pixelUnshuffle(x: TensorLike, downscaleFactor: number): Tensor {
  const { t, lead, c, h, w } = imageOf('pixelUnshuffle', x)
  const r = checkInteger('pixelUnshuffle', 'downscaleFactor', downscaleFactor, 1)
  if (h % r !== 0 || w % r !== 0)
    fail('SHAPE', 'pixelUnshuffle', `height and width must be multiples of ${r}, got ${showShape([h, w])}.`)
  const k = lead.length
  const parts = reshape(t, [...lead, c, h / r, r, w / r, r])
  return reshape(permute(parts, [...lead.keys(), k, k + 2, k + 4, k + 1, k + 3]), [...lead, c * r * r, h / r, w / r])
}

/** Channels of [B, C, ...] dealt out over groups: channel g C / groups + i goes to i groups + g (Zhang et al. 2018). */
export function channelShuffle(x: TensorLike, groups: number): Tensor {
  const t = asTensor('channelShuffle', x)
  if (t.rank < 3) fail('SHAPE', 'channelShuffle', `needs [B, C, ...], got ${showShape(t.shape)}.`)
  const [b, c, ...rest] = t.shape as [number, number, ...number[]]
  checkInteger('channelShuffle', 'groups', groups, 1)
  if (c % groups !== 0) fail('SHAPE', 'channelShuffle', `groups must divide the channels, got ${groups} and ${c}.`)
  const parts = reshape(t, [b, groups, c / groups, ...rest])
  return reshape(permute(parts, [0, 2, 1, ...rest.map((_, i) => i + 3)]), t.shape)
}

function imageOf(op: string, x: TensorLike) {
  const t = asTensor(op, x)
  if (t.rank < 3) fail('SHAPE', op, `needs [..., C, H, W], got ${showShape(t.shape)}.`)
  const [c, h, w] = t.shape.slice(-3) as [number, number, number]
  return { t, lead: t.shape.slice(0, -3), c, h, w }
}
