/** @file Functions that the design rules out, each with its reason: their cases are skipped. A function that is merely missing fails. */
export const skips: Readonly<Record<string, string>> = {}

/** More skipped cases than this are a failure. */
export const mostSkipped = 15
