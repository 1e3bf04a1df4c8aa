// The Linux calls that Glibc's Swift module lacks, as functions of plain integers.
//
// Nothing of the system is included here but <stdint.h>: struct epoll_event, mmsghdr and rusage
// clash with the Glibc module, so they stay inside the .c files. Unless a line says otherwise, a
// function returns a value >= 0, or -errno.
#ifndef TRUNKLINE_CLINUX_H
#define TRUNKLINE_CLINUX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// An IPv4 (in the first 4 bytes) or IPv6 address and a port in host order.
typedef struct {
    uint8_t bytes[16];
    uint16_t port;
    uint8_t is_ipv6;
} tl_address;

// Parses a numeric address; 0 when it is not one, 1 otherwise.
int tl_address_parse(const char *text, uint16_t port, tl_address *out);

// ---- UDP
// Non-blocking, close-on-exec UDP socket bound to `address`, SO_RXQ_OVFL on, receive buffer of
// `receive_buffer` bytes when > 0.
int tl_udp_bind(const tl_address *address, int receive_buffer);
// Asks for a receive buffer; the kernel gives at most net.core.rmem_max.
int tl_udp_set_receive_buffer(int fd, int bytes);
// Port a socket is bound to.
int tl_udp_port(int fd);
// Bytes received; -EAGAIN when there is nothing. `drops` is the socket's overflow count
// (SO_RXQ_OVFL) and is left alone when the kernel reports none.
int tl_udp_receive(int fd, void *buffer, int capacity, tl_address *from, uint32_t *drops);
// The same without the overflow count (`tl_udp_drops` samples it) and by a cheaper call; 0 also for
// a datagram larger than `capacity`.
int tl_udp_receive_from(int fd, void *buffer, int capacity, tl_address *from);
int tl_udp_send(int fd, const void *buffer, int count, const tl_address *to);
// Bytes of receive buffer that the kernel grants a socket.
int64_t tl_udp_receive_buffer(int fd);
// Datagrams the kernel dropped at this socket (SO_MEMINFO).
int64_t tl_udp_drops(int fd);

typedef struct {
    void *base;
    uint32_t capacity;
    uint32_t count;
    tl_address address;
} tl_datagram;

enum { TL_BATCH_LIMIT = 64 };
// Up to TL_BATCH_LIMIT datagrams in one system call (recvmmsg, sendmmsg); returns how many. A
// received datagram larger than its buffer has count 0.
int tl_udp_receive_batch(int fd, tl_datagram *datagrams, int count);
int tl_udp_send_batch(int fd, const tl_datagram *datagrams, int count);

// ---- memory
// Asks the processor for `count` bytes from `start` on that are used soon; reads nothing itself.
static inline void tl_prefetch(const void *start, int count) {
    for (int offset = 0; offset < count; offset += 64)
        __builtin_prefetch((const char *)start + offset, 1, 3);
}

// ---- epoll, eventfd, timerfd
typedef struct {
    uint64_t token;
    uint32_t readable;  // 1: data waits; 0: error or hang-up only, or only writable
    uint32_t writable;  // 1: takes data again; only of descriptors watched for it
} tl_event;

enum { TL_EVENT_LIMIT = 256 };
int tl_epoll_create(void);
int tl_epoll_add(int epoll, int fd, uint64_t token);
// Watches a descriptor that was added from now on for room to write as well, or no longer.
int tl_epoll_watch_writable(int epoll, int fd, uint64_t token, int wanted);
int tl_epoll_remove(int epoll, int fd);
// Waits at most `timeout_ns` (< 0: for ever); returns up to min(capacity, TL_EVENT_LIMIT) events,
// 0 also when a signal interrupted.
int tl_epoll_wait(int epoll, tl_event *events, int capacity, int64_t timeout_ns);
int tl_eventfd_create(void);
int tl_eventfd_signal(int fd);
int tl_eventfd_drain(int fd);
int tl_timerfd_create(void);
// First expiry after `first_ns`, then every `interval_ns` (0: once); both from now.
int tl_timerfd_set(int fd, int64_t first_ns, int64_t interval_ns);
// Expirations since the last read; 0 when none.
int64_t tl_timerfd_drain(int fd);

// ---- files
int tl_rename(const char *from, const char *to);
int tl_unlink(const char *path);
// Cuts an open file to `size` bytes.
int tl_truncate(int fd, int64_t size);
// Names that an open file has in its file system; 0: it was deleted.
int tl_link_count(int fd);
int tl_pwrite_all(int fd, const void *bytes, int64_t count, int64_t offset);
int tl_close(int fd);
// A pipe whose both ends are non-blocking.
int tl_pipe(int *read_end, int *write_end);
int tl_read(int fd, void *bytes, int capacity);
// Makes the folder that `path` lies in, and those above it.
int tl_make_parent(const char *path);
// The system's words for an errno, always terminated.
void tl_error_text(int error, char *text, int capacity);
// One byte into a non-blocking pipe; a full pipe is success (the reader is awake already).
int tl_wake(int fd);

// ---- time and entropy
int64_t tl_monotonic_ns(void);
// Since 1970.
int64_t tl_realtime_ns(void);
void tl_sleep_ns(int64_t ns);
int tl_random(void *bytes, int count);
// CPU time of the calling thread / of the process, ns.
int64_t tl_thread_cpu_ns(void);
int64_t tl_process_cpu_ns(void);

// ---- threads
typedef void (*tl_thread_body)(void *context);
// Starts a thread; `handle` is opaque and must be joined or detached once.
int tl_thread_start(tl_thread_body body, void *context, const char *name, uint64_t *handle);
int tl_thread_join(uint64_t handle);
// Instead of joining: the thread's end is nobody's affair.
int tl_thread_detach(uint64_t handle);
// The CPUs this process may use, ascending; returns how many were written.
int tl_allowed_cpus(int *cpus, int capacity);
int tl_pin_current_thread(int cpu);
// SCHED_RR for the calling thread; -EPERM when not permitted.
int tl_set_round_robin(int priority);

#ifdef __cplusplus
}
#endif
#endif
