/** @file Counted instructions: what counts as more. */
import * as assert from 'uvu/assert'
import { compare } from '../../scripts/instructions.mjs'
import { suite } from '../support/suite.ts'

const test = suite('instructions')

test('a twentieth more fails; less, and a little more, do not', () => {
  const baseline = { a: 1000, b: 1000, c: 1000, gone: 1 }
  const problems = compare(baseline, { a: 1051, b: 1050, c: 10, new: 1 })
  assert.is(problems.length, 3)
  assert.match(problems[0]!, /^a: 1051 instructions, \+5\.1 % on 1000/)
  assert.match(problems[1]!, /^gone: is gone/)
  assert.match(problems[2]!, /^new: is new/)
})
