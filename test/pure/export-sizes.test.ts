/** @file express: sizes of a trace as formulas of other sizes. */
import * as assert from 'uvu/assert'
import { express } from '../../lib/io/onnx/export-sizes.ts'
import type { Expression, Size } from '../../lib/io/onnx/export-sizes.ts'
import { suite } from '../support/suite.ts'

const test = suite('express')

/** Batch 2 3 4 2 2 4 by time 8 8 8 9 10 10. */
const atoms: Size[] = [
  [2, 3, 4, 2, 2, 4],
  [8, 8, 8, 9, 10, 10],
]
const of = (fn: (b: number, t: number) => number): Size => atoms[0].map((b, i) => fn(b, atoms[1][i]))

function shown(found: Expression | null): string {
  if (found === null) return 'none'
  if (found.kind === 'number') return String(found.value)
  if (found.kind === 'atom') return 'bt'[found.index]
  const sign = { add: '+', mul: '*', div: '/' }[found.kind]
  return `(${shown(found.left)} ${sign} ${shown(found.right)})`
}

const cases: [title: string, target: Size, formula: string][] = [
  ['a number', of(() => 7), '7'],
  ['an atom', of((_, t) => t), 't'],
  ['a multiple', of((b) => 3 * b), '(b * 3)'],
  ['a part', of((b, t) => (b * t) / 2), '((b * t) / 2)'],
  ['an offset', of((_, t) => t - 3), '(t + -3)'],
  ['a product', of((b, t) => 5 * b * t), '((b * t) * 5)'],
  ['a line', of((_, t) => 2 * t - 1), '((t * 2) + -1)'],
  ['a sum', of((b, t) => b + t + 1), '((b + t) + 1)'],
  ['a difference', of((b, t) => t - b), '(t + (b * -1))'],
  ['three factors', of((b, t) => b * t * t), '((b * t) * t)'],
  ['what is none of these', of((b, t) => b ** t), 'none'],
]

for (const [title, target, formula] of cases)
  test(`${title}: ${formula}`, () => {
    assert.is(shown(express(target, atoms)), formula)
  })

test('two sizes of one axis do not make a line of it', () => {
  assert.is(express([5, 8], [[2, 4]]), null)
})
