/** @file Interpolation, borders, shuffles, sampling at a grid. */
import * as t from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

export const calls: Calls = {
  'torch.nn.functional.interpolate': (a) =>
    t.interpolate(a.input, {
      size: a.size ?? undefined,
      scaleFactor: a.scale_factor ?? undefined,
      mode: a.mode,
      alignCorners: a.align_corners ?? undefined,
      recomputeScaleFactor: a.recompute_scale_factor ?? undefined,
      antialias: a.antialias,
    }),
  'torch.nn.functional.pad': (a) => t.pad(a.input, a.pad, { mode: a.mode, value: a.value ?? undefined }),
  'torch.nn.functional.pixel_shuffle': (a) => t.pixelShuffle(a.input, a.upscale_factor),
  'torch.nn.functional.pixel_unshuffle': (a) => t.pixelUnshuffle(a.input, a.downscale_factor),
  'torch.nn.functional.channel_shuffle': (a) => t.channelShuffle(a.input, a.groups),
  'torch.nn.functional.grid_sample': (a) =>
    t.gridSample(a.input, a.grid, { mode: a.mode, paddingMode: a.padding_mode, alignCorners: a.align_corners }),
  'torch.nn.functional.affine_grid': (a) => t.affineGrid(a.theta, a.size, { alignCorners: a.align_corners }),
}
