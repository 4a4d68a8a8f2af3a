#include "engine/memory.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "engine/system.h"

#if defined(__linux__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

namespace tenon {
namespace {

constexpr int64_t kMapFrom = int64_t{1} << 20;
constexpr int64_t kHugeFrom = int64_t{4}
                              << 20;  // below, huge pages would waste more than they save
[[maybe_unused]] constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
constexpr int64_t kMost = int64_t{1} << 47;

std::atomic<int64_t> held{0};

std::byte* map_pages([[maybe_unused]] int64_t bytes) {
#if defined(__linux__) || defined(__APPLE__)
  void* pages = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
#if defined(MADV_HUGEPAGE)
  if (bytes >= kHugeFrom) madvise(pages, static_cast<size_t>(bytes), MADV_HUGEPAGE);
#endif
  return static_cast<std::byte*>(pages);
#else
  return nullptr;
#endif
}

// Exactly so many bytes: a sanitizer sees what goes beyond them.
std::byte* allocate_small(int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  void* memory = nullptr;
#if defined(_WIN32)
  memory = _aligned_malloc(size, kAlignment);
#else
  if (posix_memalign(&memory, kAlignment, size) != 0) return nullptr;
#endif
  if (memory) std::memset(memory, 0, size);
  return static_cast<std::byte*>(memory);
}

}  // namespace

bool AlignedBytes::allocate(int64_t bytes) {
  reset();
  if (bytes == 0) return true;
  if (bytes < 0 || bytes > kMost) return false;
  if (bytes >= kMapFrom) data_ = map_pages(bytes);
  mapped_ = data_ != nullptr;
  if (!data_) data_ = allocate_small(bytes);
  if (!data_) return false;
  bytes_ = bytes;
  held.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void AlignedBytes::reset() {
  if (!data_) return;
#if defined(__linux__) || defined(__APPLE__)
  if (mapped_) munmap(data_, static_cast<size_t>(bytes_));
#endif
#if defined(_WIN32)
  if (!mapped_) _aligned_free(data_);
#else
  if (!mapped_) std::free(data_);
#endif
  held.fetch_sub(bytes_, std::memory_order_relaxed);
  data_ = nullptr;
  bytes_ = 0;
}

void expect_full_use([[maybe_unused]] std::byte* data, [[maybe_unused]] int64_t bytes) {
#if defined(MADV_HUGEPAGE)
  if (bytes < kHugeFrom) return;
  // Whole large pages only, so that nothing of the neighbours is concerned.
  const auto begin = (reinterpret_cast<uintptr_t>(data) + kHugePage - 1) / kHugePage * kHugePage;
  const auto end =
      (reinterpret_cast<uintptr_t>(data) + static_cast<uintptr_t>(bytes)) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

int64_t native_bytes() { return held.load(std::memory_order_relaxed); }

int64_t memory_available() {
  int64_t available = system_memory_available();
  if (const char* text = std::getenv("TENON_MEMORY_LIMIT"); text && *text) {
    const double limit = std::atof(text);
    if (limit > 0 && limit < static_cast<double>(kMost)) {
      available = std::min(available, static_cast<int64_t>(limit) - native_bytes());
    }
  }
  return std::max<int64_t>(available, 0);
}

}  // namespace tenon
