#include "kernels/map_functions.h"

#include <cstring>

#include "ops/families.h"

namespace tenon {
namespace {

void append(std::vector<MapFunction>& functions, const MapRow& row) {
  MapFunction* function = nullptr;
  for (MapFunction& known : functions) {
    if (std::strcmp(known.name, row.name) == 0) function = &known;
  }
  if (function == nullptr) {
    function = &functions.emplace_back();
    function->name = row.name;
    function->num_sources = row.num_sources;
    function->kind = row.kind;
    function->cost = row.cost;
  }
  function->kernels[static_cast<int>(row.dtype)] = row.kernel;
}

}  // namespace

const std::vector<MapFunction>& map_functions() {
  static const std::vector<MapFunction>* const table = [] {
    MapRows rows;
    append_arithmetic_rows(rows);
    append_vector_rows(rows);
    append_float_rows(rows);
    append_special_rows(rows);
    append_integer_rows(rows);
    append_random_rows(rows);
    auto functions = std::make_unique<std::vector<MapFunction>>();
    for (const MapRow& row : rows) append(*functions, row);
    MapFunction& cast = functions->emplace_back();  // its kernels are found by both dtypes
    cast.name = "cast";
    cast.num_sources = 1;
    cast.kind = MapKind::convert;
    return functions.release();  // plans keep the kernels until the process ends
  }();
  return *table;
}

std::vector<std::string> map_function_names() {
  std::vector<std::string> names;
  for (const MapFunction& function : map_functions()) names.emplace_back(function.name);
  return names;
}

}  // namespace tenon
