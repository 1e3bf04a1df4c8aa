#include "CAllocationCount.h"

#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <stddef.h>

// glibc's own names for what is overridden below.
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static volatile int on, traces;
static long allocations, frees;

static void count(void) {
    if (!on) return;
    allocations++;
    if (traces <= 0) return;
    traces--;
    on = 0;
    void *frames[24];
    backtrace_symbols_fd(frames, backtrace(frames, 24), 2);
    on = 1;
}

void *malloc(size_t n) { count(); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { count(); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { count(); return __libc_realloc(p, n); }
void *aligned_alloc(size_t alignment, size_t n) { count(); return __libc_memalign(alignment, n); }
void *memalign(size_t alignment, size_t n) { count(); return __libc_memalign(alignment, n); }
int posix_memalign(void **p, size_t alignment, size_t n) {
    count();
    *p = __libc_memalign(alignment, n);
    return *p ? 0 : ENOMEM;
}
void free(void *p) {
    if (on && p) frees++;
    __libc_free(p);
}

void allocation_count_start(int trace) { allocations = frees = 0; traces = trace; on = 1; }
void allocation_count_stop(long *a, long *f) { on = 0; *a = allocations; *f = frees; }
long allocation_heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return (long)(info.uordblks + info.hblkhd);
}
