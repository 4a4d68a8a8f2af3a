// Limits of control groups, from files of the test's own.
#include "engine/system.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "engine/memory.h"
#include "test/expect.h"

#if defined(__linux__) || defined(__APPLE__)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace tenon::test {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// A folder that looks like /sys/fs/cgroup, gone when the test ends.
class Groups {
 public:
  Groups() : folder_(fs::temp_directory_path() / ("tenon-groups-" + std::to_string(std::rand()))) {
    fs::create_directories(folder_);
  }
  ~Groups() { fs::remove_all(folder_); }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text << "\n";
  }
  CgroupFiles files() const { return {folder_.string(), (folder_ / "self").string()}; }

 private:
  fs::path folder_;
};

void test_none() {
  const Groups groups;
  EXPECT(std::isinf(cgroup_cpus(groups.files())));
  EXPECT(cgroup_memory(groups.files()) == kNoLimit);
  groups.write("self", "0::/");
  groups.write("cpu.max", "max 100000");
  EXPECT(std::isinf(cgroup_cpus(groups.files())));
}

void test_version_2() {
  const Groups groups;
  groups.write("self", "0::/a/b");
  groups.write("a/b/cpu.max", "max 100000");
  groups.write("a/cpu.max", "150000 100000");
  groups.write("cpu.max", "400000 100000");
  EXPECT(cgroup_cpus(groups.files()) == 1.5);
  groups.write("a/b/memory.max", "max");
  groups.write("a/memory.max", "1000000");
  groups.write("a/memory.current", "400000");
  groups.write("a/memory.stat", "anon 1\ninactive_file 50000");
  EXPECT(cgroup_memory(groups.files()) == 650000);
}

void test_version_1() {
  const Groups groups;
  groups.write("self", "4:memory:/not/seen/here\n2:cpu,cpuacct:/x");
  groups.write("cpu,cpuacct/x/cpu.cfs_quota_us", "50000");
  groups.write("cpu,cpuacct/x/cpu.cfs_period_us", "100000");
  groups.write("memory/memory.limit_in_bytes", "2000");
  groups.write("memory/memory.usage_in_bytes", "2500");
  EXPECT(cgroup_cpus(groups.files()) == 0.5);
  EXPECT(cgroup_memory(groups.files()) == 0);
  groups.write("memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT(cgroup_memory(groups.files()) == kNoLimit);
}

void test_here() {
  EXPECT(system_cpus() >= 1);
  EXPECT(system_memory_available() > 0);
  EXPECT(!simd_target().empty());
}

void test_memory() {
  const int64_t before = native_bytes();
  for (const int64_t bytes : {int64_t{0}, int64_t{1}, int64_t{1000}, int64_t{5} << 20}) {
    AlignedBytes memory;
    EXPECT(memory.allocate(bytes));
    EXPECT(memory.bytes() == bytes && native_bytes() == before + bytes);
    EXPECT(reinterpret_cast<uintptr_t>(memory.data()) % kAlignment == 0);
    for (int64_t i = 0; i < bytes; i += 999) EXPECT(memory.data()[i] == std::byte{0});
  }
  AlignedBytes memory;
  EXPECT(!memory.allocate(int64_t{1} << 60) && !memory.data());
  EXPECT(native_bytes() == before);
}

#if defined(__linux__) || defined(__APPLE__)
void test_mapping() {
  const fs::path path = fs::temp_directory_path() / ("tenon-map-" + std::to_string(std::rand()));
  std::string text(100'000, 'a');
  for (size_t i = 0; i < text.size(); i++) text[i] = static_cast<char>('a' + i % 26);
  std::ofstream(path, std::ios::binary) << text;
  const int descriptor = open(path.c_str(), O_RDONLY);
  const auto file = MappableFile::duplicate(descriptor);
  close(descriptor);
  const int64_t before = native_bytes();
  AlignedBytes part, again;
  EXPECT(part.map(file, 5001, 90'000) && part.bytes() == 90'000 && native_bytes() == before);
  for (int64_t i = 0; i < 90'000; i += 997) {
    EXPECT(part.data()[i] == static_cast<std::byte>(text[static_cast<size_t>(5001 + i)]));
  }
  part.data()[0] = std::byte{'!'};
  EXPECT(again.map_again(part) && again.data()[0] == static_cast<std::byte>(text[5001]));
  EXPECT(part.data()[0] == std::byte{'!'});
  EXPECT(!again.map(file, 5001, 95'000) && !again.map(file, -1, 5) && !again.map(file, 0, 0));
  EXPECT(!again.map(file, int64_t{1} << 60, 8) && !again.map(nullptr, 0, 8));
  EXPECT(!again.data() && MappableFile::duplicate(-1) == nullptr);
  EXPECT(again.allocate(100) && !part.map_again(again));
  EXPECT(native_bytes() == before + 100);
  fs::remove(path);
}
#else
void test_mapping() {}
#endif

}  // namespace
}  // namespace tenon::test

int main() {
  using namespace tenon::test;
  test_none();
  test_version_2();
  test_version_1();
  test_here();
  test_memory();
  test_mapping();
  return result("system");
}
