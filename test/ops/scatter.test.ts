/** @file Subscripts, and writing at positions and under masks: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { scatterCases } from './cases/scatter.ts'

testCases(suite('scatter'), scatterCases)
