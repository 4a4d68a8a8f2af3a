/** @file Elementwise ops: the table of cases. Special values, integers and errors are in files of their own. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { elementwiseCases } from './cases/elementwise.ts'

testCases(suite('elementwise'), elementwiseCases)
