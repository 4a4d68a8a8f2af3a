// Include first in a file that is compiled once for each SIMD target (hwy/foreach_target.h). Three
// x86 targets are enough: the baseline, AVX2 and AVX-512; the ones left out lie between them and
// would only make builds longer, as would those after AVX-512. Checks (sanitizers, other platforms)
// do without AVX2: what is wrong with it shows with one of the others.
#pragma once
#define TENON_LATER (HWY_AVX3 - 1)  // better targets have lower bits
#ifdef TENON_FEWER_TARGETS
#define TENON_LEFT_OUT (HWY_SSSE3 | HWY_SSE4 | HWY_AVX2 | TENON_LATER)
#else
#define TENON_LEFT_OUT (HWY_SSSE3 | HWY_SSE4 | TENON_LATER)
#endif
// Vectors of SVE have no size at compile time, so there are no arrays of them: a file that keeps
// sums in arrays defines TENON_SIZED_VECTORS first, and runs NEON there.
#ifdef TENON_SIZED_VECTORS
#define HWY_DISABLED_TARGETS (TENON_LEFT_OUT | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#else
#define HWY_DISABLED_TARGETS TENON_LEFT_OUT
#endif

// Promises that no iteration of the next loop reads what another one writes; the same address read
// and then written by one iteration (work in place) is fine.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"  // some of these loops call library functions
#define TENON_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define TENON_IVDEP _Pragma("GCC ivdep")
#else
#define TENON_IVDEP
#endif
