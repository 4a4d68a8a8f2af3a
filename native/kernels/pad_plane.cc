#include "kernels/pad_plane.h"

#include <algorithm>
#include <cstring>

namespace tenon {

namespace {

constexpr int64_t kPiece = 16;  // elements copied at a time: a memcpy of fixed size is one register

// Copies n elements; up to kPiece - 1 more are written, and read where there is room.
void copy_pieces(const float* from, int64_t n, int64_t room, float* to) {
  int64_t i = 0;
  for (; i < n && i + kPiece <= room; i += kPiece) {
    std::memcpy(to + i, from + i, kPiece * sizeof(float));
  }
  for (; i < n; i++) to[i] = from[i];
}

// Writes n zeros; up to kPiece - 1 more.
void clear_pieces(int64_t n, float* to) {
  constexpr float kZeros[kPiece] = {};
  for (int64_t i = 0; i < n; i += kPiece) std::memcpy(to + i, kZeros, sizeof kZeros);
}

}  // namespace

void pad_plane(const PlanePart& part, const float* plane, int64_t room, float* out) {
  const int64_t first = std::clamp<int64_t>(-part.x, 0, part.cols);
  const int64_t last = std::clamp<int64_t>(part.W - part.x, first, part.cols);
  // What is written too much is overwritten by what comes next, or behind the last row.
  for (int64_t r = 0; r < part.rows; r++, out += part.cols) {
    const int64_t y = part.y + r;
    if (y < 0 || y >= part.H || first == last) {
      clear_pieces(part.cols, out);
      continue;
    }
    const int64_t at = y * part.W + part.x + first;
    clear_pieces(first, out);
    copy_pieces(plane + at, last - first, room - at, out + first);
    clear_pieces(part.cols - last, out + last);
  }
}

}  // namespace tenon
