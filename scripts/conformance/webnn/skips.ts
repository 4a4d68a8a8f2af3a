/** @file Operators of WebNN's preview that are left out, each with its reason: their cases are skipped. One that is merely missing fails. */
export const skips: Readonly<Record<string, string>> = {}

/** More skipped cases than this are a failure. */
export const mostSkipped = 0
