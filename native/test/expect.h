// The least that a test needs: a condition, where it failed, and an exit code.
#pragma once

#include <cstdio>
#include <string>

namespace tenon::test {

inline int failures = 0;

inline void expect(bool condition, const std::string& what, const char* file, int line) {
  if (condition) return;
  failures++;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
}

inline int result(const char* name) {
  std::printf("%s: %s\n", name, failures == 0 ? "ok" : "FAILED");
  return failures == 0 ? 0 : 1;
}

}  // namespace tenon::test

#define EXPECT(condition) ::tenon::test::expect((condition), #condition, __FILE__, __LINE__)
#define EXPECT_TEXT(text, part)                                                             \
  ::tenon::test::expect((text).find(part) != std::string::npos,                             \
                        "\"" + std::string(text) + "\" lacks \"" + (part) + "\"", __FILE__, \
                        __LINE__)
