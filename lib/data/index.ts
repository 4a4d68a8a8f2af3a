/** @file The names of the namespace `data`. */
export { readIdx } from './idx.ts'
export type { ReadIdxOptions } from './idx.ts'
export { loadMnist } from './mnist.ts'
export type { Labelled, Mnist } from './mnist.ts'
