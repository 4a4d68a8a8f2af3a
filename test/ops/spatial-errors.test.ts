/** @file Every error of the ops over signals, images and volumes: its code, and what it says. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { TenonError } from '../../lib/index.ts'
import { bad, f, i, testErrors } from '../support/error-rows.ts'
import type { ErrorRow } from '../support/error-rows.ts'
import { suite } from '../support/suite.ts'

const test = suite('spatial errors')

const convolutions: ErrorRow[] = [
  ['conv1d', () => ops.conv1d(f(3), f(1, 1, 1)), 'SHAPE', /\[B, C, L\] and \[O, C, K\], got \[3\]/],
  ['conv1d', () => ops.conv1d(f(1, 1, 3), f(1, 1, 1), null, { stride: bad([1, 1]) }), 'VALUE', /one number or 1/],
  ['conv3d', () => ops.conv3d(f(1, 1, 3), f(1, 1, 1)), 'SHAPE', /\[O, C, KD, KH, KW\]/],
  ['conv3d', () => ops.conv3d(f(1, 1, 2, 2, 2), f(1, 1, 1, 1, 3)), 'SHAPE', /kernel \[1, 1, 3\] does not fit/],
  ['convTranspose1d', () => ops.convTranspose1d(f(1, 2, 3), f(1, 2, 3)), 'SHAPE', /channels must fit/],
  [
    'convTranspose2d',
    () => ops.convTranspose2d(f(1, 1, 2, 2), f(1, 1, 2, 2), null, { outputPadding: [0, 1] }),
    'VALUE',
    /less than the stride or the dilation, got \[0, 1\]/,
  ],
  [
    'convTranspose2d',
    () => ops.convTranspose2d(f(1, 1, 1, 1), f(1, 1, 2, 2), null, { padding: 1 }),
    'SHAPE',
    /leaves nothing/,
  ],
  ['convTranspose3d', () => ops.convTranspose3d(f(2, 2), f(2)), 'SHAPE', /\[B, C, D, H, W\]/],
  [
    'convTranspose2d',
    () => ops.convTranspose2d(f(1, 1, 2, 2), f(1, 2, 2, 2), f(3)),
    'SHAPE',
    /bias must be \[2\], got \[3\]/,
  ],
  [
    'convTranspose2d',
    () => ops.convTranspose2d(f(1, 1, 2, 2), f(1, 1, 2, 2), null, bad({ paddings: 1 })),
    'OPTION',
    /mean 'padding'/,
  ],
  ['unfold', () => ops.unfold(f(2, 2), 1), 'SHAPE', /\[B, C, H, W\] or \[C, H, W\]/],
  ['unfold', () => ops.unfold(f(1, 2, 2), 3), 'SHAPE', /kernel \[3, 3\] does not fit into \[2, 2\]/],
  ['fold', () => ops.fold(f(1, 3, 4), [2, 2], [1, 2]), 'SHAPE', /needs \[B, C 2, 2\]/],
  ['fold', () => ops.fold(f(1, 4, 4), 2, 0), 'VALUE', /kernelSize must be/],
]

const pools: ErrorRow[] = [
  ['maxPool3d', () => ops.maxPool3d(f(2, 2, 2), 2), 'SHAPE', /\[B, C, D, H, W\] or/],
  ['avgPool1d', () => ops.avgPool1d(f(1, 2), 3), 'SHAPE', /window \[3\] does not fit into \[2\]/],
  ['avgPool3d', () => ops.avgPool3d(f(1, 2, 2, 2), 2, { divisorOverride: 0 }), 'VALUE', /divisorOverride must be/],
  ['adaptiveAvgPool2d', () => ops.adaptiveAvgPool2d(f(1, 2, 2), [1]), 'VALUE', /one number or 2/],
  ['adaptiveMaxPool1d', () => ops.adaptiveMaxPool1d(f(1, 2), 0), 'VALUE', /outputSize must be/],
  ['lpPool2d', () => ops.lpPool2d(f(1, 2, 2), 0, 2), 'VALUE', /p must be a number above 0/],
  ['lpPool1d', () => ops.lpPool1d(f(1, 2), 2, 2, bad({ padding: 1 })), 'OPTION', /It takes: stride, ceilMode/],
  ['maxUnpool1d', () => ops.maxUnpool1d(f(1, 2), i(1, 3), 2), 'SHAPE', /one shape, got \[1, 2\] and \[1, 3\]/],
]

const resampling: ErrorRow[] = [
  ['interpolate', () => ops.interpolate(f(1, 1, 2)), 'VALUE', /either size or scaleFactor/],
  ['interpolate', () => ops.interpolate(f(1, 2), { size: 2 }), 'SHAPE', /1 to 3 more axes/],
  ['interpolate', () => ops.interpolate(i(1, 1, 2), { size: 2 }), 'DTYPE', /needs floats, got i64/],
  ['interpolate', () => ops.interpolate(f(1, 1, 0), { size: 2 }), 'SHAPE', /nothing to read/],
  [
    'interpolate',
    () => ops.interpolate(f(1, 1, 2), { size: 2, mode: bad('cubic') }),
    'VALUE',
    /mode is one of nearest,/,
  ],
  ['interpolate', () => ops.interpolate(f(1, 1, 2), { size: 2, mode: 'bilinear' }), 'SHAPE', /is for \[B, C, H, W\]/],
  ['interpolate', () => ops.interpolate(f(1, 1, 2), { size: 2, alignCorners: true }), 'VALUE', /no alignCorners/],
  ['interpolate', () => ops.interpolate(f(1, 1, 2), { size: 2, antialias: true }), 'VALUE', /antialias is for/],
  ['interpolate', () => ops.interpolate(f(1, 1, 2), { size: 2, recomputeScaleFactor: true }), 'VALUE', /goes with/],
  ['interpolate', () => ops.interpolate(f(1, 1, 2), { scaleFactor: -1 }), 'VALUE', /one positive number or 1/],
  ['interpolate', () => ops.interpolate(f(1, 1, 2), { scaleFactor: 0.1 }), 'VALUE', /the scaled size must be/],
  ['pad', () => ops.pad(f(2), [1, 1, 1]), 'VALUE', /two numbers an axis/],
  ['pad', () => ops.pad(f(1, 2), [2, 0], { mode: 'reflect' }), 'SHAPE', /at most 1 elements for axis 1/],
  ['pad', () => ops.pad(f(1, 2), [3, 0], { mode: 'circular' }), 'SHAPE', /at most 2 elements/],
  ['pad', () => ops.pad(f(1, 0), [1, 0], { mode: 'replicate' }), 'SHAPE', /at most 0 elements/],
  ['pad', () => ops.pad(f(1, 2), [1, 0], { mode: 'circular', value: 1 }), 'VALUE', /value goes with/],
  ['pixelShuffle', () => ops.pixelShuffle(f(3, 2, 2), 2), 'SHAPE', /multiple of 4, got 3/],
  ['pixelUnshuffle', () => ops.pixelUnshuffle(f(3, 2, 3), 2), 'SHAPE', /multiples of 2, got \[2, 3\]/],
  ['pixelUnshuffle', () => ops.pixelUnshuffle(f(2, 3), 2), 'SHAPE', /\[..., C, H, W\]/],
  ['channelShuffle', () => ops.channelShuffle(f(1, 3, 2), 2), 'SHAPE', /groups must divide/],
  ['channelShuffle', () => ops.channelShuffle(f(4, 2), 2), 'SHAPE', /\[B, C, ...\]/],
  ['gridSample', () => ops.gridSample(f(1, 1, 2, 2), f(1, 2, 2, 3)), 'SHAPE', /\[B, OH, OW, 2\]/],
  ['gridSample', () => ops.gridSample(f(1, 1, 0, 2), f(1, 2, 2, 2)), 'SHAPE', /nothing to read/],
  ['gridSample', () => ops.gridSample(f(1, 1, 2, 2), i(1, 2, 2, 2)), 'DTYPE', /one dtype, got f32 and i64/],
  [
    'gridSample',
    () => ops.gridSample(f(1, 1, 2, 2, 2), f(1, 1, 1, 1, 3), { mode: 'bicubic' }),
    'VALUE',
    /\(for images\) 'bicubic'/,
  ],
  [
    'gridSample',
    () => ops.gridSample(f(1, 1, 2, 2), f(1, 1, 1, 2), { paddingMode: bad('reflect') }),
    'VALUE',
    /paddingMode is/,
  ],
  ['affineGrid', () => ops.affineGrid(f(1, 2, 3), [1, 1, 2]), 'SHAPE', /\[B, 2, 3\] and \[B, C, H, W\]/],
]

const others: ErrorRow[] = [
  ['groupNorm', () => ops.groupNorm(f(1, 3), 2), 'SHAPE', /numGroups must divide/],
  ['groupNorm', () => ops.groupNorm(f(1, 4), 2, { weight: f(3) }), 'SHAPE', /weight must be \[4\], got \[3\]/],
  ['groupNorm', () => ops.groupNorm(i(1, 4), 2), 'SHAPE', /needs floats/],
  ['instanceNorm', () => ops.instanceNorm(f(1, 2, 1)), 'SHAPE', /more than one value/],
  ['instanceNorm', () => ops.instanceNorm(f(1, 2, 3), { useInputStats: false }), 'VALUE', /needs running statistics/],
  ['instanceNorm', () => ops.instanceNorm(f(1, 2, 3), { runningMean: f(2) }), 'VALUE', /must be variables/],
  ['batchNorm', () => ops.batchNorm(f(4, 2), { runningMean: f(2), training: true }), 'VALUE', /must be variables/],
  ['localResponseNorm', () => ops.localResponseNorm(f(1, 2, 3), 0), 'VALUE', /size must be/],
  ['rmsNorm', () => ops.rmsNorm(f(2, 3), [2]), 'SHAPE', /last axes of x must be \[2\]/],
  ['rmsNorm', () => ops.rmsNorm(f(2, 3), [3], { weight: f(2) }), 'SHAPE', /weight must be \[3\]/],
  ['rmsNorm', () => ops.rmsNorm(i(2, 3), [3]), 'DTYPE', /needs floats/],
  ['dropout2d', () => ops.dropout2d(f(2, 3)), 'SHAPE', /\[B, C, H, W\] or \[C, H, W\]/],
  ['dropout1d', () => ops.dropout1d(f(2, 3), 2), 'VALUE', /lies in \[0, 1\]/],
  ['alphaDropout', () => ops.alphaDropout(i(2)), 'DTYPE', /needs floats/],
]

testErrors(test, [...convolutions, ...pools, ...resampling, ...others], (title) => title)

test('maxUnpool2d: an index out of range is found while running', () => {
  const y = ops.maxUnpool2d(ops.ones([1, 1, 1]), ops.tensor([[[9n]]]), 2)
  assert.throws(
    () => ops.evaluateSync(y),
    (error: unknown) => error instanceof TenonError && error.code === 'INDEX',
  )
})
