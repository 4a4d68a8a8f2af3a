/** @file Convolutions, their transposes, unfold and fold. */
import * as t from '../../../../lib/index.ts'
import type { Args, Calls } from '../adapter.ts'

const options = ({ stride, padding, dilation, groups }: Args) => ({ stride, padding, dilation, groups })
const back = ({ stride, padding, output_padding, groups, dilation }: Args) => ({
  stride,
  padding,
  outputPadding: output_padding,
  groups,
  dilation,
})
const windows = ({ dilation, padding, stride }: Args) => ({ dilation, padding, stride })

export const calls: Calls = {
  'torch.nn.functional.conv1d': (a) => t.conv1d(a.input, a.weight, a.bias, options(a)),
  'torch.nn.functional.conv2d': (a) => t.conv2d(a.input, a.weight, a.bias, options(a)),
  'torch.nn.functional.conv3d': (a) => t.conv3d(a.input, a.weight, a.bias, options(a)),
  'torch.nn.functional.conv_transpose1d': (a) => t.convTranspose1d(a.input, a.weight, a.bias, back(a)),
  'torch.nn.functional.conv_transpose2d': (a) => t.convTranspose2d(a.input, a.weight, a.bias, back(a)),
  'torch.nn.functional.conv_transpose3d': (a) => t.convTranspose3d(a.input, a.weight, a.bias, back(a)),
  'torch.nn.functional.unfold': (a) => t.unfold(a.input, a.kernel_size, windows(a)),
  'torch.nn.functional.fold': (a) => t.fold(a.input, a.output_size, a.kernel_size, windows(a)),
}
