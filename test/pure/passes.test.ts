import * as assert from 'uvu/assert'
import {
  assign,
  assignSlice,
  checkpoint,
  conv2d,
  linear,
  matmul,
  ones,
  relu,
  tensor,
  TenonError,
  Variable,
  zeros,
} from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { kernelsOf, planOf } from '../support/plans.ts'
import { suite } from '../support/suite.ts'

const test = suite('passes')
const input = (...shape: number[]) => tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape })

test('fuse: a chain of elementwise ops is one instruction', () => {
  const [x, w, b] = [input(100), input(100), input(100)]
  const y = x.mul(w).add(b).gelu({ approximate: 'tanh' }).mul(0.5).add(x).tanh()
  const plan = planOf([y])
  assert.equal(kernelsOf(plan), ['map'])
  assert.equal(
    plan.program.blocks[0]![0]!.map!.steps.map((step) => step.fn),
    ['mul', 'add', 'geluTanh', 'cast', 'mul', 'add', 'tanh'],
  )
})

test('fuse: switched off, every op is an instruction', () => {
  const x = input(100)
  assert.is(kernelsOf(planOf([x.mul(x).exp().tanh()], { off: ['fuse'] })).length, 3)
})

test('fuse: bias and activation go into the end of a product and of a convolution', () => {
  const [x, w, b] = [input(8, 16), input(32, 16), input(32)]
  assert.equal(kernelsOf(planOf([relu(linear(x, w, b))])), ['matmul'])
  const image = conv2d(input(2, 3, 8, 8), input(4, 3, 3, 3), input(4), { padding: 1 })
  assert.equal(kernelsOf(planOf([image.relu()])), ['conv2d'])
})

test('fuse: a product that is read elsewhere too is kept as it is', () => {
  const y = matmul(input(8, 16), input(16, 4))
  assert.equal(kernelsOf(planOf([y.relu(), y.sum()])).sort(), ['map', 'matmul', 'sum'])
})

test('fuse: a value that two chains need is computed once', () => {
  const h = input(1000).exp()
  const plan = planOf([h.add(1), h.sum()])
  assert.is(plan.program.blocks[0]!.filter((instr) => instr.map?.steps.some((step) => step.fn === 'exp')).length, 1)
})

test('fuse: programs stay within the limits of the engine', () => {
  let y: Tensor = input(10)
  for (let i = 0; i < 300; i++) y = y.add(input(10))
  for (const instr of planOf([y]).instrs) {
    assert.ok(
      instr.ins.length <= 24 && instr.map!.steps.length <= 64,
      `${instr.ins.length} ins, ${instr.map!.steps.length} steps`,
    )
  }
})

test('share: what is written twice is computed once', () => {
  const x = input(10)
  const plan = planOf([x.exp().sum().add(x.exp().prod())])
  assert.is(kernelsOf(plan).filter((kernel) => kernel === 'map').length, 2)
  assert.is(
    kernelsOf(planOf([x.exp().sum().add(x.exp().prod())], { off: ['share', 'fuse'] })).filter(
      (kernel) => kernel === 'map',
    ).length,
    3,
  )
})

test('simplify: views of views, and casts there and back, cost nothing', () => {
  const x = input(2, 3, 4)
  const y = x.permute([2, 0, 1]).permute([1, 2, 0]).reshape([6, 4]).reshape([24]).cast('f64').cast('f32').mul(3)
  const [map] = planOf([y]).instrs
  assert.equal(
    map!.map!.steps.map((step) => step.fn),
    ['cast', 'mul'],
  )
  assert.is(planOf([y]).instrs.length, 1)
})

test('orient: the gradient of a weight comes out as the weight lies', () => {
  const w = new Variable(zeros([3, 5]))
  linear(input(4, 5), w).sum().backward()
  const plan = planOf([w.grad!])
  const products = plan.instrs.filter((instr) => instr.kernel === 'matmul')
  assert.equal(
    products.map((instr) => instr.outs[0]!.dims),
    [[3, 5]],
  )
  assert.is(plan.program.buffers[products[0]!.outs[0]!.buffer]!.space, 'output', plan.toString())
})

test('simplify: x - 0 and x * 1 of the structure vanish, a number of the user stays an operand', () => {
  const x = input(4)
  assert.is(planOf([x.pow(1).exp()]).instrs[0]!.map!.steps.length, 1)
  assert.is(planOf([x.mul(1).exp()]).program.counts.operand, 1)
})

test('widen: f16 is computed in f32 and rounded after every op', () => {
  const x = input(4).cast('f16')
  const steps = planOf([x.mul(x).exp()]).instrs.flatMap((instr) =>
    instr.map!.steps.map((step) => `${step.fn}:${step.dtype}`),
  )
  assert.equal(steps, ['cast:f16', 'cast:f32', 'mul:f32', 'cast:f16', 'cast:f32', 'exp:f32', 'cast:f16'])
})

test('prune: what nobody asked for is not in the plan', () => {
  const x = input(4)
  x.exp().sum()
  assert.is(planOf([x.neg()]).instrs.length, 1)
})

test('order: writes come after the commit, everything that can fail before it', () => {
  const v = new Variable(zeros([10, 4]), { name: 'table' })
  const rows = v.read().take(tensor([1n, 2n]), 0)
  const plan = planOf([rows], { updates: [assign(v, v.read().add(rows.sum()))] })
  const kernels = kernelsOf(plan)
  const commit = kernels.indexOf('commit')
  assert.ok(kernels.indexOf('take') < commit)
  plan.program.blocks[0]!.forEach((instr, i) => {
    const writes = instr.outs.some((out) => plan.program.buffers[out.buffer]!.space === 'variable')
    assert.is(writes, writes && i > commit)
  })
})

test('order: a large variable is written as soon as its new content is there and its old one was read', () => {
  const n = 4096
  const [first, second] = ['first', 'second'].map((name) => new Variable(zeros([n, n]), { name }))
  const rows = first!.read().take(tensor([1n, 2n]), 0)
  const [a, b] = [first!.read().matmul(second!), first!.read().tanh().matmul(second!)]
  const plan = planOf([rows.sum().add(b.sum())], { updates: [assign(first!, b), assign(second!, a)] })
  const kernels = kernelsOf(plan)
  const written = plan.program.blocks[0]!.flatMap((instr, i) =>
    instr.outs.flatMap(({ buffer }) => (plan.program.buffers[buffer]!.space === 'variable' ? [i] : [])),
  )
  // take can fail; everything else that reads `first` or `second` comes before they are written.
  assert.is(kernels.indexOf('commit'), kernels.indexOf('take') + 1)
  assert.is(written.length, 2)
  assert.ok(written.every((i) => i > kernels.lastIndexOf('matmul')))
})

test('order: gradients of large variables do not pile up', () => {
  const [n, depth] = [2048, 8]
  const layers = Array.from({ length: depth }, (_, i) => new Variable(zeros([n, n]), { name: `${i}` }))
  const loss = layers.reduce((y, w) => y.matmul(w).tanh(), input(4, n)).sum()
  loss.backward()
  const updates = layers.map((w) => assign(w, w.read().sub(w.grad!)))
  const { arenaBytes } = planOf([loss], { updates }).placement
  assert.ok(arenaBytes < 3 * n * n * 4, `${arenaBytes} bytes for gradients of ${n * n * 4} each`)
})

test('order: an op that can fail may not depend on a write of the same evaluation', () => {
  const v = new Variable(zeros([10, 4]))
  const written = assign(v, ones([10, 4]))
  assert.throws(
    () => planOf([written.take(tensor([1n]), 0)]),
    (error: TenonError) => error.code === 'VALUE' && /can fail/.test(error.message),
  )
})

test('order: the old content of a variable is kept for what needs it after the write', () => {
  const v = new Variable(zeros([4]))
  const written = assign(v, v.read().add(1))
  const difference = written.sub(v.read())
  const plan = planOf([difference])
  assert.ok(kernelsOf(plan).indexOf('commit') >= 1)
  const last = plan.instrs[plan.instrs.length - 1]!
  assert.ok(
    last.ins.some((operand) => plan.program.buffers[operand.buffer]!.space === 'arena'),
    plan.toString(),
  )
})

test('assignSlice: the position is an operand, so another one is the same plan', () => {
  const cache = new Variable(zeros([8, 4]), { trainable: false })
  const shown = (start: number) => planOf([], { updates: [assignSlice(cache, ones([1, 4]), start)] }).toString()
  assert.is(shown(0), shown(5))
})

test('checkpoint: what lies inside is computed again in the backward pass', () => {
  const w = new Variable(ones([64, 64]))
  const x = input(8, 64)
  const block = (t: Tensor) => t.matmul(w).tanh().matmul(w).tanh()
  const count = (loss: Tensor) => {
    w.grad = null
    loss.backward()
    return kernelsOf(planOf([loss, w.grad!])).filter((kernel) => kernel === 'matmul').length
  }
  assert.is(count(checkpoint(block)(x).sum()), count(block(x).sum()) + 2)
})

test('graphs 10^5 nodes deep are walked, differentiated and compiled', () => {
  const w = new Variable(ones([2]))
  let y: Tensor = w.read()
  for (let i = 0; i < 100_000; i++) y = y.mul(1.00001)
  y.sum().backward()
  assert.ok(planOf([w.grad!]).instrs.length > 1000)
})

test('plans print themselves', () => {
  const text = planOf([input(2, 3).exp().sum()]).toString()
  assert.match(text, /program:/)
  assert.match(text, /exp:f32/)
  assert.match(text, /sum/)
})
