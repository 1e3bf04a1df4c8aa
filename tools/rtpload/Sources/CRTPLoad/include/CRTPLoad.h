// The system calls of rtpload: batched datagrams with kernel stamps, one HTTP exchange, scheduling.
//
// Only <stdint.h> here: mmsghdr and friends clash with the Glibc module. A function returns a value
// >= 0, or -errno.
#ifndef CRTPLOAD_H
#define CRTPLOAD_H

#include <stdint.h>

// Non-blocking UDP socket bound to `address`:`port` with SO_TIMESTAMPNS and large buffers. Address 0 is
// every address: datagrams then say which of ours they come to, and leave from the one they name.
int rl_socket(uint32_t address, uint16_t port);
void rl_close(int fd);

typedef struct {
    const void *base;
    uint32_t count;
    uint32_t address;  // IPv4, host order
    uint16_t port;     // host order
    uint32_t source;   // our address it leaves from, host order; 0: the socket's
} rl_outgoing;

enum { RL_BATCH_LIMIT = 64, RL_PACKET_LIMIT = 1600 };
// Sends up to RL_BATCH_LIMIT datagrams; returns how many the kernel took.
int rl_send(int fd, const rl_outgoing *packets, int count);

typedef struct {
    uint8_t *base;
    uint32_t count;
    uint32_t address;   // source, host order
    uint16_t port;      // source port, host order
    uint32_t to;        // our address it came to, host order; 0 on a socket bound to one
    int64_t stamp_ns;   // kernel's receive time (CLOCK_REALTIME), 0 when it gave none
} rl_incoming;

// Receives up to RL_BATCH_LIMIT datagrams into buffers of its own, valid until the next call; one
// thread only.
int rl_receive(int fd, rl_incoming *packets);

int64_t rl_realtime_ns(void);
int64_t rl_monotonic_ns(void);
// Sleeps until the monotonic time `ns`.
void rl_sleep_until(int64_t ns);
// CPU time of this process, ns.
int64_t rl_cpu_ns(void);
// Pins to `cpu` (< 0: not) and asks for SCHED_RR when `realtime`; -errno of what failed last.
int rl_schedule(int cpu, int realtime);
// Raises the limit of open files to what is permitted.
void rl_raise_files(void);

// One request over a TCP connection of its own, answered until the far end closes.
int rl_exchange(
    uint32_t address, uint16_t port, const void *request, int count, void *response, int capacity);
// IPv4 of dotted decimal text in host order; 0 when it is none.
uint32_t rl_address(const char *text);

#endif
