// Sums and rotations of vectors of double, for the decompositions.
#pragma once

#include <cstdint>

namespace tenon {

double dot(int64_t n, const double* a, const double* b);
// to += factor from
void add_scaled(int64_t n, double factor, const double* from, double* to);
// a' = c a - s b, b' = s a + c b
void rotate(int64_t n, double c, double s, double* a, double* b);

}  // namespace tenon
