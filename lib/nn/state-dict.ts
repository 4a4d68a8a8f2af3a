/** @file Loading named contents into named variables, all or nothing. */
import type { TypedArray } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { overwrite } from '../engine/overwrite.ts'
import { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { tensor } from '../ops/create.ts'
import type { TensorLike } from '../ops/table.ts'
import { sameShape, showShape } from '../shape.ts'
import type { Shape } from '../shape.ts'

export type StateValue = TensorLike | TypedArray
/** Contents by name. */
export type State = ReadonlyMap<string, StateValue> | Readonly<Record<string, StateValue>>

export interface LoadOptions {
  /** Refuse names that are missing or not known. Default: true. */
  strict?: boolean
}

export interface LoadReport {
  /** Variables that the state has no content for. */
  readonly missing: readonly string[]
  /** Names of the state that no variable has. */
  readonly unexpected: readonly string[]
}

/** Writes what `state` holds to the variables of its names. */
export async function loadState(
  variables: ReadonlyMap<string, Variable>,
  state: State,
  options: LoadOptions,
): Promise<LoadReport> {
  const { contents, ...report } = matchState(variables, state, options)
  await overwrite([...contents])
  return report
}

/** @internal What each variable gets. STATE, with every name and shape, for what does not fit. */
export function matchState(
  variables: ReadonlyMap<string, Variable>,
  state: State,
  options: LoadOptions,
): LoadReport & { readonly contents: ReadonlyMap<Variable, Tensor> } {
  checkOptions('loadStateDict', options, ['strict'])
  const given: ReadonlyMap<string, StateValue> = state instanceof Map ? state : new Map(Object.entries(state))
  const contents = new Map<Variable, Tensor>()
  const misfits = new Map<string, string>()
  for (const [name, variable] of variables) {
    const value = given.get(name)
    if (value === undefined) continue
    const content = contentOf(name, value, variable)
    if (sameShape(content.shape, variable.shape)) contents.set(variable, content)
    else misfits.set(name, `${name} is ${showShape(variable.shape)} here and ${showShape(content.shape)} there`)
  }
  const missing = [...variables]
    .filter(([name, variable]) => !contents.has(variable) && !misfits.has(name))
    .map(([name]) => name)
  const unexpected = [...given.keys()].filter((name) => !variables.has(name))
  if (misfits.size > 0 || (options.strict !== false && missing.length + unexpected.length > 0)) {
    const named = (name: string, { shape }: { shape: Shape }) => `${name} ${showShape(shape)}`
    refuse([
      ['shapes differ', [...misfits.values()]],
      ['missing', missing.map((name) => named(name, variables.get(name)!))],
      ['unexpected', unexpected.map((name) => named(name, { shape: shapeOf(given.get(name)!) }))],
    ])
  }
  return { contents, missing, unexpected }
}

function contentOf(name: string, value: StateValue, { shape, size }: Variable): Tensor {
  if (value instanceof Tensor) return value
  if (value instanceof Variable) return value.read()
  if (!ArrayBuffer.isView(value))
    return fail(
      'VALUE',
      'loadStateDict',
      `'${name}' must be a tensor, a variable or a typed array, got ${typeof value}.`,
    )
  return tensor(value, value.length === size ? { shape } : {})
}

const shapeOf = (value: StateValue): Shape => (ArrayBuffer.isView(value) ? [value.length] : value.shape)

function refuse(lists: readonly [title: string, names: readonly string[]][]): never {
  const text = lists.filter(([, names]) => names.length > 0).map(([title, names]) => `${title}: ${names.join(', ')}`)
  return fail(
    'STATE',
    'loadStateDict',
    `the state does not fit the model; ${text.join('; ')}. Nothing was changed. { strict: false } allows missing and unexpected names.`,
  )
}
