// In how many parts a reduction of [outer, n, inner] to [outer, inner] is cut; more than 1: the
// plan provides `partials`.
#pragma once

#include <cstdint>

namespace tenon {

int64_t reduce_parts(int64_t outer, int64_t n, int64_t inner);

}  // namespace tenon
