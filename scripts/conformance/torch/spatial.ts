/** @file PyTorch's modules of convolution, pooling, normalisation over channels, resizing, borders and dropout. */
import { nn } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { layer, module } from './adapter.ts'
import type { Args, Modules } from './adapter.ts'

type Make<M, O> = new (first: never, second: never, kernelSize: never, options: O) => M

const conv = <M extends nn.Layer>(Layer: Make<M, object>) =>
  layer(
    ({ in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode }) =>
      new Layer(in_channels, out_channels, kernel_size, {
        stride,
        padding,
        dilation,
        groups,
        bias,
        paddingMode: padding_mode,
      }),
  )

const convTranspose = <M extends nn.Layer>(Layer: Make<M, object>) =>
  layer(
    ({ in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation }) =>
      new Layer(in_channels, out_channels, kernel_size, {
        stride,
        padding,
        outputPadding: output_padding,
        groups,
        bias,
        dilation,
      }),
  )

const statistics = <M extends nn.Layer>(Layer: new (numFeatures: never, options: object) => M) =>
  layer(
    ({ num_features, eps, momentum, affine, track_running_stats }) =>
      new Layer(num_features, { eps, momentum, affine, trackRunningStats: track_running_stats }),
  )

type Pool<M> = new (kernelSize: never, options: object) => M

const maxPool = <M extends nn.Layer>(Layer: Pool<M>) =>
  layer(
    ({ kernel_size, stride, padding, dilation, ceil_mode }) =>
      new Layer(kernel_size, { stride, padding, dilation, ceilMode: ceil_mode }),
  )

const avgPool = <M extends nn.Layer>(Layer: Pool<M>) =>
  layer(
    ({ kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override }) =>
      new Layer(kernel_size, {
        stride,
        padding,
        ceilMode: ceil_mode,
        countIncludePad: count_include_pad,
        divisorOverride: divisor_override,
      }),
  )

type Unpool = { forward(x: Tensor, indices: Tensor, outputSize?: never): Tensor }

const maxUnpool = (Layer: Pool<nn.Module>) =>
  module(
    ({ kernel_size, stride, padding }) => new Layer(kernel_size, { stride, padding }),
    (made, { input, indices, output_size }) => (made as Unpool).forward(input, indices, output_size),
  )

const adaptivePool = <M extends nn.Layer>(Layer: new (outputSize: never) => M) =>
  layer(({ output_size }) => new Layer(output_size))

const lpPool = <M extends nn.Layer>(Layer: new (normType: never, kernelSize: never, options: object) => M) =>
  layer(
    ({ norm_type, kernel_size, stride, ceil_mode }) =>
      new Layer(norm_type, kernel_size, { stride, ceilMode: ceil_mode }),
  )

const border = <M extends nn.Layer>(Layer: new (padding: never) => M) => layer(({ padding }) => new Layer(padding))
const constantBorder = <M extends nn.Layer>(Layer: new (padding: never, value: never) => M) =>
  layer(({ padding, value }) => new Layer(padding, value))
const drop = <M extends nn.Layer>(Layer: new (p: never) => M) => layer(({ p }) => new Layer(p))
const windows = ({ dilation, padding, stride }: Args) => ({ dilation, padding, stride })

export const spatial: Modules = {
  'torch.nn.Conv1d': conv(nn.Conv1d),
  'torch.nn.Conv2d': conv(nn.Conv2d),
  'torch.nn.Conv3d': conv(nn.Conv3d),
  'torch.nn.ConvTranspose1d': convTranspose(nn.ConvTranspose1d),
  'torch.nn.ConvTranspose2d': convTranspose(nn.ConvTranspose2d),
  'torch.nn.ConvTranspose3d': convTranspose(nn.ConvTranspose3d),
  'torch.nn.BatchNorm1d': statistics(nn.BatchNorm1d),
  'torch.nn.BatchNorm2d': statistics(nn.BatchNorm2d),
  'torch.nn.BatchNorm3d': statistics(nn.BatchNorm3d),
  'torch.nn.InstanceNorm1d': statistics(nn.InstanceNorm1d),
  'torch.nn.InstanceNorm2d': statistics(nn.InstanceNorm2d),
  'torch.nn.InstanceNorm3d': statistics(nn.InstanceNorm3d),
  'torch.nn.GroupNorm': layer(
    ({ num_groups, num_channels, eps, affine }) => new nn.GroupNorm(num_groups, num_channels, { eps, affine }),
  ),
  'torch.nn.LocalResponseNorm': layer(({ size, alpha, beta, k }) => new nn.LocalResponseNorm(size, { alpha, beta, k })),
  'torch.nn.RMSNorm': layer(
    ({ normalized_shape, eps, elementwise_affine }) =>
      new nn.RMSNorm(normalized_shape, { eps, elementwiseAffine: elementwise_affine }),
  ),
  'torch.nn.MaxPool1d': maxPool(nn.MaxPool1d),
  'torch.nn.MaxPool2d': maxPool(nn.MaxPool2d),
  'torch.nn.MaxPool3d': maxPool(nn.MaxPool3d),
  'torch.nn.AvgPool1d': avgPool(nn.AvgPool1d),
  'torch.nn.AvgPool2d': avgPool(nn.AvgPool2d),
  'torch.nn.AvgPool3d': avgPool(nn.AvgPool3d),
  'torch.nn.MaxUnpool1d': maxUnpool(nn.MaxUnpool1d),
  'torch.nn.MaxUnpool2d': maxUnpool(nn.MaxUnpool2d),
  'torch.nn.MaxUnpool3d': maxUnpool(nn.MaxUnpool3d),
  'torch.nn.AdaptiveAvgPool1d': adaptivePool(nn.AdaptiveAvgPool1d),
  'torch.nn.AdaptiveAvgPool2d': adaptivePool(nn.AdaptiveAvgPool2d),
  'torch.nn.AdaptiveAvgPool3d': adaptivePool(nn.AdaptiveAvgPool3d),
  'torch.nn.AdaptiveMaxPool1d': adaptivePool(nn.AdaptiveMaxPool1d),
  'torch.nn.AdaptiveMaxPool2d': adaptivePool(nn.AdaptiveMaxPool2d),
  'torch.nn.AdaptiveMaxPool3d': adaptivePool(nn.AdaptiveMaxPool3d),
  'torch.nn.LPPool1d': lpPool(nn.LPPool1d),
  'torch.nn.LPPool2d': lpPool(nn.LPPool2d),
  'torch.nn.Upsample': layer(
    ({ size, scale_factor, mode, align_corners, recompute_scale_factor }) =>
      new nn.Upsample({
        size: size ?? undefined,
        scaleFactor: scale_factor ?? undefined,
        mode,
        alignCorners: align_corners ?? undefined,
        recomputeScaleFactor: recompute_scale_factor ?? undefined,
      }),
  ),
  'torch.nn.PixelShuffle': layer(({ upscale_factor }) => new nn.PixelShuffle(upscale_factor)),
  'torch.nn.PixelUnshuffle': layer(({ downscale_factor }) => new nn.PixelUnshuffle(downscale_factor)),
  'torch.nn.ChannelShuffle': layer(({ groups }) => new nn.ChannelShuffle(groups)),
  'torch.nn.Unfold': layer((a) => new nn.Unfold(a.kernel_size, windows(a))),
  'torch.nn.Fold': layer((a) => new nn.Fold(a.output_size, a.kernel_size, windows(a))),
  'torch.nn.ZeroPad1d': border(nn.ZeroPad1d),
  'torch.nn.ZeroPad2d': border(nn.ZeroPad2d),
  'torch.nn.ZeroPad3d': border(nn.ZeroPad3d),
  'torch.nn.ConstantPad1d': constantBorder(nn.ConstantPad1d),
  'torch.nn.ConstantPad2d': constantBorder(nn.ConstantPad2d),
  'torch.nn.ConstantPad3d': constantBorder(nn.ConstantPad3d),
  'torch.nn.ReflectionPad1d': border(nn.ReflectionPad1d),
  'torch.nn.ReflectionPad2d': border(nn.ReflectionPad2d),
  'torch.nn.ReflectionPad3d': border(nn.ReflectionPad3d),
  'torch.nn.ReplicationPad1d': border(nn.ReplicationPad1d),
  'torch.nn.ReplicationPad2d': border(nn.ReplicationPad2d),
  'torch.nn.ReplicationPad3d': border(nn.ReplicationPad3d),
  'torch.nn.CircularPad1d': border(nn.CircularPad1d),
  'torch.nn.CircularPad2d': border(nn.CircularPad2d),
  'torch.nn.CircularPad3d': border(nn.CircularPad3d),
  'torch.nn.Dropout': drop(nn.Dropout),
  'torch.nn.Dropout1d': drop(nn.Dropout1d),
  'torch.nn.Dropout2d': drop(nn.Dropout2d),
  'torch.nn.Dropout3d': drop(nn.Dropout3d),
  'torch.nn.AlphaDropout': drop(nn.AlphaDropout),
  'torch.nn.FeatureAlphaDropout': drop(nn.FeatureAlphaDropout),
  'torch.nn.Flatten': layer(({ start_dim, end_dim }) => new nn.Flatten(start_dim, end_dim)),
  'torch.nn.Unflatten': layer(({ dim, unflattened_size }) => new nn.Unflatten(dim, unflattened_size)),
}
