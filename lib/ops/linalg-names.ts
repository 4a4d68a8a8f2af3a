/** @file The names of the namespace `linalg`: PyTorch's, for functions that tenon has without it too. */
export { matmul } from './contraction.ts'
export { eigh, eigvalsh, lu, qr, solveTriangular, svd, svdvals } from './decompositions.ts'
export { cholesky, inverse as inv, solve } from './linalg.ts'
export { cross, det, lstsq, matrixExp, matrixPower, matrixRank, pinv, slogdet, vecdot } from './matrix-functions.ts'
export { diagonal } from './diagonal.ts'
export { matrixNorm, norm, vectorNorm } from './norms.ts'
export { multiDot } from './products.ts'
