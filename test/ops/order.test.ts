/** @file Sorting, searching, medians and quantiles: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { orderCases } from './cases/order.ts'

testCases(suite('order'), orderCases)
