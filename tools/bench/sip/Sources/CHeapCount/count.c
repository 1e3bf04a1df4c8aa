#include "CHeapCount.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

// glibc's own names for what is overridden below.
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static volatile int on;
static long calls, bytes;

static void count(size_t n) {
    if (!on) return;
    calls++;
    bytes += (long)n;
}

void *malloc(size_t n) { count(n); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { count(n * size); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { count(n); return __libc_realloc(p, n); }
void *aligned_alloc(size_t alignment, size_t n) { count(n); return __libc_memalign(alignment, n); }
int posix_memalign(void **p, size_t alignment, size_t n) {
    count(n);
    *p = __libc_memalign(alignment, n);
    return *p ? 0 : ENOMEM;
}

void heap_count_start(void) { calls = bytes = 0; on = 1; }
void heap_count_stop(long *c, long *b) { on = 0; *c = calls; *b = bytes; }
long heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return (long)(info.uordblks + info.hblkhd);
}
