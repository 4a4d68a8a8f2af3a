// Sums the f32 numbers of a file, of 8 partial sums: `sum-file read|map FILE OFFSET`. Prints seconds and the sum.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const double start = now();
  const int file = open(argv[2], O_RDONLY);
  struct stat about;
  if (file < 0 || fstat(file, &about) != 0) return 1;
  const size_t size = (size_t)about.st_size;
  char* bytes;
  if (strcmp(argv[1], "map") == 0) {
    bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) return 1;
  } else {
    bytes = malloc(size);
    if (!bytes) return 1;
    for (size_t done = 0; done < size;) {
      const ssize_t got = read(file, bytes + done, size - done);
      if (got <= 0) return 1;
      done += (size_t)got;
    }
  }
  const size_t offset = (size_t)atol(argv[3]);
  const float* x = (const float*)(bytes + offset);
  const size_t n = (size - offset) / sizeof(float);
  double sums[8] = {0}, sum = 0;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (size_t j = 0; j < 8; j++) sums[j] += (double)x[i + j];
  }
  for (; i < n; i++) sum += (double)x[i];
  for (size_t j = 0; j < 8; j++) sum += sums[j];
  printf("%.6f %.9g\n", now() - start, sum);
  return 0;
}
