/** @file Cases of ONNX's that are left out, each with its reason. An operator that is merely missing fails. */

/** More skipped cases than this are a failure. */
export const mostSkipped = 30

/** The reason, or undefined. */
export function skipped({ flags = [] }: { readonly flags?: readonly string[] }): string | undefined {
  if (flags.includes('excluded_by_onnx_reference')) return "ONNX's own reference evaluator leaves it out"
  return undefined
}
