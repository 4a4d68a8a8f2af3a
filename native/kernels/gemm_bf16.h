// Products of bf16 matrices with f32 sums: by the instruction that multiplies pairs of them
// (AVX-512 BF16) where the processor has it, else widened, by BLAS.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm.h"
#include "kernels/narrow.h"

namespace tenon {

bool has_bf16_products();

// What gemm_bf16 needs of memory of its own, 64-byte aligned.
int64_t gemm_bf16_scratch_bytes();

// c = a b. Products of two numbers are exact; the ways differ in the order of summation, and in
// that the instruction takes subnormal numbers for zeros.
// a: [M, K]   b: [K, N]   c: [M, N], rows ldc apart
void gemm_bf16(int64_t M, int64_t N, int64_t K, const BF16* a, MatrixLayout a_layout, const BF16* b,
               MatrixLayout b_layout, float* c, int64_t ldc, std::byte* scratch);

// The same without the instruction, which the tests compare with. scratch: twice as much.
void gemm_bf16_widened(int64_t M, int64_t N, int64_t K, const BF16* a, MatrixLayout a_layout,
                       const BF16* b, MatrixLayout b_layout, float* c, int64_t ldc,
                       std::byte* scratch);

}  // namespace tenon
