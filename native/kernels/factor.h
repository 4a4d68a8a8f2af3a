// Factorisations of small and middling dense matrices, row-major, in blocks so that products of
// matrices do most of the work.
#pragma once

#include <cstdint>

namespace tenon {

// The pivot that stopped a factorisation, or -1.
// x = a^-1 b by LU with partial pivoting; a is overwritten by its factors.
// a: [n, n]   x: [n, k], holds b on entry
int64_t solve_in_place(int64_t n, int64_t k, float* a, float* x);
int64_t solve_in_place(int64_t n, int64_t k, double* a, double* x);

// a = l l^T; reads the lower triangle of a, writes l over it and zeros above.
// a: [n, n]
int64_t cholesky_in_place(int64_t n, float* a);
int64_t cholesky_in_place(int64_t n, double* a);

}  // namespace tenon
