#include <cstring>

#include "ops/families.h"

namespace tenon {

const std::vector<Op>& op_table() {
  static const std::vector<Op>* const table = [] {
    auto all = std::make_unique<std::vector<Op>>();
    for (auto family :
         {control_ops, map_ops,  reduce_ops,    rows_ops,      update_ops,   assign_rows_ops,
          matmul_ops,  conv_ops, pool_ops,      index_ops,     linalg_ops,   decompose_ops,
          ctc_ops,     fft_ops,  attention_ops, unfold_ops,    resample_ops, recurrent_ops,
          scan_ops,    sort_ops, blocks_ops,    layer_norm_ops}) {
      for (const Op& op : family()) all->push_back(op);
    }
    return all.release();  // plans point into it until the process ends
  }();
  return *table;
}

int find_op(const char* name) {
  const std::vector<Op>& table = op_table();
  for (size_t i = 0; i < table.size(); ++i) {
    if (std::strcmp(table[i].name, name) == 0) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace tenon
