// Words -> Plan. Everything that docs/plan.md promises is checked here, once; what passes may be
// run.
#pragma once

#include <memory>

#include "engine/plan.h"

namespace tenon {

struct DecodedPlan {
  std::unique_ptr<Plan> plan;  // null if refused
  std::string error;
};

DecodedPlan decode_plan(const double* words, size_t num_words, const std::byte* constants,
                        size_t num_constants, const std::vector<Op>& ops = op_table());

}  // namespace tenon
