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

}  // namespace

void pad_plane(const PlanePart& part, const float* plane, int64_t room, float* out) {
  const int64_t first = std::clamp<int64_t>(-part.x, 0, part.cols);
  const int64_t last = std::clamp<int64_t>(part.W - part.x, first, part.cols);
  for (int64_t r = 0; r < part.rows; r++, out += part.cols) {
    const int64_t y = part.y + r;
    if (y < 0 || y >= part.H || first == last) {
      std::fill_n(out, part.cols, 0.0f);
      continue;
    }
    const int64_t at = y * part.W + part.x + first;
    std::fill_n(out, first, 0.0f);
    copy_pieces(plane + at, last - first, room - at, out + first);
    std::fill(out + last, out + part.cols, 0.0f);
  }
}

}  // namespace tenon
