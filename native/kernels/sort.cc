#include "kernels/sort.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace tenon {
namespace {

constexpr int64_t kHeap = 256;  // the most that is found by comparing; more is found by counting
constexpr int kDigits = 256;

// An unsigned number in the order of T.
template <class T>
uint64_t key_of(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    if (value != value) return std::numeric_limits<Bits>::max();
    if (value == 0) value = 0;  // -0 too
    Bits bits;
    std::memcpy(&bits, &value, sizeof(T));
    constexpr Bits kSign = Bits{1} << (8 * sizeof(T) - 1);
    return bits & kSign ? static_cast<Bits>(~bits) : bits | kSign;
  } else if constexpr (std::is_signed_v<T>) {
    using Bits = std::make_unsigned_t<T>;
    constexpr Bits kSign = static_cast<Bits>(Bits{1} << (8 * sizeof(T) - 1));
    return static_cast<Bits>(static_cast<Bits>(value) ^ kSign);
  } else {
    return value;
  }
}

template <class T>
bool goes_before(T a, T b) {
  return a < b || (a == a && b != b);
}

// Key and position in one word, or in two.
struct Packed {
  uint64_t word;
  uint64_t key() const { return word >> 32; }
  uint64_t at() const { return word & 0xFFFFFFFF; }
  static Packed of(uint64_t key, uint64_t at) { return {key << 32 | at}; }
  friend bool operator<(const Packed& a, const Packed& b) { return a.word < b.word; }
};
struct Pair {
  uint64_t first, second;
  uint64_t key() const { return first; }
  uint64_t at() const { return second; }
  static Pair of(uint64_t key, uint64_t at) { return {key, at}; }
  friend bool operator<(const Pair& a, const Pair& b) {
    return a.first != b.first ? a.first < b.first : a.second < b.second;
  }
};
template <class T>
using Entry = std::conditional_t<sizeof(T) == 8, Pair, Packed>;

template <class T>
Entry<T> entry_of(const T* x, int64_t i, bool descending) {
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max() >> (64 - 8 * sizeof(T));
  const uint64_t key = key_of(x[i]);
  return Entry<T>::of(descending ? key ^ kAll : key, static_cast<uint64_t>(i));
}

// The first k <= kHeap entries, in order: a heap with the last of them on top.
template <class T>
void select(int64_t n, int64_t k, bool descending, const T* x, Entry<T>* heap) {
  for (int64_t i = 0; i < k; ++i) heap[i] = entry_of(x, i, descending);
  if (k == n || k == 0) return std::sort(heap, heap + k);
  std::make_heap(heap, heap + k);
  for (int64_t i = k; i < n; ++i) {
    const Entry<T> entry = entry_of(x, i, descending);
    if (!(entry < heap[0])) continue;
    std::pop_heap(heap, heap + k);
    heap[k - 1] = entry;
    std::push_heap(heap, heap + k);
  }
  std::sort_heap(heap, heap + k);
}

// Sorts by the bytes of the key that are in `used`, keeping the order of equal ones; returns where
// the result lies: in entries or in spare, both [n].
template <class E>
E* radix_sort(int64_t n, uint64_t used, E* entries, E* spare) {
  for (int shift = 0; shift < 64; shift += 8) {
    if ((used >> shift & 0xFF) == 0) continue;
    int64_t next[kDigits] = {};
    for (int64_t i = 0; i < n; ++i) next[entries[i].key() >> shift & 0xFF]++;
    int64_t start = 0;
    for (int64_t& count : next) start += std::exchange(count, start);
    for (int64_t i = 0; i < n; ++i) {
      const E entry = entries[i];
      const int64_t to = next[entry.key() >> shift & 0xFF]++;
      if (to < n) spare[to] = entry;  // not so only where another writes here meanwhile
    }
    std::swap(entries, spare);
  }
  return entries;
}

template <class E, class T>
void unpack(int64_t n, int64_t k, const E* entries, const T* x, T* values, int64_t* at) {
  for (int64_t i = 0; i < k; ++i) {
    const int64_t from = std::min(static_cast<int64_t>(entries[i].at() & kMaxSortLength), n - 1);
    values[i] = x[from];
    at[i] = from;
  }
}

}  // namespace

int64_t sort_work_words(int64_t n, int64_t k, int64_t element_bytes) {
  return k <= kHeap ? 0 : 2 * n * (element_bytes == 8 ? 2 : 1);
}

template <class T>
void sort_row(int64_t n, int64_t k, bool descending, const T* x, T* values, int64_t* at,
              uint64_t* work) {
  using E = Entry<T>;
  static_assert(sizeof(E) == (sizeof(T) == 8 ? 16 : 8));
  if (k <= kHeap) {
    E heap[kHeap];
    select(n, k, descending, x, heap);
    return unpack(n, k, heap, x, values, at);
  }
  E* entries = reinterpret_cast<E*>(work);
  uint64_t differing = 0;  // bits of the key that are not the same everywhere
  const uint64_t first = entry_of(x, 0, descending).key();
  for (int64_t i = 0; i < n; ++i) {
    entries[i] = entry_of(x, i, descending);
    differing |= entries[i].key() ^ first;
  }
  unpack(n, k, radix_sort(n, differing, entries, entries + n), x, values, at);
}

template <class T>
void search_row(int64_t m, int64_t n, bool right, const T* sorted, const T* values, int64_t* at) {
  for (int64_t i = 0; i < n; ++i) {
    const T value = values[i];
    int64_t low = 0, high = m;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      const bool stays =
          right ? !goes_before(value, sorted[middle]) : goes_before(sorted[middle], value);
      (stays ? low : high) = stays ? middle + 1 : middle;
    }
    at[i] = low;
  }
}

#define TENON_INSTANTIATE(T)                                                            \
  template void sort_row<T>(int64_t, int64_t, bool, const T*, T*, int64_t*, uint64_t*); \
  template void search_row<T>(int64_t, int64_t, bool, const T*, const T*, int64_t*)

TENON_INSTANTIATE(double);
TENON_INSTANTIATE(float);
TENON_INSTANTIATE(int64_t);
TENON_INSTANTIATE(int32_t);
TENON_INSTANTIATE(int16_t);
TENON_INSTANTIATE(int8_t);
TENON_INSTANTIATE(uint64_t);
TENON_INSTANTIATE(uint32_t);
TENON_INSTANTIATE(uint16_t);
TENON_INSTANTIATE(uint8_t);

}  // namespace tenon
