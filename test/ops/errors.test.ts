/** @file Every error that the ops throw when they are called: its code, and what it says. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { TenonError, Variable } from '../../lib/index.ts'
import type { ErrorCode } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('errors')

const f = (...shape: number[]) => ops.zeros(shape)
const i = (...shape: number[]) => ops.zeros(shape, { dtype: 'i64' })
const b = (...shape: number[]) => ops.zeros(shape, { dtype: 'bool' })
const d = (...shape: number[]) => ops.zeros(shape, { dtype: 'f64' })
const bad = (x: unknown) => x as never

type Row = [title: string, fn: () => unknown, code: ErrorCode, says: RegExp]

const elementwise: Row[] = [
  ['add: shapes', () => ops.add(f(2, 3), f(2)), 'SHAPE', /must broadcast, got \[2, 3\] and \[2\]/],
  ['add: bools', () => ops.add(b(2), b(2)), 'DTYPE', /does not take bool.*Cast/],
  ['add: no tensor', () => ops.add(bad('x'), f(1)), 'VALUE', /needs a tensor, got string/],
  ['add: null', () => ops.add(f(1), bad(null)), 'VALUE', /needs a tensor, got null/],
  ['add: a bigint that no number holds', () => ops.add(i(1), 2n ** 60n + 1n), 'VALUE', /does not fit a scalar exactly/],
  ['neg: bool', () => ops.neg(b(1)), 'DTYPE', /does not take bool/],
  ['bitwiseAnd: floats', () => ops.bitwiseAnd(f(1), f(1)), 'DTYPE', /does not take f32/],
  ['shiftLeft: bools', () => ops.shiftLeft(b(1), b(1)), 'DTYPE', /does not take bool/],
  ['pow: bools', () => ops.pow(b(1), b(1)), 'DTYPE', /does not take bool/],
  ['where: condition', () => ops.where(f(1), 1, 2), 'DTYPE', /condition must be bool, got f32/],
  ['where: shapes', () => ops.where(b(3), f(2), f(3)), 'SHAPE', /must broadcast/],
  ['clamp: no limit', () => ops.clamp(f(1)), 'VALUE', /low or a high limit/],
  [
    'gelu: approximate',
    () => ops.gelu(f(1), { approximate: bad('sigmoid') }),
    'VALUE',
    /'none' or 'tanh', got sigmoid/,
  ],
  ['gelu: unknown option', () => ops.gelu(f(1), bad({ aproximate: 'tanh' })), 'OPTION', /Did you mean 'approximate'/],
  ['add: option', () => ops.add(f(1), f(1), bad({ alfa: 2 })), 'OPTION', /Did you mean 'alpha'/],
  ['div: mode', () => ops.div(f(1), f(1), { roundingMode: bad('up') }), 'VALUE', /'trunc', 'floor' or null, got up/],
  ['round: decimals', () => ops.round(f(1), { decimals: 1.5 }), 'VALUE', /decimals must be an integer/],
  ['round: decimals of integers', () => ops.round(i(1), { decimals: 1 }), 'DTYPE', /floats only, got i64/],
  ['softplus: option', () => ops.softplus(f(1), bad({ bet: 1 })), 'OPTION', /Did you mean 'beta'/],
  ['celu: alpha', () => ops.celu(f(1), { alpha: 0 }), 'VALUE', /alpha must not be 0/],
  ['hardtanh: limits', () => ops.hardtanh(f(1), { minVal: 2 }), 'VALUE', /minVal must be below maxVal, got 2 and 1/],
  ['softshrink: lambd', () => ops.softshrink(f(1), { lambd: -1 }), 'VALUE', /lambd must be >= 0, got -1/],
  ['prelu: weight', () => ops.prelu(f(2, 3), f(2)), 'SHAPE', /\[1\] or \[3\] for \[2, 3\], got \[2\]/],
  ['glu: odd', () => ops.glu(f(2, 3)), 'SHAPE', /even number along axis -1, got \[2, 3\]/],
  ['glu: axis', () => ops.glu(f(2), 1), 'AXIS', /in \[-1, 0\], got 1/],
  ['logit: eps', () => ops.logit(f(1), { eps: 0.7 }), 'VALUE', /eps must lie in \[0, 0.5\], got 0.7/],
  ['polygamma: order', () => ops.polygamma(-1, f(1)), 'VALUE', /n must be an integer >= 0, got -1/],
  ['multigammaln: dimension', () => ops.multigammaln(f(1), 0), 'VALUE', /p must be an integer >= 1, got 0/],
  ['gcd: floats', () => ops.gcd(f(1), f(1)), 'DTYPE', /does not take f32/],
  ['isClose: tolerance', () => ops.isClose(f(1), f(1), { rtol: -1 }), 'VALUE', /must be >= 0, got -1/],
  ['nanToNum: option', () => ops.nanToNum(f(1), bad({ inf: 1 })), 'OPTION', /unknown option 'inf'/],
  ['cast: unknown dtype', () => ops.cast(f(1), bad('float')), 'DTYPE', /no dtype 'float'/],
]

const reductions: Row[] = [
  ['sum: axis', () => ops.sum(f(2, 3), 2), 'AXIS', /in \[-2, 1\], got 2/],
  ['sum: axis of a scalar', () => ops.sum(f(), 0), 'AXIS', /scalar has no axis/],
  ['sum: twice', () => ops.sum(f(2, 3), [0, -2]), 'AXIS', /given twice/],
  ['sum: fraction', () => ops.sum(f(2, 3), 0.5), 'AXIS', /got 0.5/],
  ['sum: option', () => ops.sum(f(1), 0, bad({ keepdims: true })), 'OPTION', /Did you mean 'keepDims'/],
  ['mean: integers', () => ops.mean(i(1)), 'DTYPE', /needs floats, got i64/],
  ['max: nothing', () => ops.max(f(2, 0), 1), 'SHAPE', /empty axis/],
  ['argMax: nothing', () => ops.argMax(f(0)), 'SHAPE', /empty axis/],
  ['any: option', () => ops.any(b(1), 0, bad({ keep: true })), 'OPTION', /unknown option 'keep'/],
  [
    'variance: option',
    () => ops.variance(f(2), 0, bad({ unbiased: true })),
    'OPTION',
    /It takes: keepDims, correction/,
  ],
  ['variance: integers', () => ops.variance(i(2)), 'DTYPE', /needs floats/],
  ['logSumExp: integers', () => ops.logSumExp(i(2)), 'DTYPE', /needs floats/],
  ['norm: p', () => ops.norm(f(2), bad('max')), 'VALUE', /p is a number, got max/],
  ['norm: nuc of a vector', () => ops.norm(f(2), 'nuc'), 'AXIS', /'nuc' needs two axes, got 1/],
]

const layout: Row[] = [
  ['reshape: sizes', () => ops.reshape(f(2, 3), [4]), 'SHAPE', /\[2, 3\] \(6 elements\) and \[4\]/],
  ['reshape: two holes', () => ops.reshape(f(2, 3), [-1, -1]), 'SHAPE', /sizes must agree/],
  ['reshape: hole that does not fit', () => ops.reshape(f(2, 3), [4, -1]), 'SHAPE', /sizes must agree/],
  ['reshape: fraction', () => ops.reshape(f(2), [1, 2.5]), 'VALUE', /integer >= 0, got 2.5/],
  ['reshape: rank', () => ops.reshape(f(1), new Array<number>(9).fill(1)), 'SHAPE', /at most 8 dimensions/],
  ['flatten: order', () => ops.flatten(f(2, 3), 1, 0), 'AXIS', /start must not be after end/],
  ['unsqueeze: axis', () => ops.unsqueeze(f(2), 2), 'AXIS', /in \[-2, 1\], got 2/],
  ['squeeze: axis', () => ops.squeeze(f(2), 1), 'AXIS', /got 1/],
  ['permute: missing', () => ops.permute(f(2, 3), [0]), 'AXIS', /each of 2 axes once/],
  ['permute: twice', () => ops.permute(f(2, 3), [0, 0]), 'AXIS', /each of 2 axes once/],
  ['transpose: vector', () => ops.transpose(f(2)), 'AXIS', /got -2/],
  ['expand: size', () => ops.expand(f(2), [3]), 'SHAPE', /only axes of size 1/],
  ['expand: fewer axes', () => ops.expand(f(1, 2), [2]), 'SHAPE', /only axes of size 1/],
  ['expand: new axis -1', () => ops.expand(f(2), [-1, 2]), 'VALUE', /integer >= 0, got -1/],
  ['slice: too many', () => ops.slice(f(2), [null, null]), 'AXIS', /2 ranges for 1 axes/],
  ['slice: position', () => ops.slice(f(2), [2]), 'INDEX', /position 2 is out of range for axis 0 of size 2/],
  ['slice: step 0', () => ops.slice(f(2), [[0, 1, 0]]), 'VALUE', /not 0, got 0/],
  ['slice: bound', () => ops.slice(f(2), [[0.5, 1]]), 'VALUE', /bound is an integer, got 0.5/],
  ['narrow: length', () => ops.narrow(f(3), 0, 1, 3), 'VALUE', /length must be an integer in \[0, 2\], got 3/],
  ['narrow: start', () => ops.narrow(f(3), 0, 4, 0), 'VALUE', /start/],
  ['flip: axis', () => ops.flip(f(2), 1), 'AXIS', /got 1/],
  [
    'pad: axes',
    () =>
      ops.pad(f(2), [
        [0, 0],
        [0, 0],
      ]),
    'AXIS',
    /borders for 2 axes/,
  ],
  ['pad: cuts all', () => ops.pad(f(2), [[-2, -1]]), 'SHAPE', /cuts more than there is/],
  ['pad: fraction', () => ops.pad(f(2), [[0.5, 0]]), 'VALUE', /border is an integer/],
  ['pad: option', () => ops.pad(f(2), [[1, 0]], bad({ values: 1 })), 'OPTION', /Did you mean 'value'/],
  ['pad: mode', () => ops.pad(f(2), [[1, 0]], bad({ mode: 'x' })), 'VALUE', /mode is 'constant'/],
  ['concat: none', () => ops.concat([]), 'VALUE', /at least one tensor/],
  ['concat: scalars', () => ops.concat([f(), f()]), 'SHAPE', /Use stack/],
  ['concat: shapes', () => ops.concat([f(2, 3), f(2, 4)]), 'SHAPE', /agree off axis 0/],
  ['stack: shapes', () => ops.stack([f(2), f(3)]), 'SHAPE', /shapes must be equal, got \[2\], \[3\]/],
  ['stack: none', () => ops.stack([]), 'VALUE', /at least one tensor/],
  ['split: sum', () => ops.split(f(5), [2, 2]), 'SHAPE', /must add up to 5/],
  ['split: length 0', () => ops.split(f(5), 0), 'VALUE', /length must be an integer >= 1/],
  ['split: negative length', () => ops.split(f(5), [6, -1]), 'VALUE', /length must be an integer/],
  ['tile: count', () => ops.tile(f(2), [-1]), 'VALUE', /count must be an integer >= 0/],
  ['tile: rank', () => ops.tile(f(2), new Array<number>(9).fill(1)), 'SHAPE', /at most 8 dimensions/],
  ['tril: vector', () => ops.tril(f(2)), 'SHAPE', /needs a matrix/],
  ['triu: diagonal', () => ops.triu(f(2, 2), 0.5), 'VALUE', /diagonal must be an integer/],
]

const products: Row[] = [
  ['matmul: scalar', () => ops.matmul(f(), f(2, 2)), 'SHAPE', /scalar is no matrix/],
  [
    'matmul: inner sizes',
    () => ops.matmul(f(2, 3), f(2, 3)),
    'SHAPE',
    /inner sizes must agree, got \[2, 3\] and \[2, 3\]/,
  ],
  ['matmul: batches', () => ops.matmul(f(2, 2, 3), f(3, 3, 2)), 'SHAPE', /must broadcast/],
  ['matmul: bools', () => ops.matmul(b(2, 2), b(2, 2)), 'DTYPE', /does not take bool/],
  [
    'matmul: u8',
    () => ops.matmul(ops.zeros([2, 2], { dtype: 'u8' }), ops.zeros([2, 2], { dtype: 'u8' })),
    'DTYPE',
    /does not take u8/,
  ],
  ['linear: sizes', () => ops.linear(f(2, 3), f(4, 2)), 'SHAPE', /inner sizes/],
  ['dot: matrices', () => ops.dot(f(2, 2), f(2)), 'SHAPE', /two vectors/],
  ['solve: square', () => ops.solve(f(2, 3), f(2, 1)), 'SHAPE', /square matrices, got \[2, 3\]/],
  ['solve: integers', () => ops.solve(i(2, 2), i(2, 1)), 'DTYPE', /needs floats/],
  ['solve: b', () => ops.solve(f(2, 2), f(3, 1)), 'SHAPE', /b must be f32 \[\.\.\., 2, k\]/],
  ['solve: dtypes', () => ops.solve(f(2, 2), d(2, 1)), 'SHAPE', /got f64/],
  ['inverse: square', () => ops.inverse(f(2)), 'SHAPE', /square matrices/],
  ['cholesky: square', () => ops.cholesky(f(1, 2)), 'SHAPE', /square matrices/],
]

const windows: Row[] = [
  ['conv2d: ranks', () => ops.conv2d(f(3, 3), f(1, 1, 1, 1)), 'SHAPE', /\[B, C, H, W\] and \[O, C, KH, KW\]/],
  ['conv2d: dtypes', () => ops.conv2d(f(1, 1, 3, 3), d(1, 1, 1, 1)), 'DTYPE', /floats of one dtype, got f32 and f64/],
  ['conv2d: channels', () => ops.conv2d(f(1, 2, 3, 3), f(1, 3, 1, 1)), 'SHAPE', /channels must fit/],
  ['conv2d: groups', () => ops.conv2d(f(1, 4, 3, 3), f(3, 2, 1, 1), null, { groups: 2 }), 'SHAPE', /groups 2/],
  ['conv2d: groups 0', () => ops.conv2d(f(1, 4, 3, 3), f(3, 2, 1, 1), null, { groups: 0 }), 'VALUE', /groups must be/],
  [
    'conv2d: same with stride',
    () => ops.conv2d(f(1, 1, 3, 3), f(1, 1, 1, 1), null, { padding: 'same', stride: 2 }),
    'VALUE',
    /needs stride 1/,
  ],
  ['conv2d: stride', () => ops.conv2d(f(1, 1, 3, 3), f(1, 1, 1, 1), null, { stride: 0 }), 'VALUE', /stride must be/],
  [
    'conv2d: padding',
    () => ops.conv2d(f(1, 1, 3, 3), f(1, 1, 1, 1), null, { padding: [-1, 0] }),
    'VALUE',
    /padding must be/,
  ],
  [
    'conv2d: too small',
    () => ops.conv2d(f(1, 1, 2, 2), f(1, 1, 3, 3)),
    'SHAPE',
    /kernel \[3, 3\] does not fit into \[2, 2\]/,
  ],
  ['conv2d: bias', () => ops.conv2d(f(1, 1, 3, 3), f(2, 1, 1, 1), f(3)), 'SHAPE', /bias must be \[2\], got \[3\]/],
  [
    'conv2d: option',
    () => ops.conv2d(f(1, 1, 3, 3), f(1, 1, 1, 1), null, bad({ strides: 2 })),
    'OPTION',
    /Did you mean 'stride'/,
  ],
  ['maxPool2d: rank', () => ops.maxPool2d(f(3, 3), 2), 'SHAPE', /\[B, C, H, W\] or \[C, H, W\]/],
  ['maxPool2d: dtype', () => ops.maxPool2d(i(1, 3, 3), 2), 'DTYPE', /needs floats/],
  ['maxPool2d: kernel', () => ops.maxPool2d(f(1, 3, 3), 0), 'VALUE', /kernelSize must be/],
  [
    'maxPool1d: a window between the elements',
    () => ops.maxPool1d(f(1, 1, 1), 2, { padding: 1, dilation: 3, ceilMode: true }),
    'SHAPE',
    /does not fit/,
  ],
  ['maxPool2d: padding', () => ops.maxPool2d(f(1, 3, 3), 2, { padding: 2 }), 'VALUE', /at most half of the kernel/],
  ['maxPool2d: too small', () => ops.maxPool2d(f(1, 3, 3), 4), 'SHAPE', /does not fit/],
  [
    'maxPool2d: option',
    () => ops.maxPool2d(f(1, 3, 3), 2, bad({ ceil_mode: true })),
    'OPTION',
    /Did you mean 'ceilMode'/,
  ],
  [
    'avgPool2d: divisor',
    () => ops.avgPool2d(f(1, 3, 3), 2, { divisorOverride: 0 }),
    'VALUE',
    /divisorOverride must be/,
  ],
  [
    'avgPool2d: option',
    () => ops.avgPool2d(f(1, 3, 3), 2, bad({ dilation: 2 })),
    'OPTION',
    /unknown option 'dilation'/,
  ],
]

const norms: Row[] = [
  ['softmax: integers', () => ops.softmax(i(2)), 'DTYPE', /needs floats/],
  ['softmax: axis', () => ops.softmax(f(2), 1), 'AXIS', /got 1/],
  ['layerNorm: shape', () => ops.layerNorm(f(2, 3), [2]), 'SHAPE', /last axes of x must be \[2\], got \[2, 3\]/],
  ['layerNorm: integers', () => ops.layerNorm(i(2, 3), [3]), 'DTYPE', /needs floats/],
  ['layerNorm: option', () => ops.layerNorm(f(2, 3), [3], bad({ epsilon: 1 })), 'OPTION', /unknown option 'epsilon'/],
  [
    'layerNorm: weight',
    () => ops.layerNorm(f(2, 3), [3], { weight: f(2, 3) }),
    'SHAPE',
    /weight must be \[3\], got \[2, 3\]/,
  ],
  ['batchNorm: rank', () => ops.batchNorm(f(2)), 'SHAPE', /\[B, C, ...\]/],
  ['batchNorm: weight', () => ops.batchNorm(f(2, 3), { weight: f(2) }), 'SHAPE', /weight must be \[3\], got \[2\]/],
  ['batchNorm: one value', () => ops.batchNorm(f(1, 3), { training: true }), 'SHAPE', /more than one value a channel/],
  ['batchNorm: option', () => ops.batchNorm(f(2, 3), bad({ train: true })), 'OPTION', /unknown option 'train'/],
]

const positions: Row[] = [
  ['take: floats', () => ops.take(f(2), f(1)), 'DTYPE', /positions are integers, got f32/],
  ['take: axis', () => ops.take(f(2), i(1), 1), 'AXIS', /got 1/],
  ['take: rank', () => ops.take(f(1, 1, 1, 1, 1), i(1, 1, 1, 1, 1), 0), 'SHAPE', /at most 8 dimensions/],
  ['indexSelect: matrix', () => ops.indexSelect(f(2), 0, i(1, 1)), 'SHAPE', /positions are a vector/],
  ['embedding: weight', () => ops.embedding(i(2), f(3)), 'SHAPE', /\[numEmbeddings, dim\]/],
  ['gather: rank', () => ops.gather(f(2, 2), 0, i(2)), 'SHAPE', /as many axes/],
  ['gather: size', () => ops.gather(f(2, 2), 0, i(2, 3)), 'SHAPE', /no larger sizes, got \[2, 3\] for \[2, 2\]/],
  [
    'scatter: source',
    () => ops.scatter(f(2, 2), 0, i(2, 2), f(1, 2)),
    'SHAPE',
    /no smaller sizes, got \[1, 2\] and \[2, 2\]/,
  ],
  ['scatterAdd: dtype', () => ops.scatterAdd(f(2), 0, i(1), d(1)), 'DTYPE', /source must be f32/],
  ['oneHot: classes', () => ops.oneHot(i(2), 0), 'VALUE', /numClasses must be/],
  ['oneHot: floats', () => ops.oneHot(f(2), 3), 'DTYPE', /positions are integers/],
]

const losses: Row[] = [
  ['crossEntropy: labels', () => ops.crossEntropy(f(2, 3), i(3)), 'SHAPE', /labels must be \[2\], got \[3\]/],
  ['crossEntropy: probabilities', () => ops.crossEntropy(f(2, 3), f(2)), 'SHAPE', /shape of the logits/],
  ['crossEntropy: integers', () => ops.crossEntropy(i(2, 3), i(2)), 'SHAPE', /float logits/],
  [
    'crossEntropy: smoothing',
    () => ops.crossEntropy(f(2, 3), i(2), { labelSmoothing: 2 }),
    'VALUE',
    /lies in \[0, 1\], got 2/,
  ],
  [
    'crossEntropy: reduction',
    () => ops.crossEntropy(f(2, 3), i(2), { reduction: bad('avg') }),
    'VALUE',
    /'mean', 'sum' or 'none', got avg/,
  ],
  [
    'crossEntropy: weight',
    () => ops.crossEntropy(f(2, 3), i(2), { weight: f(2) }),
    'SHAPE',
    /weight must be \[3\], got \[2\]/,
  ],
  [
    'crossEntropy: option',
    () => ops.crossEntropy(f(2, 3), i(2), bad({ ignore_index: 1 })),
    'OPTION',
    /Did you mean 'ignoreIndex'/,
  ],
  ['nllLoss: labels', () => ops.nllLoss(f(2, 3), f(2)), 'DTYPE', /labels are integers, got f32/],
  ['nllLoss: bools', () => ops.nllLoss(f(2, 3), b(2)), 'DTYPE', /labels are integers, got bool/],
  ['nllLoss: logits', () => ops.nllLoss(i(2, 3), i(2)), 'SHAPE', /float/],
  ['nllLoss: reduction', () => ops.nllLoss(f(2, 3), i(2), { reduction: bad('avg') }), 'VALUE', /got avg/],
  ['mseLoss: shapes', () => ops.mseLoss(f(2), f(3)), 'SHAPE', /one shape, got \[2\] and \[3\]/],
  ['mseLoss: integers', () => ops.mseLoss(i(2), i(2)), 'DTYPE', /needs floats/],
  ['mseLoss: option', () => ops.mseLoss(f(2), f(2), bad({ reduce: 'sum' })), 'OPTION', /unknown option 'reduce'/],
]

const makers: Row[] = [
  ['zeros: size', () => ops.zeros([-1]), 'VALUE', /size must be an integer >= 0, got -1/],
  ['zeros: no shape', () => ops.zeros(bad(3)), 'SHAPE', /shape is an array/],
  ['zeros: dtype', () => ops.zeros([1], { dtype: bad('float') }), 'DTYPE', /no dtype 'float'/],
  ['full: no number', () => ops.full([1], bad('2')), 'VALUE', /needs a number, got string/],
  ['full: option', () => ops.full([1], 2, bad({ type: 'f32' })), 'OPTION', /Did you mean 'dtype'/],
  ['ones: too many', () => ops.ones([2 ** 30, 2 ** 30]), 'SHAPE', /too many elements/],
  ['eye: size', () => ops.eye(-1), 'VALUE', /integer >= 0/],
  ['arange: step 0', () => ops.arange(0, 1, 0), 'VALUE', /step that is not 0/],
  ['arange: infinite', () => ops.arange(Infinity), 'VALUE', /finite bounds/],
  ['linspace: n', () => ops.linspace(0, 1, 1.5), 'VALUE', /n must be an integer/],
  ['rand: dtype', () => ops.rand([1], { dtype: 'i32' }), 'DTYPE', /draws floats/],
  ['randint: order', () => ops.randint(3, 3, [1]), 'VALUE', /high must be/],
  ['bernoulli: probability', () => ops.bernoulli([1], 1.5), 'VALUE', /lies in \[0, 1\], got 1.5/],
  ['dropout: probability', () => ops.dropout(f(1), -0.1), 'VALUE', /lies in \[0, 1\]/],
  ['dropout: NaN', () => ops.dropout(f(1), NaN), 'VALUE', /got NaN/],
  ['dropout: integers', () => ops.dropout(i(1)), 'DTYPE', /needs floats/],
  ['manualSeed: fraction', () => ops.manualSeed(0.5), 'VALUE', /seed must be an integer/],
]

const constructor: Row[] = [
  ['tensor: ragged', () => ops.tensor([[1, 2], [3]]), 'SHAPE', /evenly nested, got 1 where 2/],
  ['tensor: too deep', () => ops.tensor([1, [2]]), 'SHAPE', /evenly nested/],
  ['tensor: too shallow', () => ops.tensor([[1], 2]), 'SHAPE', /evenly nested/],
  ['tensor: string', () => ops.tensor(bad(['a'])), 'VALUE', /hold numbers, got a/],
  ['tensor: nothing', () => ops.tensor(bad(undefined)), 'VALUE', /got undefined/],
  ['tensor: shape', () => ops.tensor([1, 2], { shape: [3] }), 'SHAPE', /2 numbers do not make \[3\]/],
  [
    'tensor: typed shape',
    () => ops.tensor(new Float32Array(2), { shape: [3] }),
    'SHAPE',
    /2 numbers do not make \[3\]/,
  ],
  ['tensor: dtype', () => ops.tensor([1], { dtype: bad('f8') }), 'DTYPE', /no dtype 'f8'/],
  ['tensor: fraction', () => ops.tensor([0.5], { dtype: 'i32' }), 'VALUE', /0.5 is not an integer \(i32\)/],
  ['tensor: too large', () => ops.tensor([256], { dtype: 'u8' }), 'VALUE', /256 does not fit u8/],
  ['tensor: negative', () => ops.tensor([-1], { dtype: 'u64' }), 'VALUE', /-1 does not fit u64/],
  ['tensor: NaN', () => ops.tensor([NaN], { dtype: 'i8' }), 'VALUE', /NaN is not an integer/],
  ['tensor: transfer of a list', () => ops.tensor([1], { transfer: true }), 'VALUE', /only a typed array/],
  ['tensor: a view of no type', () => ops.tensor(bad(new DataView(new ArrayBuffer(4)))), 'DTYPE', /no dtype for/],
  ['tensor: option', () => ops.tensor([1], bad({ dtyp: 'f32' })), 'OPTION', /Did you mean 'dtype'/],
  ['tensor: rank', () => ops.tensor(bad([[[[[[[[[1]]]]]]]]])), 'SHAPE', /at most 8/],
  ['item: several', () => f(2).itemSync(), 'SHAPE', /one element, got \[2\]/],
  ['item: not exact', () => ops.tensor([2n ** 60n + 1n]).itemSync(), 'VALUE', /not exact as a number/],
  ['dataSync: option', () => f(2).dataSync(bad({ transfr: true })), 'OPTION', /Did you mean 'transfer'/],
  ['backward: not a scalar', () => ops.requireGrad(f(2)).backward(), 'SHAPE', /scalar float.*sum\(\) or mean\(\)/],
  ['backward: nothing trainable', () => f().backward(), 'GRADIENT', /no trainable variable/],
  ['Variable: integers', () => new Variable(i(2)), 'DTYPE', /only floats can be trained/],
  ['assign: shape', () => ops.assign(new Variable(f(2)), f(3)), 'SHAPE', /must be \[2\] as the variable is, got \[3\]/],
  ['assignSlice: shape', () => ops.assignSlice(new Variable(f(4, 2)), f(1, 3), 0), 'SHAPE', /must fit \[4, 2\]/],
  [
    'assignSlice: start',
    () => ops.assignSlice(new Variable(f(4, 2)), f(2, 2), 3),
    'VALUE',
    /start must be an integer in \[0, 2\], got 3/,
  ],
]

const all = [elementwise, reductions, layout, products, windows, norms, positions, losses, makers, constructor].flat()

for (const [title, fn, code, says] of all) {
  test(`${title}: ${code}`, () => {
    let error: unknown
    try {
      fn()
    } catch (thrown) {
      error = thrown
    }
    assert.instance(error, TenonError)
    const { code: got, message, op } = error as TenonError
    assert.is(got, code, message)
    assert.match(message, says)
    assert.ok(message.startsWith(`${op}: `), `begins with the op: ${message}`)
  })
}
