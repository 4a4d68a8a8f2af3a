/** @file Variables that show a part of a file: made from it, and shown again by others. */
import type { DType } from '../dtype.ts'
import { Tensor } from '../graph/tensor.ts'
import { Variable, variableRow } from '../graph/variable.ts'
import { zeros } from '../ops/create.ts'
import type { Shape } from '../shape.ts'
import { addon } from './addon.ts'

/** Storage that shows bytes of a file (a descriptor, or other storage of the same file); undefined where that cannot be. */
export const mapStorage = (file: unknown, offset: number, bytes: number): unknown =>
  addon().mapVariable(file, offset, bytes)

/** A tensor over mapped storage. */
export function mappedTensor(storage: unknown, shape: Shape, dtype: DType): Tensor {
  const variable = new Variable(zeros(shape, { dtype }), { trainable: false })
  variable.storage = storage
  variable.initial = null
  variable.isMapped = true
  return variable.read()
}

/** The variable whose mapped content a tensor is, as it is in the file; null for others. */
export function mappedSource(t: Tensor): Variable | null {
  if (t.row !== variableRow || t.value !== null) return null
  const variable = t.variables[0]!
  return variable.isMapped && variable.version === 0 && variable.storage !== null ? variable : null
}

/** The same part of the file for another variable, which may write to it. */
export function mapAgain(variable: Variable, source: Variable): boolean {
  const storage = variable.dtype === source.dtype ? addon().mapVariable(source.storage) : undefined
  if (storage === undefined) return false
  variable.storage = storage
  variable.initial = null
  return true
}
