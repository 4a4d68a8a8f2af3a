#include "engine/memory.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/system.h"

#if defined(__linux__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
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

#if defined(__linux__) || defined(__APPLE__)
std::shared_ptr<const MappableFile> MappableFile::duplicate(int descriptor) {
  const int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  return own < 0 ? nullptr : std::make_shared<const MappableFile>(own);
}

MappableFile::~MappableFile() { close(descriptor_); }

bool AlignedBytes::map(std::shared_ptr<const MappableFile> file, int64_t offset, int64_t bytes) {
  reset();
  struct stat status;
  if (!file || fstat(file->descriptor(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  // Pages beyond the end of a file can be mapped, but not read.
  if (bytes <= 0 || offset < 0 || bytes > status.st_size || offset > status.st_size - bytes)
    return false;
  const int64_t lead = offset % sysconf(_SC_PAGESIZE);
  void* pages = mmap(nullptr, static_cast<size_t>(bytes + lead), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE, file->descriptor(), offset - lead);
  if (pages == MAP_FAILED) return false;
  data_ = static_cast<std::byte*>(pages) + lead;
  bytes_ = bytes;
  mapped_ = true;
  file_ = std::move(file);
  offset_ = offset;
  return true;
}
#else
std::shared_ptr<const MappableFile> MappableFile::duplicate(int) { return nullptr; }
MappableFile::~MappableFile() = default;
bool AlignedBytes::map(std::shared_ptr<const MappableFile>, int64_t, int64_t) { return false; }
#endif

bool AlignedBytes::map_again(const AlignedBytes& other) {
  return other.file_ && map(other.file_, other.offset_, other.bytes_);
}

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
  const int64_t lead = file_ ? offset_ % sysconf(_SC_PAGESIZE) : 0;
  if (mapped_) munmap(data_ - lead, static_cast<size_t>(bytes_ + lead));
#endif
#if defined(_WIN32)
  if (!mapped_) _aligned_free(data_);
#else
  if (!mapped_) std::free(data_);
#endif
  if (!file_) held.fetch_sub(bytes_, std::memory_order_relaxed);
  data_ = nullptr;
  bytes_ = 0;
  mapped_ = false;
  file_.reset();
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
