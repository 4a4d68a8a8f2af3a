/**
 * @file Tests of formats: 10,000 mutants of each end in an error that says where, or load and can be read. TENON_FUZZ says how many,
 * TENON_FUZZ_SEED which ones. `npm run acceptance -- fuzz` is the long run.
 */
import * as assert from 'uvu/assert'
import { peakBytes } from '../../scripts/process-memory.ts'
import type { suite } from '../support/suite.ts'
import { runsOf } from './format.ts'
import type { Format } from './format.ts'
import { hunt } from './hunt.ts'

const runs = Number(process.env.TENON_FUZZ ?? 10_000)
const seed = Number(process.env.TENON_FUZZ_SEED ?? 1)

const MOST_BYTES = 512 * 2 ** 20

export function fuzz(test: ReturnType<typeof suite>, formats: readonly Format[]): void {
  for (const format of formats) {
    const wanted = runsOf(format, runs)
    test(`${format.name}: ${wanted} mutants load, or end in an error that says where`, async () => {
      const { loaded, late } = await hunt(format, {
        ...{ seed, first: 0, runs: wanted },
        onFind: (find, mutant) => {
          throw new Error(`${format.name}, mutant ${mutant} of seed ${seed}: ${find.stack}`, { cause: find })
        },
      })
      assert.ok(3 * (loaded + late) >= wanted, `${loaded} loaded, ${late} were refused behind the header`)
      const bytes = peakBytes()
      assert.ok(bytes <= MOST_BYTES, `${bytes} bytes were resident`)
    })
  }
}
