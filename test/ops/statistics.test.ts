/** @file Further reductions, norms and histograms: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { statisticsCases } from './cases/statistics.ts'

testCases(suite('statistics'), statisticsCases)
