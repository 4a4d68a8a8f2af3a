/** @file Convolution: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { convCases } from './cases/conv.ts'

testCases(suite('conv'), convCases)
