/** @file Pooling over one and three axes, to a given size, by powers, and back: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { poolSpatialCases } from './cases/pool-spatial.ts'

testCases(suite('pool-spatial'), poolSpatialCases)
