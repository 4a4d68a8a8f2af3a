/** @file Fourier transforms and windows: the table of cases, long lengths, mel scales, errors. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { fft } from '../../lib/index.ts'
import { fromTensor, fromTensors } from '../support/arrays.ts'
import { testCases } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'
import { signalCases } from './cases/signal.ts'

const test = suite('signal')
testCases(test, signalCases)

test('fft: there and back again, for long and for prime lengths', () => {
  ops.manualSeed(5)
  for (const n of [4096, 3 * 5 * 7 * 11 * 13, 10007]) {
    const x = ops.randn([2, n, 2], { dtype: 'f64' })
    const r = ops.randn([3, n], { dtype: 'f64' })
    const [a, b, c, d] = fromTensors([x, fft.ifft(fft.fft(x)), r, fft.irfft(fft.rfft(r), { n })])
    for (const [want, got] of [
      [a, b],
      [c, d],
    ])
      assert.ok(
        want.data.every((value, i) => Math.abs(value - got.data[i]) < 1e-12),
        `n ${n}`,
      )
  }
})

test('windows: of one number it is 1, of none nothing', () => {
  for (const make of [ops.hannWindow, ops.hammingWindow, ops.blackmanWindow, ops.bartlettWindow, ops.kaiserWindow]) {
    assert.equal([...fromTensor(make(1)).data], [1])
    assert.equal(make(0).shape, [0])
  }
})

test("melFilterBank: slaney's filters have an area of 1 in Hz", () => {
  const { data } = fromTensor(
    ops.melFilterBank(4001, 5, 8000, { scale: 'slaney', norm: 'slaney', low: 100, dtype: 'f64' }),
  )
  for (let m = 0; m < 5; m++) {
    let area = 0
    for (let f = 0; f < 4001; f++) area += data[5 * f + m]
    assert.ok(Math.abs(area - 1) < 1e-3, `${m}: ${area}`)
  }
})

const throws = (fn: () => unknown, pattern: RegExp) => assert.throws(fn, (e: Error) => pattern.test(e.message))

test('fft: shapes, lengths and options are checked', () => {
  const x = ops.ones([4, 3])
  throws(() => fft.fft(x), /fft: complex numbers have a last axis of 2, got \[4, 3\]/)
  throws(() => fft.fft(ops.ones([2])), /needs an axis before/)
  throws(() => fft.rfft(ops.ones([2], { dtype: 'i64' })), /rfft: needs floats/)
  throws(() => fft.rfft(ops.ones([0])), /n must be an integer/)
  throws(() => fft.rfft(x, { norm: 'none' as never }), /norm is/)
  throws(() => fft.rfft(x, { dim: 1 } as never), /unknown option 'dim'/)
  throws(() => fft.rfft(x, { axis: 2 }), /axis must lie in/)
  throws(() => fft.irfft(ops.ones([1, 2])), /n must be an integer/)
  throws(() => fft.fftn(ops.ones([3, 2]), { s: [2, 2], axes: [0] }), /one length/)
  throws(() => fft.rfftn(x, { axes: [0, -2] }), /given twice/)
  throws(() => ops.stft(ops.ones([3]), 8, { center: false }), /at least nFft/)
  throws(() => ops.stft(ops.ones([30]), 8, { window: ops.ones([7]) }), /the window must be \[8\]/)
  throws(() => ops.stft(ops.ones([30]), 8, { winLength: 9 }), /winLength/)
  throws(() => ops.istft(ops.ones([4, 3, 2]), 8), /needs \[\.\.\., 5, frames, 2\]/)
  throws(() => ops.melFilterBank(5, 3, 8000, { low: 5000 }), /low < high/)
})
