#include "engine/system.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

// The choice of targets must come before Highway.
#include "kernels/simd_targets.h"

#include "hwy/highway.h"

#if defined(__linux__)
#include <sched.h>
#elif defined(_WIN32)
#include <windows.h>
#elif defined(__APPLE__)
#include <mach/mach.h>
#endif

namespace tenon {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

// "max" and what is not a number are no value.
std::optional<double> number(const std::string& text) {
  std::istringstream in(text);
  double value;
  if (!(in >> value)) return std::nullopt;
  return value;
}

std::optional<double> number_in(const std::string& path) {
  const auto line = first_line(path);
  return line ? number(*line) : std::nullopt;
}

std::optional<double> field_in(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string key;
  double value;
  while (file >> key >> value) {
    if (key == name) return value;
  }
  return std::nullopt;
}

// The group's path in a hierarchy: version 2 has an empty controller list. Nothing if it is not
// mounted so.
std::optional<std::string> group_path(const CgroupFiles& files, const std::string& controller) {
  std::ifstream file(files.self);
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string list = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool matches =
        controller.empty() ? list == ",," : list.find("," + controller + ",") != std::string::npos;
    if (matches) return line.substr(second + 1);
  }
  return std::nullopt;
}

// A group and those above it, each of which may limit. A container may not see its own path: then
// the mount's root.
std::vector<std::string> folders(const std::string& mount, std::string path) {
  std::vector<std::string> result;
  while (!path.empty() && path != "/") {
    result.push_back(mount + path);
    path.erase(path.find_last_of('/'));
  }
  result.push_back(mount);
  return result;
}

double cpus_v2(const std::string& folder) {
  const auto line = first_line(folder + "/cpu.max");
  if (!line) return HUGE_VAL;
  std::istringstream in(*line);
  double quota, period;
  return in >> quota >> period && quota > 0 && period > 0 ? quota / period : HUGE_VAL;
}

double cpus_v1(const std::string& folder) {
  const double quota = number_in(folder + "/cpu.cfs_quota_us").value_or(-1);
  const double period = number_in(folder + "/cpu.cfs_period_us").value_or(0);
  return quota > 0 && period > 0 ? quota / period : HUGE_VAL;
}

// Pages of files that were read count as used but are given back under pressure.
int64_t memory_left(std::optional<double> limit, std::optional<double> used,
                    std::optional<double> cache) {
  if (!limit || !used || *limit >= 9e18) return kNoLimit;
  return static_cast<int64_t>(std::max(0.0, *limit - *used + cache.value_or(0)));
}

}  // namespace

double cgroup_cpus(const CgroupFiles& files) {
  double cpus = HUGE_VAL;
  if (const auto path = group_path(files, "")) {
    for (const auto& folder : folders(files.root, *path)) cpus = std::min(cpus, cpus_v2(folder));
  }
  if (const auto path = group_path(files, "cpu")) {
    for (const char* mount : {"/cpu", "/cpu,cpuacct"}) {
      for (const auto& folder : folders(files.root + mount, *path))
        cpus = std::min(cpus, cpus_v1(folder));
    }
  }
  return cpus;
}

int64_t cgroup_memory(const CgroupFiles& files) {
  int64_t left = kNoLimit;
  if (const auto path = group_path(files, "")) {
    for (const auto& folder : folders(files.root, *path)) {
      left = std::min(left, memory_left(number_in(folder + "/memory.max"),
                                        number_in(folder + "/memory.current"),
                                        field_in(folder + "/memory.stat", "inactive_file")));
    }
  }
  if (const auto path = group_path(files, "memory")) {
    for (const auto& folder : folders(files.root + "/memory", *path)) {
      left = std::min(left, memory_left(number_in(folder + "/memory.limit_in_bytes"),
                                        number_in(folder + "/memory.usage_in_bytes"),
                                        field_in(folder + "/memory.stat", "total_inactive_file")));
    }
  }
  return left;
}

int system_cpus() {
  int cpus = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = CPU_COUNT(&set);
#endif
  const double quota = std::ceil(cgroup_cpus());
  if (quota < cpus) cpus = static_cast<int>(quota);
  return std::max(cpus, 1);
}

int64_t system_memory_available() {
#if defined(__linux__)
  std::ifstream file("/proc/meminfo");
  std::string line;
  int64_t available = kNoLimit;
  while (std::getline(file, line)) {
    if (line.rfind("MemAvailable:", 0) != 0) continue;
    if (const auto kilobytes = number(line.substr(13)))
      available = static_cast<int64_t>(*kilobytes * 1024);
    break;
  }
  return std::min(available, cgroup_memory());
#elif defined(_WIN32)
  MEMORYSTATUSEX status;
  status.dwLength = sizeof(status);
  return GlobalMemoryStatusEx(&status) ? static_cast<int64_t>(status.ullAvailPhys) : kNoLimit;
#elif defined(__APPLE__)
  vm_statistics64_data_t stats;
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  if (host_statistics64(mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&stats),
                        &count) != 0) {
    return kNoLimit;
  }
  const int64_t pages = int64_t{stats.free_count} + stats.inactive_count + stats.purgeable_count;
  return pages * static_cast<int64_t>(vm_kernel_page_size);
#else
  return kNoLimit;
#endif
}

std::string simd_target() {
  const int64_t usable = hwy::SupportedTargets() & HWY_TARGETS;
  if (usable == 0) return hwy::TargetName(HWY_STATIC_TARGET);
  return hwy::TargetName(usable & -usable);  // a better target has a lower bit
}

}  // namespace tenon
