/**
 * @file A suite of tests: uvu's, but one that cannot be forgotten. It runs by itself once the file has been read, and
 * the process ends with a line that says what ran, which scripts/test-files.mjs reads.
 */
import { writeSync } from 'node:fs'
import { suite as uvuSuite, type Test } from 'uvu'

type Result = [errors: string | true, passed: number, skipped: number, total: number]
type Queue = (null | string | (() => Promise<Result>))[][]

const waiting: Test[] = []
const counts = { passed: 0, failed: 0, skipped: 0 }
let runs = 0

/**
 * A function that adds a test: `test('sum: keeps the axis', () => ...)`. It has uvu's `skip`, `before`, `after`; not
 * `run`, which is called here, nor `only`, which would be forgotten.
 */
export function suite(name: string): Omit<Test, 'run' | 'only'> & ((title: string, body: () => unknown) => void) {
  const created = uvuSuite(name)
  waiting.push(created)
  return created as never
}

// Not before the event loop is empty: a file may add tests after a top-level await.
process.on('beforeExit', () => {
  for (const created of waiting.splice(0)) {
    created.run()
    runs++
    count((globalThis as unknown as { UVU_QUEUE: Queue }).UVU_QUEUE[0]!)
  }
})

process.on('exit', () => {
  if (waiting.length === 0 && runs === 0) writeSync(1, `\n#tests ${JSON.stringify(counts)}\n`)
})

/** Makes the queue's last entry add to the counts; uvu only prints them. */
function count(queue: Queue[number]): void {
  const run = queue.pop() as () => Promise<Result>
  queue.push(async () => {
    const result = await run()
    const [, passed, skipped, total] = result
    counts.passed += passed
    counts.failed += total - passed
    counts.skipped += skipped
    runs--
    return result
  })
}
