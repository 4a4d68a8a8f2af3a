// Numbers to blocks, as the formats' reference does it: q8_0 and q4_0 by the number of largest
// magnitude, q4_K and q6_K by a search for the scales of least weighted squared error.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/blocks.h"
#include "kernels/narrow.h"

namespace tenon {

namespace {

// An integer in [low, high]; NaN gives low.
int within(float x, int low, int high) {
  const float least = static_cast<float>(low), most = static_cast<float>(high);
  return static_cast<int>(!(x > least) ? least : x < most ? x : most);
}
int nearest(float x, int low, int high) { return within(std::nearbyint(x), low, high); }

// Stores a scale and gives what is left of it.
float put_half(float x, uint8_t* out) {
  const F16 half = to_f16(x);
  std::memcpy(out, &half, sizeof(half));
  return widen(half);
}

float inverse(float x) { return x == 0 ? 0 : 1 / x; }

// The number of largest magnitude, the first of several, with its sign.
float farthest(const float* x, int n) {
  float found = 0;
  for (int i = 0; i < n; i++) {
    if (std::abs(x[i]) > std::abs(found)) found = x[i];
  }
  return found;
}

void to_q8_0(const float* x, uint8_t* out) {
  const float scale = std::abs(farthest(x, 32)) / 127, factor = inverse(scale);
  put_half(scale, out);
  for (int i = 0; i < 32; i++) {
    out[2 + i] = static_cast<uint8_t>(within(std::round(x[i] * factor), -128, 127));
  }
}

void to_q4_0(const float* x, uint8_t* out) {
  const float scale = farthest(x, 32) / -8, factor = inverse(scale);
  put_half(scale, out);
  // In f64, so that neither the product nor the sum is rounded before it is cut off.
  const auto bits = [&](int i) {
    const double moved = static_cast<double>(x[i]) * static_cast<double>(factor) + 8.5;
    return within(static_cast<float>(std::floor(moved)), 0, 15);
  };
  for (int i = 0; i < 16; i++) out[2 + i] = static_cast<uint8_t>(bits(i) | bits(i + 16) << 4);
}

// x ~ scale q + min for q in [0, 15], min <= 0.
struct Line {
  float scale = 0, min = 0;
};

// The line of least squares for given q; a min above 0 becomes 0.
Line fit(const float* x, const float* weight, const int* q) {
  float w = 0, wx = 0, wq = 0, wqq = 0, wqx = 0;
  for (int i = 0; i < 32; i++) {
    const float number = static_cast<float>(q[i]);
    w += weight[i], wx += weight[i] * x[i], wq += weight[i] * number;
    wqq += weight[i] * number * number, wqx += weight[i] * number * x[i];
  }
  const float determinant = w * wqq - wq * wq;
  if (!(determinant > 0)) return {};
  const Line line{(w * wqx - wx * wq) / determinant, (wqq * wx - wq * wqx) / determinant};
  return line.min > 0 ? Line{wqx / wqq, 0} : line;
}

float error_of(const Line& line, const float* x, const float* weight, const int* q) {
  float sum = 0;
  for (int i = 0; i < 32; i++) {
    const float difference = line.scale * static_cast<float>(q[i]) + line.min - x[i];
    sum += weight[i] * difference * difference;
  }
  return sum;
}

// Tries steps a little finer and coarser than the range over 15.
Line best_line(const float* x) {
  float weight[32], squares = 0;
  for (int i = 0; i < 32; i++) squares += x[i] * x[i];
  for (int i = 0; i < 32; i++) weight[i] = std::sqrt(squares / 32) + std::abs(x[i]);
  const float low = std::min(*std::min_element(x, x + 32), 0.0f);
  const float range = *std::max_element(x, x + 32) - low;
  if (!(range > 0)) return {0, low};
  int q[32];
  const auto cut = [&](float steps) {
    for (int i = 0; i < 32; i++) q[i] = nearest(steps / range * (x[i] - low), 0, 15);
  };
  cut(15);
  Line best{range / 15, low};
  float least = error_of(best, x, weight, q);
  for (int trial = 0; trial <= 20; trial++) {
    cut(14 + 0.1f * static_cast<float>(trial));
    const Line line = fit(x, weight, q);
    if (!(line.scale > 0)) continue;
    const float error = error_of(line, x, weight, q);
    if (error < least) best = line, least = error;
  }
  return best;
}

void put_pair(int i, int scale, int min, uint8_t* out) {
  if (i < 4) {
    out[i] = static_cast<uint8_t>(scale), out[i + 4] = static_cast<uint8_t>(min);
    return;
  }
  out[i + 4] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
  out[i - 4] = static_cast<uint8_t>(out[i - 4] | (scale >> 4) << 6);
  out[i] = static_cast<uint8_t>(out[i] | (min >> 4) << 6);
}

void to_q4_k(const float* x, uint8_t* out) {
  Line lines[8];
  float most_scale = 0, most_min = 0;
  for (int g = 0; g < 8; g++) {
    lines[g] = best_line(x + 32 * g);
    most_scale = std::max(most_scale, lines[g].scale);
    most_min = std::max(most_min, -lines[g].min);
  }
  std::memset(out, 0, 16);
  const float scale = put_half(most_scale / 63, out), min = put_half(most_min / 63, out + 2);
  const float scale_factor = 63 * inverse(most_scale), min_factor = 63 * inverse(most_min);
  for (int g = 0; g < 8; g++) {
    const int s = nearest(scale_factor * lines[g].scale, 0, 63);
    const int m = nearest(min_factor * -lines[g].min, 0, 63);
    put_pair(g, s, m, out + 4);
    const float step = scale * static_cast<float>(s), less = min * static_cast<float>(m);
    uint8_t* q = out + 16 + 32 * (g / 2);
    for (int i = 0; i < 32; i++) {
      const int bits = step == 0 ? 0 : nearest((x[32 * g + i] + less) / step, 0, 15);
      q[i] = static_cast<uint8_t>(g % 2 ? q[i] | bits << 4 : bits);
    }
  }
}

// The scale for 16 numbers in [-32, 31], errors weighted by x^2.
float best_scale(const float* x) {
  const float most = farthest(x, 16);
  if (!(std::abs(most) > 1e-15f)) return 0;
  float best = 0, highest = -1;
  for (int trial = -9; trial <= 9; trial++) {
    const float factor = -(32 + 0.1f * static_cast<float>(trial)) / most;
    float products = 0, squares = 0;
    for (int i = 0; i < 16; i++) {
      const float q = static_cast<float>(nearest(factor * x[i], -32, 31)), w = x[i] * x[i];
      products += w * x[i] * q, squares += w * q * q;
    }
    if (squares > 0 && products * products > highest * squares) {
      best = products / squares, highest = products * products / squares;
    }
  }
  return best;
}

void to_q6_k(const float* x, uint8_t* out) {
  float scales[16];
  for (int g = 0; g < 16; g++) scales[g] = best_scale(x + 16 * g);
  const float factor = -128 * inverse(farthest(scales, 16));
  std::memset(out, 0, 208);
  const float scale = put_half(inverse(factor), out + 208);
  for (int g = 0; g < 16; g++) {
    const int s = nearest(factor * scales[g], -128, 127);
    out[192 + g] = static_cast<uint8_t>(s);
    const float step = scale * static_cast<float>(s);
    const int half = g / 8, part = g / 2 % 4, at = 16 * (g % 2);
    uint8_t* low = out + 64 * half + 32 * (part % 2) + at;
    uint8_t* high = out + 128 + 32 * half + at;
    for (int i = 0; i < 16; i++) {
      const int q = step == 0 ? 32 : 32 + nearest(x[16 * g + i] / step, -32, 31);
      low[i] = static_cast<uint8_t>(low[i] | (q & 15) << (4 * (part / 2)));
      high[i] = static_cast<uint8_t>(high[i] | (q >> 4) << (2 * part));
    }
  }
}

}  // namespace

void quantize_blocks(BlockEncoding encoding, int64_t n, const float* x, uint8_t* y) {
  const auto each = [&](const auto& convert) {
    for (int64_t block = 0; block < n; block++, x += encoding.elements, y += encoding.bytes) {
      convert(x, y);
    }
  };
  if (encoding.bytes == kQ8_0.bytes) return each(to_q8_0);
  if (encoding.bytes == kQ4_0.bytes) return each(to_q4_0);
  if (encoding.bytes == kQ4_K.bytes) return each(to_q4_k);
  each(to_q6_k);
}

}  // namespace tenon
