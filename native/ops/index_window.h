// Ops on a window whose place is a value: dynamicSlice, dynamicUpdate; and checkRange, which looks
// at such values.
#pragma once

#include <vector>

#include "engine/op.h"

namespace tenon {

// Part of the index family.
std::vector<Op> index_window_ops();

}  // namespace tenon
