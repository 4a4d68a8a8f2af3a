/** @file Loads the native addon at first use, and says what to do when it cannot. */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TenonError, fail } from '../errors.ts'
import { table } from '../ops/index.ts'
import type { Codes } from '../plan/encode.ts'
import type { NativePlan } from '../plan/plan.ts'

/** What a failed run says: see FailureCode in native/engine/op.h. */
export interface Failure {
  readonly code: number
  readonly instr: number
  readonly a: number
  readonly b: number
}

export interface EngineStats {
  readonly arenaBytes: number
  readonly variableBytes: number
  readonly variables: number
  readonly inFlight: number
  readonly threads: number
  /** SIMD instructions in use. */
  readonly targets: string
  readonly blas: string
}

type RunArgs = [
  plan: unknown,
  inputs: readonly ArrayBuffer[],
  operands: Float64Array,
  variables: readonly unknown[],
  outputs: readonly ArrayBuffer[],
  after: readonly number[],
  times?: ArrayBuffer,
]

/** The contract is in docs/plan.md. */
export interface Addon {
  readonly version: string
  kernels(): string[]
  mapFunctions(): string[]
  createPlan(words: Float64Array, constants: ArrayBuffer): NativePlan
  createVariable(bytes: number): unknown
  mapVariable(file: unknown, offset?: number, bytes?: number): unknown
  disposeVariable(variable: unknown): void
  submit(...args: RunArgs): number
  runSync(...args: RunArgs): Failure | undefined
  onDone(callback: (id: number, code: number, instr: number, a: number, b: number) => void): void
  waitIdle(): void
  cancel(id: number): void
  setThreads(n: number): void
  threads(): number
  stats(): EngineStats
  memoryAvailable(): number
}

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../..', import.meta.url))

let loaded: { addon: Addon; codes: Codes } | null = null

export function addon(): Addon {
  return load().addon
}

export function codes(): Codes {
  return load().codes
}

function load(): { addon: Addon; codes: Codes } {
  if (loaded) return loaded
  const native = open()
  const index = (names: string[]) => new Map(names.map((name, i) => [name, i]))
  const found: Codes = { kernels: index(native.kernels()), functions: index(native.mapFunctions()) }
  checkNames(found)
  return (loaded = { addon: native, codes: found })
}

/** The addon's file: TENON_NATIVE, else the local build, else the one shipped for this platform. Throws where there is none. */
export function addonPath(): string {
  const given = process.env.TENON_NATIVE
  return given ? resolve(given) : (require('node-gyp-build') as { path(dir: string): string }).path(root)
}

function open(): Addon {
  try {
    return require(addonPath()) as Addon
  } catch (error) {
    const { platform, arch, version } = process
    throw new TenonError(
      'NATIVE',
      'tenon',
      `the native addon cannot be loaded on ${platform}-${arch}, Node ${version} (from ${root}). Build it with: npm run build`,
      { cause: error },
    )
  }
}

/** An elementwise row without its function would only be noticed when it is used. */
function checkNames({ functions }: Codes): void {
  for (const row of table.values()) {
    if (row.kind === 'elementwise' && !functions.has(row.map ?? row.name)) {
      fail(
        'NATIVE',
        row.name,
        'internal: the addon has no such elementwise function. Addon and package are of different versions.',
      )
    }
  }
}
