/** @file How a worker makes its own copy of a dataset or function: by module, name and options, since functions cannot cross threads. */
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fail } from '../errors.ts'

/** What crosses to the worker in place of the thing itself. */
export interface ModuleSource {
  /** A file: URL. */
  readonly module: string
  /** The export that makes the thing. */
  readonly name: string
  /** Its argument: plain data. */
  readonly options: unknown
}

const sources = new WeakMap<object, ModuleSource>()

/**
 * What `module` exports under `name`, called (or constructed) with `options`: a dataset, a transform, a collate function. Workers of a
 * DataLoader make their own from the same three. Options are plain data. An export called 'default' works.
 *
 * ```ts
 * const train = await data.fromModule<data.Dataset<Pair>>(new URL('./my-dataset.ts', import.meta.url), 'makeDataset', { folder })
 * const loader = new data.DataLoader(train, { workers: 4 })
 * ```
 */
export async function fromModule<T extends object>(module: URL | string, name: string, options?: unknown): Promise<T> {
  const source: ModuleSource = { module: urlOf(module), name, options }
  return withSource((await make(source)) as T, source)
}

/** @internal Says how a worker makes `thing`. */
export function withSource<T extends object>(thing: T, source: ModuleSource): T {
  sources.set(thing, source)
  return thing
}

/** @internal How a worker makes `thing`; undefined when it cannot. */
export const sourceOf = (thing: object): ModuleSource | undefined => sources.get(thing)

/** @internal Makes what a source says. */
export async function make(source: ModuleSource): Promise<object> {
  const { module, name, options } = source
  const exported = ((await import(module)) as Record<string, unknown>)[name]
  if (typeof exported !== 'function')
    fail('VALUE', 'fromModule', `${module} must export a function or class '${name}', got ${typeof exported}.`)
  const made: unknown = isClass(exported)
    ? Reflect.construct(exported, [options])
    : await (exported as (options: unknown) => unknown)(options)
  if (made === null || (typeof made !== 'object' && typeof made !== 'function')) {
    fail('VALUE', 'fromModule', `'${name}' of ${module} must give a dataset or a function, got ${String(made)}.`)
  }
  return made
}

const isClass = (fn: object): fn is new (options: unknown) => object =>
  /^class\b/.test(Function.prototype.toString.call(fn))

function urlOf(module: URL | string): string {
  const text = String(module)
  if (text.startsWith('file:')) return text
  if (isAbsolute(text)) return pathToFileURL(text).href
  return fail(
    'VALUE',
    'fromModule',
    `needs a file: URL or an absolute path, got ${text}. Use new URL('./file.js', import.meta.url).`,
  )
}
