/** @file Linear systems and factorisations: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { linalgCases } from './cases/linalg.ts'

testCases(suite('linalg'), linalgCases)
