/** @file `tenon env`: what a bug report needs to say about the machine, and whether the addon works on it. */
import { availableParallelism, cpus, freemem, release, totalmem } from 'node:os'
import { addon, addonPath } from '../engine/addon.ts'
import { showBytes } from '../units.ts'
import { version } from '../version.ts'

/** What is told, in the order in which it is shown. */
export type EnvironmentReport = Readonly<Record<string, string | number>>

/** Prints the report, as text or as JSON. Gives false where the addon does not work. */
export function printEnvironment(options: { json?: boolean }): boolean {
  const { works, report } = environmentReport()
  const width = Math.max(...Object.keys(report).map((name) => name.length))
  const lines = Object.entries(report).map(([name, value]) => `${name.padEnd(width)}  ${value}`)
  console.log(options.json ? JSON.stringify(report, null, 2) : lines.join('\n'))
  return works
}

function environmentReport(): { works: boolean; report: EnvironmentReport } {
  const { path, works, engine } = engineReport()
  const report = {
    tenon: version(),
    node: `${process.version} (V8 ${process.versions.v8}, Node-API ${process.versions.napi})`,
    platform: `${process.platform}-${process.arch}, ${release()}${libc()}`,
    processor: `${cpus()[0]?.model.trim() || 'unknown'}, ${cpus().length} logical, ${availableParallelism()} for this process`,
    memory: `${showBytes(totalmem())}, ${showBytes(freemem())} free`,
    addon: path,
    ...engine,
    settings: settings(),
  }
  return { works, report }
}

interface EngineReport {
  readonly path: string
  readonly works: boolean
  readonly engine: EnvironmentReport
}

function engineReport(): EngineReport {
  const path = pathOrNone()
  try {
    const native = addon()
    const { threads, targets, blas } = native.stats()
    const available = showBytes(native.memoryAvailable())
    const engine = { 'addon version': native.version, instructions: targets, threads, blas, 'engine memory': available }
    return { path, works: true, engine }
  } catch (error) {
    const { message, cause } = error as Error
    const problem = cause instanceof Error ? `${message} (${cause.message.trim()})` : message
    return { path, works: false, engine: { problem: problem.replace(/\s+/g, ' ') } }
  }
}

function pathOrNone(): string {
  try {
    return addonPath()
  } catch {
    return 'none' // why, addon() says
  }
}

/** Node tells glibc's version; where it tells none on Linux, the library is another. */
function libc(): string {
  if (process.platform !== 'linux') return ''
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime ? `, glibc ${header.glibcVersionRuntime}` : ', not glibc (musl?)'
}

/** The variables that change what tenon does. */
function settings(): string {
  const isOurs = (name: string) => /^(TENON|OPENBLAS)_|^(NODE_OPTIONS|UV_THREADPOOL_SIZE)$/.test(name)
  const set = Object.entries(process.env).filter(([name]) => isOurs(name))
  return set.map(([name, value]) => `${name}=${value}`).join(' ') || 'none'
}
