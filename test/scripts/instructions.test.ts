/** @file Counted instructions: what callgrind's files add up to, and what counts as more. */
import * as assert from 'uvu/assert'
import { compare, instructionsIn } from '../../scripts/instructions.mjs'
import { suite } from '../support/suite.ts'

const test = suite('instructions')

test('calls are counted where they are made, BLAS not at all', () => {
  const text = `
desc: Trigger: Client Request: conv2d.plan
ob=(1) /build/plan_count
fn=(1) run
16 100
+3 20
cob=(2) /usr/lib/libopenblas.so.0
cfn=(2) sgemm_kernel
calls=1 40
+1 5000
* 3
ob=(2)
fn=(2)
40 5000
ob=(1)
fn=(3) rest
-8 7
totals: 5130
`
  assert.is(instructionsIn(text), 130)
})

test('a twentieth more fails; less, and a little more, do not', () => {
  const baseline = { a: 1000, b: 1000, c: 1000, gone: 1 }
  const problems = compare(baseline, { a: 1051, b: 1050, c: 10, new: 1 })
  assert.is(problems.length, 3)
  assert.match(problems[0]!, /^a: 1051 instructions, \+5\.1 % on 1000/)
  assert.match(problems[1]!, /^gone: is gone/)
  assert.match(problems[2]!, /^new: is new/)
})
