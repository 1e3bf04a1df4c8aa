// Counts calls of malloc and its relatives on the threads of a given name, and sends RTP from a
// thread that allocates nothing.
#ifndef CENGINECOUNT_H
#define CENGINECOUNT_H

#include <stdint.h>

// From now on every allocation on a thread whose name is `name` counts; with `trace` above 0 the
// first that many print their callers on standard error.
void ec_start(const char *name, int trace);
// Stops; allocations and frees since the start.
void ec_stop(long *allocations, long *frees);
// Sees that counting works: allocates once on a thread of that name; what was counted.
long ec_self_test(const char *name);

// Starts a thread that sends 160 bytes of µ-law (`audio`, `count` bytes, a multiple of 160, kept by
// the caller) every 20 ms from 127.0.0.1:`from` + 2i to 127.0.0.1:`to` + 2i, for i below `legs`,
// evenly phased, and throws away what comes back. 0, or -errno.
int ec_sender_start(int legs, int from, int to, const uint8_t *audio, int count);
// Packets sent so far.
long ec_sender_sent(void);
// Packets that came back so far.
long ec_sender_received(void);
void ec_sender_stop(void);

#endif
