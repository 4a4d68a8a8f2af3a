/** @file Decoding arguments of cases, and noticing those that an adapter did not read. */
import type { DType, Tensor } from '../../../lib/index.ts'
import { entryOf } from './adapter.ts'
import type { Args, Ellipsis, Modules, Slice } from './adapter.ts'

/** What a case gives, as JSON: see the README of the cases. */
export interface Given {
  readonly args?: readonly unknown[]
  /** PyTorch's names of `args`; '*x' for each value of a variadic one. */
  readonly arg_names?: readonly string[]
  readonly kwargs?: Readonly<Record<string, unknown>>
}

/** What decoding looks things up in. */
export interface Scope {
  readonly inputs: ReadonlyMap<string, Tensor>
  readonly modules: Modules
}

const dtypes: Readonly<Record<string, DType>> = {
  float32: 'f32',
  float64: 'f64',
  int64: 'i64',
  int32: 'i32',
  uint8: 'u8',
  bool: 'bool',
}
const floats: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN }

/** The arguments by name, decoded. */
export function namedArguments(
  { args = [], arg_names = [], kwargs = {} }: Given,
  scope: Scope,
): Record<string, unknown> {
  const named: Record<string, unknown> = {}
  args.forEach((value, i) => {
    const name = arg_names[i]
    if (name === undefined) throw new Error(`argument ${i} has no name`)
    if (name.startsWith('*')) ((named[name.slice(1)] ??= []) as unknown[]).push(decode(value, scope))
    else named[name] = decode(value, scope)
  })
  for (const [name, value] of Object.entries(kwargs)) named[name] = decode(value, scope)
  return named
}

/** One value, decoded. */
export function decode(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => decode(item, scope))
  if (typeof value !== 'object' || value === null) return value
  const given = value as Record<string, never>
  const tag = Object.keys(given).find((key) => key.startsWith('$'))
  switch (tag) {
    case undefined:
      return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, decode(item, scope)]))
    case '$t': {
      const t = scope.inputs.get(given.$t)
      if (!t) throw new Error(`there is no tensor ${String(given.$t)}`)
      return given.permute ? t.permute(given.permute) : t
    }
    case '$tuple':
      return decode(given.$tuple, scope)
    case '$slice':
      return { slice: given.$slice } satisfies Slice
    case '$ellipsis':
      return { ellipsis: true } satisfies Ellipsis
    case '$f':
      return entryOf(floats, given.$f)
    case '$dtype':
      return entryOf(dtypes, given.$dtype)
    case '$module':
      return moduleOf(given.$module, scope)
    default:
      throw new Error(`there is no way to read ${tag}`)
  }
}

/** A module by its description. */
export function moduleOf(
  spec: { readonly cls: string; readonly init?: Readonly<Record<string, unknown>> },
  scope: Scope,
) {
  const { make } = entryOf(scope.modules, spec.cls)
  return withArguments(namedArguments({ kwargs: spec.init ?? {} }, scope), make)
}

/** Calls `use`, and throws if it did not read every argument. */
export function withArguments<T>(named: Readonly<Record<string, unknown>>, use: (args: Args) => T): T {
  const { args, unread } = watched(named)
  const result = use(args)
  if (unread.size > 0) throw new Error(`the adapter does not read: ${[...unread].join(', ')}`)
  return result
}

function watched(named: Readonly<Record<string, unknown>>): { args: Args; unread: ReadonlySet<string> } {
  const unread = new Set(Object.keys(named))
  const args = new Proxy(named, {
    get(target, key) {
      unread.delete(key as string)
      return Reflect.get(target, key) as unknown
    },
    // A rest pattern would read all that is left, known or not.
    ownKeys: () => {
      throw new Error('an adapter reads arguments by name')
    },
  })
  return { args: args as Args, unread }
}
