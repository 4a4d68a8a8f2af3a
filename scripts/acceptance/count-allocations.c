/*
 * Preloaded (LD_PRELOAD) by allocations.ts on Linux with glibc: counts calls that take memory while
 * counting is on, those of the engine's threads ("tenon-N") apart from all others. The process
 * speaks to it by reading its own environment: TENON_COUNT_START   starts counting anew
 *   TENON_COUNT_STOP    stops; its value is "engine-calls other-calls", then where the engine's
 * first ones came from
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

enum { kMaxCallers = 16 };
enum Kind { kUnknown, kEngine, kOther };

static atomic_int counting;
static atomic_long engine_calls, other_calls;
static void* _Atomic callers[kMaxCallers];
static char answer[200]; /* Node asks with a buffer of 256 bytes first */
static char* (*real_getenv)(const char*);
static void* (*real_sbrk)(intptr_t);
static int (*real_brk)(void*);

/* initial-exec: a look at it must not allocate. */
static __thread int kind __attribute__((tls_model("initial-exec")));
static __thread int generation_seen __attribute__((tls_model("initial-exec")));
static atomic_int generation;

static int kind_of_this_thread(void) {
  const int now = atomic_load(&generation);
  if (kind == kUnknown || generation_seen != now) {
    char name[16] = "";
    prctl(PR_GET_NAME, name, 0, 0, 0);
    kind = strncmp(name, "tenon-", 6) == 0 ? kEngine : kOther;
    generation_seen = now;
  }
  return kind;
}

static void count(void* caller) {
  if (!atomic_load_explicit(&counting, memory_order_relaxed)) return;
  if (kind_of_this_thread() == kOther) {
    atomic_fetch_add(&other_calls, 1);
    return;
  }
  const long i = atomic_fetch_add(&engine_calls, 1);
  if (i < kMaxCallers) atomic_store(&callers[i], caller);
}

#define COUNT() count(__builtin_return_address(0))

void* malloc(size_t n) {
  COUNT();
  return __libc_malloc(n);
}

void* calloc(size_t n, size_t size) {
  COUNT();
  return __libc_calloc(n, size);
}

void* realloc(void* p, size_t n) {
  COUNT();
  return __libc_realloc(p, n);
}

void* memalign(size_t alignment, size_t n) {
  COUNT();
  return __libc_memalign(alignment, n);
}

void* aligned_alloc(size_t alignment, size_t n) {
  COUNT();
  return __libc_memalign(alignment, n);
}

int posix_memalign(void** p, size_t alignment, size_t n) {
  COUNT();
  *p = __libc_memalign(alignment, n);
  return *p || n == 0 ? 0 : ENOMEM;
}

void* mmap(void* at, size_t n, int protection, int flags, int file, off_t offset) {
  COUNT();
  return (void*)syscall(SYS_mmap, at, n, protection, flags, file, offset);
}

void* mmap64(void* at, size_t n, int protection, int flags, int file, off64_t offset) {
  COUNT();
  return (void*)syscall(SYS_mmap, at, n, protection, flags, file, offset);
}

void* sbrk(intptr_t n) {
  COUNT();
  if (!real_sbrk) real_sbrk = (void* (*)(intptr_t))dlsym(RTLD_NEXT, "sbrk");
  return real_sbrk(n);
}

int brk(void* end) {
  COUNT();
  if (!real_brk) real_brk = (int (*)(void*))dlsym(RTLD_NEXT, "brk");
  return real_brk(end);
}

static const char* stop(void) {
  atomic_store(&counting, 0);
  const long engine = atomic_load(&engine_calls);
  int length = snprintf(answer, sizeof answer, "%ld %ld", engine, atomic_load(&other_calls));
  for (long i = 0; i < engine && i < kMaxCallers && length < (int)sizeof answer; ++i) {
    Dl_info info = {0};
    void* caller = atomic_load(&callers[i]);
    if (!dladdr(caller, &info) || !info.dli_fname) continue;
    const char* file = strrchr(info.dli_fname, '/');
    length += snprintf(answer + length, sizeof answer - (size_t)length, " %s+%#lx",
                       file ? file + 1 : info.dli_fname,
                       (unsigned long)((char*)caller - (char*)info.dli_fbase));
  }
  return answer;
}

static const char* start(void) {
  atomic_store(&engine_calls, 0);
  atomic_store(&other_calls, 0);
  atomic_fetch_add(&generation, 1);
  atomic_store(&counting, 1);
  return "counting";
}

char* getenv(const char* name) {
  if (!real_getenv) real_getenv = (char* (*)(const char*))dlsym(RTLD_NEXT, "getenv");
  if (strcmp(name, "TENON_COUNT_START") == 0) return (char*)start();
  if (strcmp(name, "TENON_COUNT_STOP") == 0) return (char*)stop();
  return real_getenv(name);
}
