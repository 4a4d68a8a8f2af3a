// Order within the rows of dense arrays. NaN is larger than every number and equal to itself, -0 is
// equal to 0. T: all but f16 and bf16.
#pragma once

#include <cstdint>

namespace tenon {

constexpr int64_t kMaxSortLength = 0xFFFFFFFF;

// 64-bit words that finding the first k of n elements works in; 0 where a small heap is enough.
int64_t sort_work_words(int64_t n, int64_t k, int64_t element_bytes);

// The first k of row x: [n] in ascending or descending order, equal ones as they stand in x, and
// their positions; 0 <= k <= n <= kMaxSortLength.   values, at: [k]
// Stays inside of its memory whatever others write to it meanwhile.
template <class T>
void sort_row(int64_t n, int64_t k, bool descending, const T* x, T* values, int64_t* at,
              uint64_t* work);

// at[i] = how many elements of the ascending sorted: [m] go before values[i] (right: or are equal);
// values, at: [n]
template <class T>
void search_row(int64_t m, int64_t n, bool right, const T* sorted, const T* values, int64_t* at);

}  // namespace tenon
