/** @file Pictures as text. */
import * as assert from 'uvu/assert'
import { sideBySide, textPicture } from '../../lib/cli/text-picture.ts'
import { suite } from '../support/suite.ts'

const test = suite('text-picture')

test('textPicture: two pixels make a character', () => {
  assert.equal(textPicture(Uint8Array.of(255, 255, 0, 0, 255, 0, 255, 0), 4), ['█▀▄ '])
})

test('textPicture: an odd last row has nothing below', () => {
  assert.equal(textPicture(Uint8Array.of(0, 0, 0, 0, 200, 99), 2), ['  ', '▀ '])
})

test('sideBySide: captions above, columns aligned', () => {
  assert.equal(sideBySide([['ab', 'c'], ['d']], ['1', 'second']), ['1   second', 'ab  d', 'c'])
})

test('sideBySide: what is empty above and below all is left out', () => {
  assert.equal(
    sideBySide(
      [
        ['', 'a', ''],
        ['', '', 'b', ''],
      ],
      ['1', '2'],
    ),
    ['1  2', 'a', '   b'],
  )
})

test('sideBySide: breaks where the width ends, and never before the first', () => {
  const blocks = [['aaaa'], ['bbbb'], ['cccc']]
  assert.equal(sideBySide(blocks, ['1', '2', '3'], 12), ['1     2', 'aaaa  bbbb', '3', 'cccc'])
  assert.equal(sideBySide(blocks, ['1', '2', '3'], 1), ['1', 'aaaa', '2', 'bbbb', '3', 'cccc'])
})

test('sideBySide: nothing gives nothing', () => assert.equal(sideBySide([], []), []))
