/** @file Softmax and the normalisations: the table of cases. */
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { normalizeCases } from './cases/normalize.ts'

testCases(suite('normalize'), normalizeCases)
