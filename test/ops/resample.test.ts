/** @file Interpolation, borders, shuffles, and reading at a grid: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { resampleCases } from './cases/resample.ts'

testCases(suite('resample'), resampleCases)
