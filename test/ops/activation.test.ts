/** @file Activation ops: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { activationCases } from './cases/activation.ts'

testCases(suite('activation'), activationCases)
