#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union {
    struct sockaddr generic;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} any_address;

static socklen_t to_system(const tl_address *from, any_address *to) {
    memset(to, 0, sizeof *to);
    if (from->is_ipv6) {
        to->v6.sin6_family = AF_INET6;
        to->v6.sin6_port = htons(from->port);
        memcpy(&to->v6.sin6_addr, from->bytes, 16);
        return sizeof to->v6;
    }
    to->v4.sin_family = AF_INET;
    to->v4.sin_port = htons(from->port);
    memcpy(&to->v4.sin_addr, from->bytes, 4);
    return sizeof to->v4;
}

static void from_system(const any_address *from, tl_address *to) {
    memset(to, 0, sizeof *to);
    if (from->generic.sa_family == AF_INET6) {
        to->is_ipv6 = 1;
        to->port = ntohs(from->v6.sin6_port);
        memcpy(to->bytes, &from->v6.sin6_addr, 16);
    } else if (from->generic.sa_family == AF_INET) {
        to->port = ntohs(from->v4.sin_port);
        memcpy(to->bytes, &from->v4.sin_addr, 4);
    }
}

int tl_address_parse(const char *text, uint16_t port, tl_address *out) {
    memset(out, 0, sizeof *out);
    out->port = port;
    if (inet_pton(AF_INET, text, out->bytes) == 1) return 1;
    if (inet_pton(AF_INET6, text, out->bytes) == 1) {
        out->is_ipv6 = 1;
        return 1;
    }
    return 0;
}

int tl_udp_bind(const tl_address *address, int receive_buffer) {
    any_address system;
    socklen_t size = to_system(address, &system);
    int fd = socket(system.generic.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    if (receive_buffer > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (address->is_ipv6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &system.generic, size) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int tl_udp_set_receive_buffer(int fd, int bytes) {
    return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) < 0 ? -errno : 0;
}

int tl_udp_port(int fd) {
    any_address system;
    socklen_t size = sizeof system;
    if (getsockname(fd, &system.generic, &size) < 0) return -errno;
    tl_address address;
    from_system(&system, &address);
    return address.port;
}

int tl_udp_receive(int fd, void *buffer, int capacity, tl_address *from, uint32_t *drops) {
    any_address system;
    struct iovec vector = {.iov_base = buffer, .iov_len = (size_t)capacity};
    // Aligned for cmsghdr; holds the one 32-bit SO_RXQ_OVFL message.
    union {
        char bytes[CMSG_SPACE(sizeof(uint32_t))];
        struct cmsghdr alignment;
    } control;
    struct msghdr message = {
        .msg_name = &system,
        .msg_namelen = sizeof system,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t count = recvmsg(fd, &message, 0);
    if (count < 0) return -errno;
    if (message.msg_controllen > 0) {
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL)
            memcpy(drops, CMSG_DATA(header), sizeof *drops);
    }
    // A datagram larger than the buffer is no packet of ours: report it as the size that does not
    // parse rather than as a cut one.
    if (message.msg_flags & MSG_TRUNC) count = 0;
    from_system(&system, from);
    return (int)count;
}

int tl_udp_receive_from(int fd, void *buffer, int capacity, tl_address *from) {
    any_address system;
    socklen_t size = sizeof system;
    // MSG_TRUNC: the datagram's own size, so that a cut one is seen.
    ssize_t count =
        recvfrom(fd, buffer, (size_t)capacity, MSG_TRUNC, &system.generic, &size);
    if (count < 0) return -errno;
    from_system(&system, from);
    return count > capacity ? 0 : (int)count;
}

int tl_udp_send(int fd, const void *buffer, int count, const tl_address *to) {
    any_address system;
    socklen_t size = to_system(to, &system);
    ssize_t sent = sendto(fd, buffer, (size_t)count, MSG_NOSIGNAL, &system.generic, size);
    return sent < 0 ? -errno : (int)sent;
}

int64_t tl_udp_receive_buffer(int fd) {
    int size = 0;
    socklen_t length = sizeof size;
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length) < 0) return -errno;
    // The kernel doubles what it grants, for its own book-keeping (socket(7)).
    return size / 2;
}

int64_t tl_udp_drops(int fd) {
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t size = sizeof info;
    memset(info, 0, sizeof info);
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0) return -errno;
    return info[SK_MEMINFO_DROPS];
}

int tl_udp_receive_batch(int fd, tl_datagram *datagrams, int count) {
    struct mmsghdr messages[TL_BATCH_LIMIT];
    struct iovec vectors[TL_BATCH_LIMIT];
    any_address addresses[TL_BATCH_LIMIT];
    if (count > TL_BATCH_LIMIT) count = TL_BATCH_LIMIT;
    memset(messages, 0, sizeof messages[0] * (size_t)count);
    for (int i = 0; i < count; i++) {
        vectors[i].iov_base = datagrams[i].base;
        vectors[i].iov_len = datagrams[i].capacity;
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &addresses[i];
        messages[i].msg_hdr.msg_namelen = sizeof addresses[i];
    }
    int received = recvmmsg(fd, messages, (unsigned)count, MSG_DONTWAIT, NULL);
    if (received < 0) return -errno;
    for (int i = 0; i < received; i++) {
        int is_cut = messages[i].msg_hdr.msg_flags & MSG_TRUNC;
        datagrams[i].count = is_cut ? 0 : messages[i].msg_len;
        from_system(&addresses[i], &datagrams[i].address);
    }
    return received;
}

int tl_udp_send_batch(int fd, const tl_datagram *datagrams, int count) {
    struct mmsghdr messages[TL_BATCH_LIMIT];
    struct iovec vectors[TL_BATCH_LIMIT];
    any_address addresses[TL_BATCH_LIMIT];
    if (count > TL_BATCH_LIMIT) count = TL_BATCH_LIMIT;
    memset(messages, 0, sizeof messages[0] * (size_t)count);
    for (int i = 0; i < count; i++) {
        vectors[i].iov_base = datagrams[i].base;
        vectors[i].iov_len = datagrams[i].count;
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &addresses[i];
        messages[i].msg_hdr.msg_namelen = to_system(&datagrams[i].address, &addresses[i]);
    }
    int sent = sendmmsg(fd, messages, (unsigned)count, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}
