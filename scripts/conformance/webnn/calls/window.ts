/** @file Convolutions, pools and resizing of images. */
import * as t from '../../../../lib/index.ts'
import type { Args } from '../../torch/adapter.ts'
import type { Call, Calls } from '../adapter.ts'
import { first } from '../operator.ts'

const inChannelsFirst = (x: t.Tensor, layout: string | undefined): t.Tensor =>
  layout === 'nhwc' ? t.permute(x, [0, 3, 1, 2]) : x
const inLayout = (x: t.Tensor, layout: string | undefined): t.Tensor =>
  layout === 'nhwc' ? t.permute(x, [0, 2, 3, 1]) : x
/** A filter with its axes in the order wanted. */
const ordered = (w: t.Tensor, layout: string, wanted: string): t.Tensor =>
  t.permute(
    w,
    Array.from(wanted, (letter) => layout.indexOf(letter)),
  )

const AUTO = { explicit: 'NOTSET', 'same-upper': 'SAME_UPPER', 'same-lower': 'SAME_LOWER' }
const autoOf = (autoPad: string | undefined): string => AUTO[(autoPad ?? 'explicit') as keyof typeof AUTO]

/** WebNN has top, bottom, left, right. */
function padsOf(padding: readonly number[] | undefined): readonly number[] | undefined {
  if (!padding) return undefined
  const [top, bottom, left, right] = padding as [number, number, number, number]
  return [top, left, bottom, right]
}

const windowsOf = ({ padding, strides, dilations, autoPad }: Args) => ({
  pads: padsOf(padding),
  strides,
  dilations,
  auto_pad: autoOf(autoPad),
})

/** The candidate of the size wanted, which the options leave open. */
function ofSize(candidates: readonly t.Tensor[], sizes: readonly number[]): t.Tensor {
  const found = candidates.find(({ shape }) => shape[2] === sizes[0] && shape[3] === sizes[1])
  if (!found) throw new Error(`no result has the size ${sizes.join()}`)
  return found
}

const pool =
  (name: string, attributes: Readonly<Record<string, number>> = {}): Call =>
  ({ input }, options) => {
    const { windowDimensions, layout, roundingType, outputSizes } = options
    const x = inChannelsFirst(input, layout)
    const kernel = windowDimensions ?? x.shape.slice(2)
    const windows = { ...attributes, ...windowsOf(options), kernel_shape: kernel }
    const rounded = (isCeil: boolean) => first(name, [x], { ...windows, ceil_mode: isCeil })
    const y = outputSizes ? ofSize([rounded(false), rounded(true)], outputSizes) : rounded(roundingType === 'ceil')
    return inLayout(y, layout)
  }

const conv2d: Call = ({ input, filter }, options) => {
  const { bias, groups, inputLayout, filterLayout } = options
  const w = ordered(filter, filterLayout ?? 'oihw', 'oihw')
  const x = inChannelsFirst(input, inputLayout)
  return inLayout(first('Conv', [x, w, bias], { ...windowsOf(options), group: groups }), inputLayout)
}

const convTranspose2d: Call = ({ input, filter }, options) => {
  const { bias, groups, inputLayout, filterLayout, outputPadding, outputSizes, strides } = options
  const w = ordered(filter, filterLayout ?? 'iohw', 'iohw')
  const x = inChannelsFirst(input, inputLayout)
  const padded = (behind: readonly number[] | undefined) =>
    first('ConvTranspose', [x, w, bias], { ...windowsOf(options), group: groups, output_padding: behind })
  if (!outputSizes) return inLayout(padded(outputPadding), inputLayout)
  // The padding behind is what is less than the strides.
  const [below, right] = ((strides as number[] | undefined) ?? [1, 1]).map((n) => [...Array(n).keys()])
  const candidates = below!.flatMap((h) => right!.map((w) => padded([h, w])))
  return inLayout(ofSize(candidates, outputSizes), inputLayout)
}

const MODES = { 'nearest-neighbor': 'nearest', linear: 'linear' }

const resample2d: Call = ({ input }, { mode, scales, sizes, axes = [2, 3] as never }) => {
  const wanted = sizes ? t.tensor(BigInt64Array.from(sizes as number[], BigInt)) : null
  const factors = sizes ? null : t.tensor(scales ?? [1, 1])
  const isLinear = mode === 'linear'
  return first('Resize', [input, null, factors, wanted], {
    axes,
    mode: MODES[(mode ?? 'nearest-neighbor') as keyof typeof MODES],
    coordinate_transformation_mode: isLinear ? 'half_pixel' : 'asymmetric',
    nearest_mode: 'floor',
  })
}

export const calls: Calls = {
  averagePool2d: pool('AveragePool'),
  conv2d,
  convTranspose2d,
  l2Pool2d: pool('LpPool', { p: 2 }),
  maxPool2d: pool('MaxPool'),
  resample2d,
}
