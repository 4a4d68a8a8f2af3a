// The functions that map programs are made of: found by name and dtype, run over a piece of
// contiguous memory.
#pragma once

#include <vector>

#include "engine/op.h"

namespace tenon {

// y[i] = f(a[i], b[i], c[i]) for i in [0, n). y may be one of the sources if its elements have the
// same size.
struct MapCall {
  const std::byte* a = nullptr;
  const std::byte* b = nullptr;
  const std::byte* c = nullptr;
  std::byte* y = nullptr;
  int64_t n = 0;
  int64_t position = 0;  // of element 0 in the iteration space; only generators look at it
};
using MapKernel = void (*)(const MapCall&);

enum class MapKind : uint8_t {
  same,      // sources and result of one dtype
  compare,   // sources of one dtype, result bool
  convert,   // any to any: cast
  choose,    // bool, then two sources of the result's dtype: where
  generate,  // f64 scalars; the result's dtype
};

struct MapFunction {
  const char* name = nullptr;
  int num_sources = 0;
  MapKind kind = MapKind::same;
  double cost = 1;  // about the cost of an addition
  MapKernel kernels[kNumDTypes] =
      {};  // by the dtype of the sources; choose, generate: of the result
};

// In the order in which plans number them.
const std::vector<MapFunction>& map_functions();
MapKernel find_cast(DType from, DType to);

// One row a function and dtype. Each family of functions appends its rows; equal names are one
// function.
struct MapRow {
  const char* name;
  int num_sources;
  MapKind kind;
  double cost;
  DType dtype;
  MapKernel kernel;
};
using MapRows = std::vector<MapRow>;
void append_arithmetic_rows(MapRows& rows);
void append_integer_rows(MapRows& rows);
void append_float_rows(MapRows& rows);
void append_vector_rows(MapRows& rows);
void append_special_rows(MapRows& rows);
void append_random_rows(MapRows& rows);

}  // namespace tenon
