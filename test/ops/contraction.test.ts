/** @file Products: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { contractionCases } from './cases/contraction.ts'

testCases(suite('contraction'), contractionCases)
