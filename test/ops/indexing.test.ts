/** @file Reading and writing at positions: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { indexingCases } from './cases/indexing.ts'

testCases(suite('indexing'), indexingCases)
