/** @file Linear algebra. */
import { cross, linalg } from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

export const calls: Calls = {
  'torch.cross': ({ input, other, dim }) => cross(input, other, { axis: dim }),
  'torch.linalg.cross': ({ input, other, dim }) => linalg.cross(input, other, { axis: dim }),
  'torch.linalg.inv': ({ A }) => linalg.inv(A),
  'torch.linalg.det': ({ A }) => linalg.det(A),
  'torch.linalg.slogdet': ({ A }) => {
    const { sign, logabsdet } = linalg.slogdet(A)
    return [sign, logabsdet]
  },
  'torch.linalg.cholesky': ({ input }) => linalg.cholesky(input),
  'torch.linalg.svd': ({ A, full_matrices }) => {
    const { u, s, vh } = linalg.svd(A, { fullMatrices: full_matrices })
    return [u, s, vh]
  },
  'torch.linalg.svdvals': ({ A }) => linalg.svdvals(A),
  'torch.linalg.eigh': ({ input, UPLO }) => {
    const { eigenvalues, eigenvectors } = linalg.eigh(input, { uplo: UPLO })
    return [eigenvalues, eigenvectors]
  },
  'torch.linalg.eigvalsh': ({ input, UPLO }) => linalg.eigvalsh(input, { uplo: UPLO }),
  'torch.linalg.qr': ({ input, mode }) => {
    const { q, r } = linalg.qr(input, { mode })
    return [q, r]
  },
  'torch.linalg.lu': ({ input }) => {
    const { p, l, u } = linalg.lu(input)
    return [p, l, u]
  },
  'torch.linalg.pinv': ({ input, atol, rtol, hermitian }) => linalg.pinv(input, { atol, rtol, hermitian }),
  'torch.linalg.lstsq': ({ input, b, rcond }) => {
    const { solution, residuals, rank, singularValues } = linalg.lstsq(input, b, { rcond })
    return [solution, residuals, rank, singularValues]
  },
  'torch.linalg.solve': ({ A, B, left }) => linalg.solve(A, B, { left }),
  'torch.linalg.solve_triangular': ({ input, B, upper, left, unitriangular }) =>
    linalg.solveTriangular(input, B, { upper, left, unitriangular }),
  'torch.linalg.matrix_power': ({ input, n }) => linalg.matrixPower(input, n),
  'torch.linalg.matrix_exp': ({ input }) => linalg.matrixExp(input),
  'torch.linalg.matrix_rank': ({ input, tol, atol, rtol, hermitian }) =>
    linalg.matrixRank(input, { atol: tol ?? atol, rtol, hermitian }),
  'torch.linalg.vecdot': ({ x, y, dim }) => linalg.vecdot(x, y, { axis: dim }),
}
