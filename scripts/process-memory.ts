/** @file Memory of this process, for the scripts that measure it: garbage out of the way, and the kernel's own peak. */
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** One full collection, at once; V8 frees array buffers on a thread of its own, a little later. */
export function collectNow(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

/** What loading and warming up left behind is not the run's. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collectNow()
    await sleep(50)
  }
}

/** From now on the peak counts anew (Linux). */
export function resetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5')
}

/** In bytes (Linux). VmRSS: resident now; VmSize: addresses; VmHWM: the most resident since the process began, or since `resetPeak`. */
export function residentBytes(name: 'VmRSS' | 'VmHWM' | 'VmSize'): number {
  const kilobytes = readFileSync('/proc/self/status', 'utf8').match(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm'))?.[1]
  return 1024 * Number(kilobytes)
}

/** The most that was resident; elsewhere than on Linux, what is resident now. */
export const peakBytes = (): number =>
  process.platform === 'linux' ? residentBytes('VmHWM') : process.memoryUsage.rss()
