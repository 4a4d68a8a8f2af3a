// Decompositions of dense matrices, row-major, in double whatever the tensors hold: single
// precision then comes out rounded once. All work in place or in memory that the caller lends.
#pragma once

#include <cstdint>

namespace tenon {

bool all_finite(int64_t n, const double* x);

// Householder reflections I - tau v v^T that turn a into its triangle; v has 1 at its place, the
// rest of it stands below the diagonal of a.
// a: [M, N]   tau: [min(M, N)]   work: [N]
void qr_in_place(int64_t M, int64_t N, double* a, double* tau, double* work);
// The first C columns of the product of K reflections.
// a: [M, N] of qr_in_place   q: [M, C]   work: [C]
void form_q(int64_t M, int64_t N, int64_t K, int64_t C, const double* a, const double* tau,
            double* q, double* work);

// a = v^T diag(w) v for symmetric a, both triangles given; w ascends, rows of v are the vectors.
// False when there is something that is not finite.
// a: [N, N], overwritten   w: [N]   v: [N, N]   work: [2 N]
bool eigh_rows(int64_t N, double* a, double* w, double* v, double* work);

// x = j^T diag(s) r by one-sided Jacobi (Hestenes 1958) on the rows of x; s descends, x is
// overwritten by r. False when there is something that is not finite.
// x: [Q, Q]   j: [Q, Q]   s: [Q]
bool svd_rows(int64_t Q, double* x, double* j, double* s);

// Rows of a in the order perm = l u; l has 1 on its diagonal and stands below that of a. Gives the
// sign of the permutation. Zero pivots are left as they are.
// a: [M, N]   perm: [M]
double lu_in_place(int64_t M, int64_t N, double* a, int64_t* perm);

// x = a^-1 x; reads one triangle of a, and with `unit` takes its diagonal for ones.
// a: [N, N]   x: [N, K]
void solve_triangular(int64_t N, int64_t K, bool upper, bool unit, const double* a, double* x);

// y = exp(a) by Pade approximation of order 13, scaled and squared (Higham 2005). NaN where a is
// not finite. a: [N, N], overwritten   y: [N, N]   work: [5, N, N]
void exp_matrix(int64_t N, double* a, double* y, double* work);

}  // namespace tenon
