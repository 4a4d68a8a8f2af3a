// Native memory: aligned, zeroed, counted for the whole process, and how much more of it there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tenon {

constexpr size_t kAlignment = 64;

// An open file, for mapping parts of it.
class MappableFile {
 public:
  // A duplicate of a descriptor; null where the platform has none.
  static std::shared_ptr<const MappableFile> duplicate(int descriptor);
  explicit MappableFile(int descriptor) : descriptor_(descriptor) {}
  ~MappableFile();
  MappableFile(const MappableFile&) = delete;
  MappableFile& operator=(const MappableFile&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Owns zeroed memory, 64-byte aligned, or a private copy of a part of a file. Pages of large blocks
// come from the system when they are first touched.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  ~AlignedBytes() { reset(); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;

  bool allocate(int64_t bytes);  // frees what it had first; false if there is not so much
  // Shows bytes [offset, offset + bytes) of the file, aligned as they are in it. Writing copies a
  // page at a time; the file never changes. False where it cannot be.
  bool map(std::shared_ptr<const MappableFile> file, int64_t offset, int64_t bytes);
  bool map_again(const AlignedBytes& other);  // the same part of the same file, anew
  void reset();
  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  const std::shared_ptr<const MappableFile>& file() const { return file_; }

 private:
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
  bool mapped_ = false;
  std::shared_ptr<const MappableFile> file_;  // null: memory
  int64_t offset_ = 0;                        // in the file
};

// Asks for large pages under memory that is not touched yet and will be written in full. The first
// touch of a large buffer costs less then: elementwise_chain (64 MB written) on one thread 49 ms
// without, 34 ms with it, softmax_layernorm (64 MB) 55 and 37 ms.
void expect_full_use(std::byte* data, int64_t bytes);

int64_t native_bytes();  // held by all AlignedBytes of the process

// What may still be allocated: the system's free memory, the control group's limit and
// TENON_MEMORY_LIMIT (bytes for all native memory of the process), whichever is least.
int64_t memory_available();

}  // namespace tenon
