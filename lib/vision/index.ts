/** @file The names of the namespace `vision`. */
export { DigitNet } from './digit-net.ts'
export { drawDigits } from './digits.ts'
export type { DrawDigitsOptions, DrawnDigits } from './digits.ts'
