/** @file Pooling: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { poolCases } from './cases/pool.ts'

testCases(suite('pool'), poolCases)
