/** @file Recurrent layers: layouts, states, lengths, names, and cells that agree with them. */
import { compile, concat, evaluate, manualSeed, nn, noGrad, randn, tensor, TenonError } from 'tenon'
import type { Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('recurrent layers')

const list = async (t: Tensor | Variable) => Array.from((await t.data()) as Float64Array)
const close = async (a: Tensor | Variable, b: Tensor | Variable, tolerance = 1e-12) => {
  assert.equal(a.shape, b.shape)
  const [x, y] = [await list(a), await list(b)]
  x.forEach((value, i) => assert.ok(Math.abs(value - y[i]!) <= tolerance, `element ${i}: ${value} and ${y[i]}`))
}
const f64 = { dtype: 'f64' } as const
const fails = (code: string, text: RegExp, fn: () => unknown) =>
  assert.throws(fn, (e: unknown) => e instanceof TenonError && e.code === code && text.test(e.message))

const [T, B, I, H] = [5, 3, 2, 4]

test('LSTM: parameters have the names and shapes of PyTorch', () => {
  const model = new nn.LSTM(I, H, { numLayers: 2, bidirectional: true, projSize: 3 })
  const shapes = [...model.namedParameters()].map(([name, { shape }]) => `${name} ${shape.join('x')}`)
  assert.equal(shapes.slice(0, 10), [
    'weight_ih_l0 16x2',
    'weight_hh_l0 16x3',
    'bias_ih_l0 16',
    'bias_hh_l0 16',
    'weight_hr_l0 3x4',
    'weight_ih_l0_reverse 16x2',
    'weight_hh_l0_reverse 16x3',
    'bias_ih_l0_reverse 16',
    'bias_hh_l0_reverse 16',
    'weight_hr_l0_reverse 3x4',
  ])
  assert.ok(shapes.includes('weight_ih_l1_reverse 16x6'))
  assert.is(String(model), 'LSTM(2, 4, projSize: 3, numLayers: 2, bidirectional: true)')
})

test('cells: a loop of steps is what the layer gives', async () => {
  manualSeed(1)
  const x = randn([T, B, I], f64)
  const h = randn([B, H], f64)
  const at = (t: number) => x.slice([t])
  const share = (cell: nn.Module, layer: { weights: Record<string, Variable> }) =>
    cell.loadStateDict(new Map([...cell.stateDict().keys()].map((name) => [name, layer.weights[`${name}_l0`]!])))
  for (const nonlinearity of ['tanh', 'relu'] as const) {
    const [layer, cell] = [new nn.RNN(I, H, { nonlinearity, ...f64 }), new nn.RNNCell(I, H, { nonlinearity, ...f64 })]
    await share(cell, layer)
    let now = h
    for (let t = 0; t < T; t++) now = cell.forward(at(t), now)
    await close(layer.forward(x, h.unsqueeze(0))[1], now.unsqueeze(0))
  }
  const [gru, gruCell] = [new nn.GRU(I, H, f64), new nn.GRUCell(I, H, f64)]
  await share(gruCell, gru)
  let now = h
  for (let t = 0; t < T; t++) now = gruCell.forward(at(t), now)
  await close(gru.forward(x, h.unsqueeze(0))[1], now.unsqueeze(0))
  const [lstm, lstmCell] = [new nn.LSTM(I, H, f64), new nn.LSTMCell(I, H, f64)]
  await share(lstmCell, lstm)
  let both: [Tensor, Tensor] = [h, h]
  for (let t = 0; t < T; t++) both = lstmCell.forward(at(t), both)
  const [, [hn, cn]] = lstm.forward(x, [h.unsqueeze(0), h.unsqueeze(0)])
  await close(hn, both[0].unsqueeze(0))
  await close(cn, both[1].unsqueeze(0))
  await close(lstmCell.forward(at(0).slice([1]))[1], lstmCell.forward(at(0))[1].slice([1]))
})

test('states: a sequence in parts is the whole sequence, also step by step in a compiled function', async () => {
  const model = new nn.LSTM(I, H, { numLayers: 2, ...f64 })
  const x = randn([T, B, I], f64)
  const [whole, [hn, cn]] = model.forward(x)
  const [first, state] = model.forward(x.narrow(0, 0, 2))
  const [second, [h2, c2]] = model.forward(x.narrow(0, 2, 3), state)
  await close(concat([first, second]), whole)
  await close(h2, hn)
  await close(c2, cn)
  const step = compile((at: Tensor, h: Tensor, c: Tensor) => noGrad(() => model.forward(at, [h, c])).flat() as Tensor[])
  let [h, c] = [hn.mul(0), cn.mul(0)]
  for (let t = 0; t < T; t++) {
    const [y, ...next] = await step(x.narrow(0, t, 1), h, c)
    ;[h, c] = next as [Tensor, Tensor]
    await close(y!, whole.narrow(0, t, 1))
  }
})

for (const [name, model] of [
  ['RNN', new nn.RNN(I, H, { numLayers: 2, bidirectional: true, batchFirst: true, ...f64 })],
  ['LSTM', new nn.LSTM(I, H, { numLayers: 2, bidirectional: true, batchFirst: true, projSize: 3, ...f64 })],
  ['GRU', new nn.GRU(I, H, { numLayers: 2, bidirectional: true, batchFirst: true, bias: false, ...f64 })],
] as const) {
  test(`${name}: with lengths each sequence is as if it were alone, and the rest 0; gradients too`, async () => {
    const x = randn([B, T, I], f64)
    const lengths = [4, 0, 5]
    const [y, state] = model.forward(x, null, { lengths })
    const states = [state].flat()
    y.square().sum().add(states[0]!.sum()).backward()
    const grads = model.parameters().map((p) => p.grad!)
    model.zeroGrad()
    let loss = states[0]!.narrow(1, 1, 1).sum()
    for (const b of [0, 2]) {
      const n = lengths[b]!
      // Without a batch, too.
      const [alone, last] = model.forward(x.slice([b, [0, n]]))
      await close(y.slice([b, [0, n]]), alone)
      assert.ok((await list(y.slice([b, [n, T]]))).every((value) => value === 0))
      const lasts = [last].flat()
      for (const [i, t] of states.entries()) await close(t.slice([null, b]), lasts[i]!)
      loss = loss.add(alone.square().sum()).add(lasts[0]!.sum())
    }
    loss.backward()
    for (const [i, p] of model.parameters().entries()) await close(grads[i]!, p.grad!, 1e-10)
    model.zeroGrad()
    assert.equal(await list(states[0]!.slice([null, 1])), new Array(states[0]!.size / B).fill(0))
    const [same] = model.forward(x, null, { lengths: tensor(BigInt64Array.from(lengths, BigInt)) })
    await close(same, y)
  })
}

test('batchFirst: swaps inputs and outputs, not states', async () => {
  const options = { numLayers: 2, bidirectional: true, ...f64 }
  const [a, b] = [new nn.GRU(I, H, options), new nn.GRU(I, H, { ...options, batchFirst: true })]
  await b.loadStateDict(a.stateDict())
  const x = randn([T, B, I], f64)
  const [y, h] = a.forward(x)
  const [swapped, same] = b.forward(x.permute([1, 0, 2]))
  assert.equal(y.shape, [T, B, 2 * H])
  await close(swapped.permute([1, 0, 2]), y)
  await close(h, same)
  assert.equal(h.shape, [4, B, H])
})

test('dropout: between layers, while training only', async () => {
  const model = new nn.RNN(I, H, { numLayers: 2, dropout: 1, ...f64 })
  const x = randn([T, B, I], f64)
  const [first, second] = [x, x.add(1)].map((t) => model.forward(t)[0])
  await close(first!, second!)
  model.eval()
  const [a, b] = await Promise.all([x, x.add(1)].map((t) => list(model.forward(t)[0])))
  assert.not.equal(a, b)
})

test('one state for h and c: gradients of both add up, also those of gradients', async () => {
  const model = new nn.LSTM(I, H, f64)
  const x = randn([T, B, I], f64)
  const [one, other] = [randn([1, B, H], f64), randn([1, B, H], f64)]
  await evaluate(one, other)
  const { grad } = await import('tenon')
  const loss = (h: Tensor, c: Tensor) => model.forward(x, [h, c])[0].square().sum()
  const slope = (fn: (h: Tensor) => Tensor) => (h: Tensor) => grad(fn)(h)[0]!.mul(other).sum()
  const [tied] = grad(slope((h) => loss(h, h)))(one)
  const apart = grad((h: Tensor, c: Tensor) => {
    const [dh, dc] = grad(loss)(h, c)
    return dh!.add(dc!).mul(other).sum()
  })(one, one)
  await close(tied!, apart[0]!.add(apart[1]!), 1e-10)
})

test('errors: shapes, options and lengths that do not fit', () => {
  const model = new nn.LSTM(I, H)
  const x = randn([T, B, I])
  fails('SHAPE', /needs \[T, B, 2\] or \[T, 2\]/, () => model.forward(randn([T, B, 3])))
  fails('SHAPE', /at least one step/, () => model.forward(randn([0, B, I])))
  fails('SHAPE', /a state must be \[1, 3, 4\]/, () => model.forward(x, [randn([B, H]), randn([1, B, H])]))
  fails('SHAPE', /needs 3 lengths/, () => model.forward(x, null, { lengths: [1] }))
  fails('VALUE', /a length/, () => model.forward(x, null, { lengths: [1, 2, 9] }))
  fails('OPTION', /lengths/, () => model.forward(x, null, { length: [1, 2, 3] } as object))
  fails('OPTION', /numLayers/, () => new nn.GRU(I, H, { layers: 2 } as object))
  fails('VALUE', /projSize/, () => new nn.LSTM(I, H, { projSize: H }))
  fails('VALUE', /nonlinearity/, () => new nn.RNN(I, H, { nonlinearity: 'sigmoid' as 'relu' }))
  fails('VALUE', /dropout/, () => new nn.RNN(I, H, { dropout: 2 }))
  fails('SHAPE', /RNNCell: needs/, () => new nn.RNNCell(I, H).forward(randn([B, 3])))
  fails('SHAPE', /a state must be/, () => new nn.GRUCell(I, H).forward(randn([B, I]), randn([H])))
})
