/** @file Normalisations over parts of one example: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { groupNormCases } from './cases/group-norm.ts'

testCases(suite('group-norm'), groupNormCases)
