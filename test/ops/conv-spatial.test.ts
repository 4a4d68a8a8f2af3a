/** @file Convolutions over one and three axes and their transposes: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { convSpatialCases } from './cases/conv-spatial.ts'

testCases(suite('conv-spatial'), convSpatialCases)
