/** @file Arithmetic ops: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { arithmeticCases } from './cases/arithmetic.ts'

testCases(suite('arithmetic'), arithmeticCases)
