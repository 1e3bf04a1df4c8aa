// Counts calls of malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign and free while on.
#ifndef CALLOCATIONCOUNT_H
#define CALLOCATIONCOUNT_H

// Starts at 0. With `trace` above 0 the first that many allocations print their callers.
void allocation_count_start(int trace);
// Stops; the numbers since the start.
void allocation_count_stop(long *allocations, long *frees);
// Bytes of the heap in use now.
long allocation_heap_bytes(void);

#endif
