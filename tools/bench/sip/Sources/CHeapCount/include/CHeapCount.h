// Counts calls and bytes asked of malloc, calloc, realloc, aligned_alloc and posix_memalign while on.
#ifndef CHEAPCOUNT_H
#define CHEAPCOUNT_H

void heap_count_start(void);
// Stops; calls and bytes since the start.
void heap_count_stop(long *calls, long *bytes);
// Bytes of the heap in use now.
long heap_bytes(void);

#endif
