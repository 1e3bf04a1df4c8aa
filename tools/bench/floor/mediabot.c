// mediabot: the bot of the load tests. A WebSocket server on 127.0.0.1 that says what it hears.
//
//   client ─► upgrade ─► text: the payload of each `media` ─► a `media` message with the same audio
//                    └─► binary: the audio records of a multiplexed stream, as they came
//
//   mediabot --port P [--cpu 0] [--seconds 60]      P 0: any
//
// A connection to a path that begins with /sink is only listened to. Prints "ready PID PORT"; ends
// when its time is over or standard input ends, and then prints what it counted on standard error.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "web.h"

enum { EVENTS = 256, FILES = 65536, LEAST = 8192, MOST = 1 << 22, OUT = 1 << 22 };

typedef struct {
    int open, echoes;
    uint8_t *in;
    size_t filled, room;
    // What the kernel did not take yet.
    uint8_t *waiting;
    size_t waits;
} Client;

static Client clients[FILES];
static uint8_t out[OUT];
static size_t out_filled;
static int loop;
static uint64_t messages, bytes_in, answered, dropped, refused;
static size_t connections;

static void forget(int fd) {
    free(clients[fd].in);
    free(clients[fd].waiting);
    clients[fd] = (Client){0};
    close(fd);
}

// Keeps what the kernel would not take; a client that does not read for MOST bytes loses messages.
static void flush(int fd) {
    Client *c = &clients[fd];
    if (out_filled == 0) return;
    size_t done = 0;
    if (c->waits == 0) {
        ssize_t sent = send(fd, out, out_filled, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) done = (size_t)sent;
    }
    size_t rest = out_filled - done;
    if (rest > 0) {
        uint8_t *more = c->waits + rest > MOST ? NULL : realloc(c->waiting, c->waits + rest);
        if (more) {
            memcpy(more + c->waits, out + done, rest);
            c->waiting = more;
            c->waits += rest;
            struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.fd = fd};
            epoll_ctl(loop, EPOLL_CTL_MOD, fd, &event);
        } else {
            dropped++;
        }
    }
    out_filled = 0;
}

static void resume(int fd) {
    Client *c = &clients[fd];
    ssize_t sent = send(fd, c->waiting, c->waits, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return;
    c->waits -= (size_t)sent;
    memmove(c->waiting, c->waiting + sent, c->waits);
    if (c->waits > 0) return;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(loop, EPOLL_CTL_MOD, fd, &event);
}

static void add(int opcode, const void *head, size_t head_count, const void *body, size_t count) {
    if (out_filled + head_count + count + 16 > sizeof out) {
        dropped++;
        return;
    }
    out_filled += web_header(out + out_filled, opcode, head_count + count, 0);
    memcpy(out + out_filled, head, head_count);
    memcpy(out + out_filled + head_count, body, count);
    out_filled += head_count + count;
}

static void say(const uint8_t *payload, size_t count) {
    static uint8_t text[1 << 20];
    static const char before[] = "{\"event\":\"media\",\"media\":{\"payload\":\"", after[] = "\"}}";
    if (count + sizeof before + sizeof after > sizeof text) return;
    memcpy(text, before, sizeof before - 1);
    memcpy(text + sizeof before - 1, payload, count);
    memcpy(text + sizeof before - 1 + count, after, sizeof after - 1);
    add(1, text, sizeof before + sizeof after - 2 + count, "", 0);
    answered++;
}

// docs/STREAMING.md, "The multiplexed stream": a header of 4 bytes, then records of 16 bytes and their
// payload. Audio goes back under its leg with time 0; the rest is for a bot to read, not to send.
static void say_records(const uint8_t *bytes, size_t count) {
    static uint8_t reply[1 << 16];
    size_t filled = 4, place = 4;
    uint16_t records = 0;
    if (count < 4 || bytes[0] != 1) return;
    while (place + 16 <= count) {
        size_t size = 16 + (size_t)(bytes[place + 2] | bytes[place + 3] << 8);
        if (place + size > count || filled + size > sizeof reply) break;
        if (bytes[place] == 1) {
            memcpy(reply + filled, bytes + place, size);
            reply[filled + 1] &= 3;
            memset(reply + filled + 8, 0, 8);
            filled += size;
            records++;
        }
        place += size;
    }
    if (records == 0) return;
    memcpy(reply, (uint8_t[]){1, 0, (uint8_t)records, (uint8_t)(records >> 8)}, 4);
    add(2, reply, filled, "", 0);
    answered++;
}

// 0: goes on, -1: the connection is over.
static int hear(int fd, WebFrame *frame) {
    size_t length = 0;
    messages++;
    switch (frame->opcode) {
    case 1:
        if (!clients[fd].echoes) return 0;
        if (!web_field(frame->payload, frame->count, "\"event\":\"media", &length)) return 0;
        const uint8_t *payload = web_field(frame->payload, frame->count, "\"payload\":\"", &length);
        if (payload) say(payload, length);
        return 0;
    case 2:
        if (clients[fd].echoes) say_records(frame->payload, frame->count);
        return 0;
    case 8:
        add(8, frame->payload, frame->count < 2 ? 0 : 2, "", 0);
        flush(fd);
        return -1;
    case 9: add(10, frame->payload, frame->count, "", 0); return 0;
    default: return 0;
    }
}

// The request at the head of the buffer: its size, 0 when it is not all there, -1 when it is none.
static long upgrade(int fd) {
    Client *c = &clients[fd];
    uint8_t *end = memmem(c->in, c->filled, "\r\n\r\n", 4);
    if (!end) return c->filled > 4096 ? -1 : 0;
    *end = 0;
    const char *key = strcasestr((char *)c->in, "\r\nsec-websocket-key:");
    if (!key || memcmp(c->in, "GET ", 4) != 0) return -1;
    key += 20;
    while (*key == ' ') key++;
    uint8_t accept[28];
    web_accept((const uint8_t *)key, strcspn(key, "\r \t"), accept);
    c->echoes = memcmp(c->in + 4, "/sink", 5) != 0;
    c->open = 1;
    // A dialect that the client asks for is granted as it is.
    const char *protocol = strcasestr((char *)c->in, "\r\nsec-websocket-protocol:");
    int count = snprintf(
        (char *)out, sizeof out,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %.28s%.*s\r\n\r\n",
        (char *)accept, protocol ? 2 + (int)strcspn(protocol + 2, "\r") : 0,
        protocol ? protocol : "");
    out_filled = (size_t)count;
    flush(fd);
    connections++;
    return end + 4 - c->in;
}

static void serve(int fd) {
    Client *c = &clients[fd];
    if (c->room - c->filled < LEAST) {
        size_t room = c->room ? c->room * 2 : 2 * LEAST;
        uint8_t *more = room > MOST ? NULL : realloc(c->in, room);
        if (!more) return forget(fd);
        c->in = more;
        c->room = room;
    }
    ssize_t got = recv(fd, c->in + c->filled, c->room - c->filled, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return forget(fd);
    bytes_in += (uint64_t)got;
    c->filled += (size_t)got;
    size_t taken = 0;
    if (!c->open) {
        long size = upgrade(fd);
        if (size < 0) {
            refused++;
            return forget(fd);
        }
        if (size == 0) return;
        taken = (size_t)size;
    }
    for (;;) {
        WebFrame frame;
        int state = web_frame(c->in + taken, c->filled - taken, &frame);
        if (state == 0) break;
        if (state < 0 || hear(fd, &frame) < 0) return forget(fd);
        taken += frame.size;
    }
    c->filled -= taken;
    memmove(c->in, c->in + taken, c->filled);
    flush(fd);
}

static int number(int argc, char **argv, const char *name, int standard) {
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0) return atoi(argv[i + 1]);
    return standard;
}

int main(int argc, char **argv) {
    int port = number(argc, argv, "--port", 0), cpu = number(argc, argv, "--cpu", 0);
    time_t end = time(NULL) + number(argc, argv, "--seconds", 60);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    web_begin();

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 8192)) {
        perror("mediabot: listen");
        return 1;
    }
    getsockname(listener, (struct sockaddr *)&here, &size);
    loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    printf("ready %d %d\n", (int)getpid(), ntohs(here.sin_port));
    fflush(stdout);

    for (uint32_t turn = 0;; turn++) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(loop, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (client < 0) continue;
                if (client >= FILES) {
                    close(client);
                    refused++;
                    continue;
                }
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                event.data.fd = client;
                epoll_ctl(loop, EPOLL_CTL_ADD, client, &event);
                continue;
            }
            if (events[i].events & EPOLLOUT && clients[fd].waits > 0) resume(fd);
            if (events[i].events & ~(uint32_t)EPOLLOUT) serve(fd);
        }
        if (turn % 256 && count > 0) continue;
        struct pollfd input = {.fd = 0, .events = POLLIN};
        char byte;
        if (time(NULL) >= end) break;
        if (poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0) break;
    }
    fprintf(
        stderr, "bot: %zu connections, %llu messages, %llu bytes, %llu answered, %llu dropped, "
        "%llu refused\n", connections, (unsigned long long)messages, (unsigned long long)bytes_in,
        (unsigned long long)answered, (unsigned long long)dropped, (unsigned long long)refused);
    return 0;
}
