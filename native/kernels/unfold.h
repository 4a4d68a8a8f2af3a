// Windows of a plane laid out side by side, and the transpose. Letters as in im2col.h; here the
// windows are results, not scratch, so nothing is tiled.
#pragma once

#include "kernels/im2col.h"

namespace tenon {

// y[oh][ow] = the input under tap (kh, kw) of window (oh, ow), 0 outside of x.
// x: [H, W]   y: [OH, OW]
template <class T>
void unfold_tap(const ConvWindow& window, int64_t kh, int64_t kw, const T* x, T* y);

// Whether windows are one column each, in place: then columns can be folded apart.
bool folds_apart(const ConvWindow& window);

// x[h][w] = the sum of what unfold_tap would have read there, over all taps in their order.
// y: [KH * KW, OH, OW]   x: [H, W], columns [first, last) written: all, unless folds_apart()
template <class T>
void fold_plane(const ConvWindow& window, int64_t first, int64_t last, const T* y, T* x);

}  // namespace tenon
