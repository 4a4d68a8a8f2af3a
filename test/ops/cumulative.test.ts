/** @file Running results along an axis: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { cumulativeCases } from './cases/cumulative.ts'

testCases(suite('cumulative'), cumulativeCases)
