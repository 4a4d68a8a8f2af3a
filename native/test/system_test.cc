// Limits of control groups, from files of the test's own.
#include "engine/system.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "engine/memory.h"
#include "test/expect.h"

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

}  // namespace
}  // namespace tenon::test

int main() {
  using namespace tenon::test;
  test_none();
  test_version_2();
  test_version_1();
  test_here();
  test_memory();
  return result("system");
}
