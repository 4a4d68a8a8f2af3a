// A part of a plane with what lies outside of it as zeros.
#pragma once

#include <cstdint>

namespace tenon {

// Rows [y, y + rows) and columns [x, x + cols) of a plane [H, W]; y and x may be negative.
struct PlanePart {
  int64_t H, W, y, x, rows, cols;
  // Elements of memory a part needs: whole registers are written.
  int64_t elements() const { return rows * cols + 16; }
};

// plane: [H, W], of which `room` elements may be read   out: [rows, cols]
void pad_plane(const PlanePart& part, const float* plane, int64_t room, float* out);

}  // namespace tenon
