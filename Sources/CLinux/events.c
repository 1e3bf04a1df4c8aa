#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int tl_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int tl_epoll_add(int epoll, int fd, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int tl_epoll_watch_writable(int epoll, int fd, uint64_t token, int wanted) {
    struct epoll_event event = {.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

int tl_epoll_remove(int epoll, int fd) {
    struct epoll_event event = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event) < 0 ? -errno : 0;
}

// Kernels before 5.11 lack epoll_pwait2: round up to milliseconds there.
static int wait_coarse(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns) {
    int ms = timeout_ns < 0 ? -1 : (int)((timeout_ns + 999999) / 1000000);
    return epoll_wait(epoll, events, capacity, ms);
}

int tl_epoll_wait(int epoll, tl_event *out, int capacity, int64_t timeout_ns) {
    struct epoll_event events[TL_EVENT_LIMIT];
    if (capacity > TL_EVENT_LIMIT) capacity = TL_EVENT_LIMIT;
    static int lacks_pwait2 = 0;
    int count;
    if (!__atomic_load_n(&lacks_pwait2, __ATOMIC_RELAXED)) {
        struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
        count = epoll_pwait2(epoll, events, capacity, timeout_ns < 0 ? NULL : &timeout, NULL);
        if (count < 0 && errno == ENOSYS) {
            __atomic_store_n(&lacks_pwait2, 1, __ATOMIC_RELAXED);
            count = wait_coarse(epoll, events, capacity, timeout_ns);
        }
    } else {
        count = wait_coarse(epoll, events, capacity, timeout_ns);
    }
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        out[i].token = events[i].data.u64;
        out[i].readable = (events[i].events & EPOLLIN) != 0;
        out[i].writable = (events[i].events & EPOLLOUT) != 0;
    }
    return count;
}

int tl_eventfd_create(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int tl_eventfd_signal(int fd) {
    uint64_t one = 1;
    // A full counter (EAGAIN) means that the reader is awake already.
    return write(fd, &one, sizeof one) < 0 && errno != EAGAIN ? -errno : 0;
}

int tl_eventfd_drain(int fd) {
    uint64_t value;
    return read(fd, &value, sizeof value) < 0 && errno != EAGAIN ? -errno : 0;
}

int tl_timerfd_create(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static struct timespec timespec_of(int64_t ns) {
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int tl_timerfd_set(int fd, int64_t first_ns, int64_t interval_ns) {
    struct itimerspec value = {
        .it_value = timespec_of(first_ns < 1 ? 1 : first_ns),
        .it_interval = timespec_of(interval_ns < 0 ? 0 : interval_ns),
    };
    return timerfd_settime(fd, 0, &value, NULL) < 0 ? -errno : 0;
}

int64_t tl_timerfd_drain(int fd) {
    uint64_t expirations;
    if (read(fd, &expirations, sizeof expirations) < 0) return errno == EAGAIN ? 0 : -errno;
    return (int64_t)expirations;
}
