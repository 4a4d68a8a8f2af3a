/*
 * What this machine can do at this moment: a loop of multiply-adds, and memcpy of more than its caches hold, on N threads at once.
 * `probe N` prints {"gflops": ..., "gbs": ...}: medians over slices; multiply and add count as two, bytes read and written both count.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
enum { kBytes = 64 };
#elif defined(__AVX__)
enum { kBytes = 32 };
#else
enum { kBytes = 16 };
#endif
typedef float Vec __attribute__((vector_size(kBytes)));

/* More chains than latency times throughput; they and two constants fit 16 registers. */
enum { kChains = 12, kSlices = 25, kLoops = 1000000, kCopyBytes = 64 << 20, kMaxThreads = 1024 };

static pthread_barrier_t barrier;
static int num_threads;
static double slice_seconds[2][kSlices];
static volatile float sink;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void multiply_add(void) {
  Vec acc[kChains], scale = {0}, shift = {0};
  scale = scale + 0.999999f;
  shift = shift + 1e-6f;
  for (int c = 0; c < kChains; c++) acc[c] = scale + (float)c;
  for (int i = 0; i < kLoops; i++) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; c++) acc[c] = acc[c] * scale + shift;
  }
  Vec total = {0};
  for (int c = 0; c < kChains; c++) total += acc[c];
  sink = total[0];
}

static void* run(void* arg) {
  int is_first = *(int*)arg == 0;
  char* from = malloc(kCopyBytes);
  char* to = malloc(kCopyBytes);
  if (!from || !to) exit(1);
  memset(from, 1, kCopyBytes);
  memset(to, 2, kCopyBytes);
  for (int kind = 0; kind < 2; kind++) {
    for (int s = -1; s < kSlices; s++) { /* the slice before the first warms up */
      pthread_barrier_wait(&barrier);
      double start = now();
      if (kind == 0) multiply_add();
      else memcpy(to, from, kCopyBytes);
      pthread_barrier_wait(&barrier);
      if (is_first && s >= 0) slice_seconds[kind][s] = now() - start;
    }
    sink = to[kCopyBytes / 2];
  }
  free(from);
  free(to);
  return NULL;
}

static int compare(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double median(double* seconds) {
  qsort(seconds, kSlices, sizeof *seconds, compare);
  return seconds[kSlices / 2];
}

int main(int argc, char** argv) {
  num_threads = argc > 1 ? atoi(argv[1]) : 1;
  if (num_threads < 1 || num_threads > kMaxThreads) return 2;
  static pthread_t threads[kMaxThreads];
  static int numbers[kMaxThreads];
  pthread_barrier_init(&barrier, NULL, (unsigned)num_threads);
  for (int i = 0; i < num_threads; i++) {
    numbers[i] = i;
    if (pthread_create(&threads[i], NULL, run, &numbers[i])) return 1;
  }
  for (int i = 0; i < num_threads; i++) pthread_join(threads[i], NULL);
  double flops = 2.0 * kLoops * kChains * (kBytes / sizeof(float)) * num_threads;
  double bytes = 2.0 * kCopyBytes * num_threads;
  printf("{\"gflops\": %.2f, \"gbs\": %.3f}\n", 1e-9 * flops / median(slice_seconds[0]),
         1e-9 * bytes / median(slice_seconds[1]));
  return 0;
}
