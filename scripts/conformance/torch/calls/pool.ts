/** @file Pooling. */
import * as t from '../../../../lib/index.ts'
import type { Args, Calls, Result } from '../adapter.ts'

const greatest = ({ stride, padding, dilation, ceil_mode }: Args) => ({
  stride,
  padding,
  dilation,
  ceilMode: ceil_mode,
})
const means = ({ stride, padding, ceil_mode, count_include_pad, divisor_override }: Args) => ({
  stride,
  padding,
  ceilMode: ceil_mode,
  countIncludePad: count_include_pad,
  divisorOverride: divisor_override ?? undefined,
})
const powers = ({ stride, ceil_mode }: Args) => ({ stride, ceilMode: ceil_mode })
const back = ({ stride, padding, output_size }: Args) => ({ stride, padding, outputSize: output_size })

const pair = ({ values, indices }: t.ValuesAndIndices, { return_indices }: Args): Result =>
  return_indices ? [values, indices] : values

export const calls: Calls = {
  'torch.nn.functional.max_pool1d': (a) => pair(t.maxPool1dWithIndices(a.input, a.kernel_size, greatest(a)), a),
  'torch.nn.functional.max_pool2d': (a) => pair(t.maxPool2dWithIndices(a.input, a.kernel_size, greatest(a)), a),
  'torch.nn.functional.max_pool3d': (a) => pair(t.maxPool3dWithIndices(a.input, a.kernel_size, greatest(a)), a),
  'torch.nn.functional.avg_pool1d': (a) => t.avgPool1d(a.input, a.kernel_size, means(a)),
  'torch.nn.functional.avg_pool2d': (a) => t.avgPool2d(a.input, a.kernel_size, means(a)),
  'torch.nn.functional.avg_pool3d': (a) => t.avgPool3d(a.input, a.kernel_size, means(a)),
  'torch.nn.functional.adaptive_avg_pool1d': (a) => t.adaptiveAvgPool1d(a.input, a.output_size),
  'torch.nn.functional.adaptive_avg_pool2d': (a) => t.adaptiveAvgPool2d(a.input, a.output_size),
  'torch.nn.functional.adaptive_avg_pool3d': (a) => t.adaptiveAvgPool3d(a.input, a.output_size),
  'torch.nn.functional.adaptive_max_pool1d': (a) => pair(t.adaptiveMaxPool1dWithIndices(a.input, a.output_size), a),
  'torch.nn.functional.adaptive_max_pool2d': (a) => pair(t.adaptiveMaxPool2dWithIndices(a.input, a.output_size), a),
  'torch.nn.functional.adaptive_max_pool3d': (a) => pair(t.adaptiveMaxPool3dWithIndices(a.input, a.output_size), a),
  'torch.nn.functional.lp_pool1d': (a) => t.lpPool1d(a.input, a.norm_type, a.kernel_size, powers(a)),
  'torch.nn.functional.lp_pool2d': (a) => t.lpPool2d(a.input, a.norm_type, a.kernel_size, powers(a)),
  'torch.nn.functional.max_unpool1d': (a) => t.maxUnpool1d(a.input, a.indices, a.kernel_size, back(a)),
  'torch.nn.functional.max_unpool2d': (a) => t.maxUnpool2d(a.input, a.indices, a.kernel_size, back(a)),
  'torch.nn.functional.max_unpool3d': (a) => t.maxUnpool3d(a.input, a.indices, a.kernel_size, back(a)),
}
