/** @file The seed and the position in the stream of random numbers. The numbers themselves are drawn by Philox in native code. */
import { checkInteger } from './errors.ts'

/**
 * A random tensor is a function of (seed, position, shape) alone: the same on any number of threads, and again when it is
 * computed again. Every random tensor takes the next position when it is built.
 */
export const generator = { seed: 0, position: 0 }

/** Starts the stream of random numbers anew: the same seed gives the same run. Default at start: 0. */
export function manualSeed(seed: number): void {
  generator.seed = checkInteger('manualSeed', 'the seed', seed, 0)
  generator.position = 0
}
