/** @file Stacks, rolls, windows, diagonals, grids: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { arrangeCases } from './cases/arrange.ts'

testCases(suite('arrange'), arrangeCases)
