/** @file Named products and einsum: the table of cases, and errors. */
import * as assert from 'uvu/assert'
import { addmm, bilinear, bmm, einsum, kron, mm, multiDot, mv, ones, outer, tensordot } from '../../lib/index.ts'
import { testCases } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'
import { productCases } from './cases/products.ts'

const test = suite('products')
testCases(test, productCases)

const throws = (fn: () => unknown, pattern: RegExp) => assert.throws(fn, (e: Error) => pattern.test(e.message))

test('products: ranks and sizes are checked', () => {
  const [v, a, batch] = [ones([3]), ones([2, 3]), ones([2, 2, 3])]
  throws(() => mm(v, a), /mm: needs two matrices, got \[3\]/)
  throws(() => bmm(batch, ones([3, 3, 2])), /bmm: batches must be of one size/)
  throws(() => mv(a, a), /mv: needs a matrix and a vector/)
  throws(() => outer(a, v), /outer: needs two vectors/)
  throws(() => addmm(ones([4]), a, ones([3, 2])), /addmm: shapes must broadcast/)
  throws(() => addmm(ones([2, 2, 2]), a, ones([3, 2])), /addmm: the input must broadcast to \[2, 2\]/)
  throws(() => addmm(v, a, ones([3, 3]), { gamma: 1 } as never), /unknown option 'gamma'/)
  throws(() => kron(ones([1, 1, 1, 1, 1]), v), /kron: at most 4/)
  throws(() => tensordot(a, a, 1), /tensordot: axes that go together/)
  throws(() => tensordot(a, a, 3), /number of axes/)
  throws(() => bilinear(a, v, ones([4, 3, 3])), /bilinear: needs \[\.\.\., 3\]/)
  throws(() => multiDot([a]), /at least two/)
  throws(() => multiDot([a, batch]), /multiDot: needs matrices/)
})

test('einsum: equations are checked', () => {
  const a = ones([2, 3])
  throws(() => einsum('ij,jk->ik', a), /names 2 operands for 1/)
  throws(() => einsum('ij->ij->i', a), /more than one arrow/)
  throws(() => einsum('i.j', a), /at most one "\.\.\."/)
  throws(() => einsum('ijk', a), /'ijk' of 'ijk' names 3 axes, got \[2, 3\]/)
  throws(() => einsum('i', a), /names 1 axes/)
  throws(() => einsum('ij->ik', a), /'k' of the result is in no operand/)
  throws(() => einsum('ij->ii', a), /twice in the result/)
  throws(() => einsum('ij,ij', a, ones([2, 4])), /axis 'j' of 'ij,ij' has sizes 3 and 4/)
  throws(() => einsum('ii', a), /sizes 2 and 3/)
})
