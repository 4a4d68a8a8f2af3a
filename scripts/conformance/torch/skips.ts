/** @file Functions that DESIGN.md rules out, each with its reason: their cases are skipped. At most 15 cases in all; a function that is merely missing fails. */
export const skips: Readonly<Record<string, string>> = {}
