/** @file Reductions: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { reductionCases } from './cases/reduction.ts'

testCases(suite('reduction'), reductionCases)
