// The families of ops, one line each; table.cc puts them together.
#pragma once

#include <string>
#include <vector>

#include "engine/op.h"

namespace tenon {

std::vector<Op> control_ops();
std::vector<Op> map_ops();
std::vector<Op> reduce_ops();
std::vector<Op> rows_ops();
std::vector<Op> layer_norm_ops();
std::vector<Op> attention_ops();
std::vector<Op> update_ops();
std::vector<Op> assign_rows_ops();
std::vector<Op> matmul_ops();
std::vector<Op> conv_ops();
std::vector<Op> pool_ops();
std::vector<Op> index_ops();
std::vector<Op> linalg_ops();
std::vector<Op> decompose_ops();
std::vector<Op> ctc_ops();
std::vector<Op> fft_ops();
std::vector<Op> unfold_ops();
std::vector<Op> resample_ops();
std::vector<Op> recurrent_ops();
std::vector<Op> scan_ops();
std::vector<Op> sort_ops();
std::vector<Op> blocks_ops();

// Names of the functions of map programs; the index is the number that a program names it by.
std::vector<std::string> map_function_names();

}  // namespace tenon
