/** @file Special ops: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { specialCases } from './cases/special.ts'

testCases(suite('special'), specialCases)
