// What the system, or the container, grants this process. Only Linux has containers; elsewhere the
// machine counts.
#pragma once

#include <cstdint>
#include <string>

namespace tenon {

// Control groups, version 1 or 2. Where the files are is a parameter so that tests can make their
// own.
struct CgroupFiles {
  std::string root = "/sys/fs/cgroup";
  std::string self = "/proc/self/cgroup";
};

double cgroup_cpus(
    const CgroupFiles& files = {});  // quota in processors; infinity if there is none
int64_t cgroup_memory(
    const CgroupFiles& files = {});  // bytes left below the limit; INT64_MAX if there is none

int system_cpus();                  // min(affinity, quota rounded up), at least 1
int64_t system_memory_available();  // bytes

std::string simd_target();  // the best instruction set that kernels use here

}  // namespace tenon
