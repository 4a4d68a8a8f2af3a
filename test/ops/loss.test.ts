/** @file Losses: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { lossCases } from './cases/loss.ts'

testCases(suite('loss'), lossCases)
