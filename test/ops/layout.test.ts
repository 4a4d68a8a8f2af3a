/** @file Layout: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { layoutCases } from './cases/layout.ts'

testCases(suite('layout'), layoutCases)
