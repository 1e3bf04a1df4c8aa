#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int tl_rename(const char *from, const char *to) { return rename(from, to) < 0 ? -errno : 0; }

int tl_unlink(const char *path) { return unlink(path) < 0 ? -errno : 0; }

int tl_truncate(int fd, int64_t size) { return ftruncate(fd, size) < 0 ? -errno : 0; }

int tl_link_count(int fd) {
    struct stat status;
    return fstat(fd, &status) < 0 ? -errno : (int)status.st_nlink;
}

int tl_pwrite_all(int fd, const void *bytes, int64_t count, int64_t offset) {
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = pwrite(fd, next, (size_t)count, offset);
        if (written < 0) {
            if (errno == EINTR) continue;
            return -errno;
        }
        next += written;
        count -= written;
        offset += written;
    }
    return 0;
}

int tl_make_parent(const char *path) {
    char folder[PATH_MAX];
    if (strlen(path) >= sizeof folder) return -ENAMETOOLONG;
    strcpy(folder, path);
    for (char *next = folder + 1; *next; next++) {
        if (*next != '/') continue;
        *next = 0;
        if (mkdir(folder, 0750) < 0 && errno != EEXIST) return -errno;
        *next = '/';
    }
    return 0;
}

void tl_error_text(int error, char *text, int capacity) {
    // The GNU form may return a constant instead of filling the buffer.
    char buffer[128];
    snprintf(text, (size_t)capacity, "%s", strerror_r(error, buffer, sizeof buffer));
}

int tl_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -errno;
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

int tl_read(int fd, void *bytes, int capacity) {
    ssize_t count = read(fd, bytes, (size_t)capacity);
    return count < 0 ? -errno : (int)count;
}

int tl_close(int fd) { return close(fd) < 0 ? -errno : 0; }

int tl_wake(int fd) {
    char byte = 1;
    return write(fd, &byte, 1) < 0 && errno != EAGAIN ? -errno : 0;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t tl_monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t tl_realtime_ns(void) { return clock_ns(CLOCK_REALTIME); }
int64_t tl_thread_cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }
int64_t tl_process_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

void tl_sleep_ns(int64_t ns) {
    struct timespec duration = {ns / 1000000000, ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, &duration) == EINTR) {}
}

int tl_random(void *bytes, int count) {
    char *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, (size_t)count, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            return -errno;
        }
        next += got;
        count -= (int)got;
    }
    return 0;
}
