/** @file Tables of calls that must throw: a code, and what the message says. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { TenonError } from '../../lib/index.ts'
import type { ErrorCode } from '../../lib/index.ts'
import type { suite } from './suite.ts'

export type ErrorRow = [title: string, fn: () => unknown, code: ErrorCode, says: RegExp]

export const f = (...shape: number[]) => ops.zeros(shape)
export const i = (...shape: number[]) => ops.zeros(shape, { dtype: 'i64' })
export const b = (...shape: number[]) => ops.zeros(shape, { dtype: 'bool' })
export const d = (...shape: number[]) => ops.zeros(shape, { dtype: 'f64' })
/** What no type lets through. */
export const bad = (x: unknown) => x as never

/** A test for each row: the call throws a TenonError of that code; its message says that, and begins with the op that it names: `opOf(title)`. */
export function testErrors(
  test: ReturnType<typeof suite>,
  rows: readonly ErrorRow[],
  opOf?: (title: string) => string,
): void {
  for (const [title, fn, code, says] of rows) {
    test(`${title}: ${code} ${says.source}`, () => {
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
      if (opOf) assert.is(op, opOf(title))
      assert.ok(message.startsWith(`${op}: `), `begins with the op: ${message}`)
    })
  }
}
