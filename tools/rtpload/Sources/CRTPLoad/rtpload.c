#define _GNU_SOURCE
#include "CRTPLoad.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address_of(uint32_t address, uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int rl_socket(uint32_t address, uint16_t port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct sockaddr_in local = address_of(address, port);
    if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    int on = 1, size = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (address == 0) setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    // FORCE needs CAP_NET_ADMIN; the plain option gives what net.core.*mem_max permits.
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

void rl_close(int fd) { close(fd); }

typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
} source_control;

// The datagram leaves from `address`.
static void leave_from(struct msghdr *message, source_control *control, uint32_t address) {
    memset(control, 0, sizeof *control);
    message->msg_control = control;
    message->msg_controllen = sizeof *control;
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(address)};
    memcpy(CMSG_DATA(c), &info, sizeof info);
}

int rl_send(int fd, const rl_outgoing *packets, int count) {
    source_control controls[RL_BATCH_LIMIT];
    struct mmsghdr messages[RL_BATCH_LIMIT];
    struct iovec vectors[RL_BATCH_LIMIT];
    struct sockaddr_in targets[RL_BATCH_LIMIT];
    if (count > RL_BATCH_LIMIT) count = RL_BATCH_LIMIT;
    memset(messages, 0, sizeof messages[0] * (size_t)count);
    for (int i = 0; i < count; i++) {
        targets[i] = address_of(packets[i].address, packets[i].port);
        vectors[i].iov_base = (void *)packets[i].base;
        vectors[i].iov_len = packets[i].count;
        messages[i].msg_hdr.msg_name = &targets[i];
        messages[i].msg_hdr.msg_namelen = sizeof targets[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        if (packets[i].source) leave_from(&messages[i].msg_hdr, &controls[i], packets[i].source);
    }
    int sent = sendmmsg(fd, messages, (unsigned)count, 0);
    return sent < 0 ? -errno : sent;
}

int rl_receive(int fd, rl_incoming *packets) {
    static uint8_t buffers[RL_BATCH_LIMIT][RL_PACKET_LIMIT];
    static struct {
        _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct timespec)) +
                                            CMSG_SPACE(sizeof(struct in_pktinfo))];
    } controls[RL_BATCH_LIMIT];
    struct mmsghdr messages[RL_BATCH_LIMIT];
    struct iovec vectors[RL_BATCH_LIMIT];
    struct sockaddr_in sources[RL_BATCH_LIMIT];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < RL_BATCH_LIMIT; i++) {
        vectors[i] = (struct iovec){buffers[i], RL_PACKET_LIMIT};
        messages[i].msg_hdr.msg_name = &sources[i];
        messages[i].msg_hdr.msg_namelen = sizeof sources[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = controls[i].bytes;
        messages[i].msg_hdr.msg_controllen = sizeof controls[i].bytes;
    }
    int count = recvmmsg(fd, messages, RL_BATCH_LIMIT, MSG_DONTWAIT, NULL);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        packets[i] = (rl_incoming){
            .base = buffers[i], .count = messages[i].msg_len, .address = ntohl(sources[i].sin_addr.s_addr),
            .port = ntohs(sources[i].sin_port)};
        struct msghdr *header = &messages[i].msg_hdr;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof info);
                packets[i].to = ntohl(info.ipi_addr.s_addr);
            }
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
            packets[i].stamp_ns = (int64_t)stamp.tv_sec * 1000000000 + stamp.tv_nsec;
        }
    }
    return count;
}

int64_t rl_realtime_ns(void) { return nanoseconds(CLOCK_REALTIME); }
int64_t rl_monotonic_ns(void) { return nanoseconds(CLOCK_MONOTONIC); }
int64_t rl_cpu_ns(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

void rl_sleep_until(int64_t ns) {
    struct timespec until = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) continue;
}

int rl_schedule(int cpu, int realtime) {
    int result = 0;
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) < 0) result = -errno;
    }
    struct sched_param parameter = {.sched_priority = 5};
    if (realtime && sched_setscheduler(0, SCHED_RR, &parameter) < 0) result = -errno;
    return result;
}

void rl_raise_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int rl_exchange(
    uint32_t address, uint16_t port, const void *request, int count, void *response, int capacity) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct sockaddr_in target = address_of(address, port);
    int result = connect(fd, (struct sockaddr *)&target, sizeof target);
    const char *next = request;
    while (result == 0 && count > 0) {
        ssize_t sent = send(fd, next, (size_t)count, MSG_NOSIGNAL);
        if (sent <= 0) result = -1;
        next += sent;
        count -= (int)sent;
    }
    int filled = 0;
    while (result == 0 && filled < capacity) {
        ssize_t got = recv(fd, (char *)response + filled, (size_t)(capacity - filled), 0);
        if (got < 0) result = -1;
        if (got <= 0) break;
        filled += (int)got;
    }
    int error = errno;
    close(fd);
    return result < 0 ? -error : filled;
}

uint32_t rl_address(const char *text) {
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1 ? ntohl(address.s_addr) : 0;
}
