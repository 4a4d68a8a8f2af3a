import * as assert from 'uvu/assert'
import { pack } from '../../lib/plan/passes/place.ts'
import type { Lifetime } from '../../lib/plan/passes/place.ts'
import { arange, crossEntropy, linear, tensor, Variable } from '../../lib/index.ts'
import { planOf } from '../support/plans.ts'
import { suite } from '../support/suite.ts'

const test = suite('place')

/** A small generator of its own, so that failures repeat. */
function* random(seed: number): Generator<number> {
  for (let s = seed; ;) {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    yield s / 2 ** 32
  }
}

test('no two buffers that live at the same time overlap', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const draw = random(seed)
    const next = (n: number) => Math.floor((draw.next().value as number) * n)
    const lifetimes: Lifetime[] = Array.from({ length: 1 + next(60) }, () => {
      const first = next(40)
      return { first, last: first + next(12), bytes: next(5) === 0 ? 0 : 1 + next(5000) }
    })
    const { offsets, total } = pack(lifetimes)
    lifetimes.forEach((a, i) => {
      assert.is(offsets[i]! % 64, 0, 'aligned')
      assert.ok(offsets[i]! + a.bytes <= total, 'inside')
      lifetimes.slice(0, i).forEach((b, j) => {
        const together = a.first <= b.last && b.first <= a.last
        const overlap = offsets[i]! < offsets[j]! + b.bytes && offsets[j]! < offsets[i]! + a.bytes
        assert.not.ok(together && overlap && a.bytes > 0 && b.bytes > 0, `seed ${seed}: ${j} and ${i}`)
      })
    })
  }
})

test('buffers that never live together share room', () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ first: i, last: i + 1, bytes: 1000 }))
  assert.is(pack(chain).total, 2 * 1024)
})

test('a result takes the place of an input that dies there', () => {
  const x = tensor(new Float32Array(1000))
  // A sum between the steps keeps them apart.
  let y = x.mul(2)
  for (let i = 0; i < 5; i++) y = y.add(y.sum()).exp()
  const withReuse = planOf([y.sum()])
  const without = planOf([y.sum()], { off: ['place'] })
  assert.ok(withReuse.placement.arenaBytes < without.placement.arenaBytes)
  assert.ok(withReuse.placement.arenaBytes < 2 * 4096, String(withReuse.placement.arenaBytes))
})

test('a scatter writes over what it starts from, if nobody else reads that', () => {
  const base = tensor(new Float32Array(1000)).exp()
  const [index, values] = [tensor(new BigInt64Array(10)), tensor(new Float32Array(10))]
  const plan = planOf([base.scatterAdd(0, index, values).sum()])
  const scatter = plan.instrs.find((instr) => instr.kernel === 'scatterAdd')!
  const offset = (buffer: number) => plan.placement.offsets[buffer]
  assert.is(offset(scatter.outs[0]!.buffer), offset(scatter.ins[0]!.buffer))
  const kept = planOf([base.scatterAdd(0, index, values).sum(), base.prod()])
  const other = kept.instrs.find((instr) => instr.kernel === 'scatterAdd')!
  assert.is.not(kept.placement.offsets[other.outs[0]!.buffer], kept.placement.offsets[other.ins[0]!.buffer])
})

test('an input that is read in another order as well keeps its place', () => {
  const x = tensor(new Float32Array(64 * 64), { shape: [64, 64] }).exp()
  const y = x.add(x.transpose())
  const plan = planOf([y.sum()])
  const map = plan.program.blocks[0]!.find((instr) => instr.kernel === 'map' && instr.ins.length === 2)!
  const offset = (buffer: number) => plan.placement.offsets[buffer]
  assert.is.not(offset(map.outs[0]!.buffer), offset(map.ins[0]!.buffer))
})

test('the arena of a training step is smaller than the sum of its buffers', () => {
  const w = new Variable(arange(784 * 10, undefined, 1, { dtype: 'f32' }).reshape([10, 784]))
  const x = tensor(new Float32Array(64 * 784), { shape: [64, 784] })
  const loss = crossEntropy(linear(x, w), tensor(new BigInt64Array(64)))
  loss.backward()
  const plan = planOf([loss, w.grad!])
  const sum = plan.program.buffers.reduce((n, b) => n + (b.space === 'arena' ? b.elements * 4 : 0), 0)
  assert.ok(plan.placement.arenaBytes <= sum)
})
