// mediafloor: the least that one AI leg costs in C, one thread, loopback only.
//
//   socket per leg ─► epoll ─► recvfrom ─► [SRTP] ─► µ-law ─► energy VAD + 8 Goertzel ─► ring
//                                              every WS ms: one masked WebSocket frame a call ◄┘
//   sendto ◄─ [SRTP] ◄─ µ-law ◄─ the same audio back
//
//   mediafloor --port P --legs N [--step 2] [--cpu 1] [--seconds 60] [--echo]
//              [--ws MS] [--srtp]        --srtp: 30 zero bytes are the key of every leg, both ways
//
// Prints "ready PID", runs until its time is over or standard input ends. --echo: no DSP at all.
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 160, RING = 8000, BINS = 8, TAG = 10, PACKET = 2048, EVENTS = 256 };

// ---- SRTP, AES_CM_128_HMAC_SHA1_80 (RFC 3711): persistent contexts, SHA-1 states of the pads

typedef struct {
    EVP_CIPHER_CTX *cipher;
    SHA_CTX inner, outer;
    uint8_t salt[16];
    uint32_t roc;
    uint16_t highest;
    int started;
} Srtp;

static void keystream(EVP_CIPHER_CTX *c, const uint8_t iv[16], uint8_t *bytes, int count) {
    int done;
    EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv);
    EVP_EncryptUpdate(c, bytes, &done, bytes, count);
}

static void srtp_begin(Srtp *s, const uint8_t master[30]) {
    uint8_t key[3][20] = {{0}};
    const int sizes[3] = {16, 20, 14};
    s->cipher = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(s->cipher, EVP_aes_128_ctr(), NULL, master, NULL);
    for (int label = 0; label < 3; label++) {
        uint8_t iv[16] = {0};
        memcpy(iv, master + 16, 14);
        iv[7] ^= (uint8_t)label;
        keystream(s->cipher, iv, key[label], sizes[label]);
    }
    EVP_EncryptInit_ex(s->cipher, EVP_aes_128_ctr(), NULL, key[0], NULL);
    memset(s->salt, 0, sizeof s->salt);
    memcpy(s->salt, key[2], 14);
    for (int pad = 0; pad < 2; pad++) {
        uint8_t block[64];
        memset(block, pad ? 0x5c : 0x36, sizeof block);
        for (int i = 0; i < 20; i++) block[i] ^= key[1][i];
        SHA_CTX *state = pad ? &s->outer : &s->inner;
        SHA1_Init(state);
        SHA1_Update(state, block, sizeof block);
    }
}

static uint32_t srtp_rollover(Srtp *s, const uint8_t *packet) {
    uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
    if (!s->started) {
        s->started = 1;
        s->highest = sequence;
    }
    int16_t ahead = (int16_t)(sequence - s->highest);
    if (ahead > 0) {
        if (sequence < s->highest) s->roc++;
        s->highest = sequence;
    } else if (sequence > s->highest) {
        return s->roc - 1;
    }
    return s->roc;
}

static void srtp_crypt(Srtp *s, uint8_t *packet, int count, uint32_t roc) {
    uint8_t iv[16];
    memcpy(iv, s->salt, sizeof iv);
    for (int i = 0; i < 4; i++) {
        iv[4 + i] ^= packet[8 + i];
        iv[8 + i] ^= (uint8_t)(roc >> (24 - 8 * i));
    }
    iv[12] ^= packet[2];
    iv[13] ^= packet[3];
    keystream(s->cipher, iv, packet + 12, count - 12);
}

static void srtp_tag(Srtp *s, const uint8_t *packet, int count, uint32_t roc, uint8_t tag[20]) {
    uint8_t digest[20];
    SHA_CTX hash = s->inner;
    roc = htonl(roc);
    SHA1_Update(&hash, packet, (size_t)count);
    SHA1_Update(&hash, &roc, sizeof roc);
    SHA1_Final(digest, &hash);
    hash = s->outer;
    SHA1_Update(&hash, digest, sizeof digest);
    SHA1_Final(tag, &hash);
}

// ---- a leg

typedef struct {
    int udp, web;
    struct sockaddr_in peer;
    Srtp in, out;
    int16_t ring[RING];
    uint32_t written, sent;
    float energy, tones[BINS];
    int speech;
} Leg;

static int16_t decoded[256];
static uint8_t encoded[8192];
static float coefficients[BINS];
static int web_ms, secure, only_echo;
static uint64_t packets, not_authentic, web_failures;

static void make_tables(void) {
    for (int code = 0; code < 256; code++) {
        int u = ~code & 0xff;
        int value = (((u & 15) << 3) + 0x84) << ((u & 0x70) >> 4);
        decoded[code] = (int16_t)(u & 0x80 ? 0x84 - value : value - 0x84);
    }
    for (int i = 0; i < 8192; i++) {
        int sample = (int16_t)(i << 3), best = 0, distance = 1 << 20;
        for (int code = 0; code < 256; code++) {
            int d = abs(decoded[code] - sample);
            if (d < distance) {
                distance = d;
                best = code;
            }
        }
        encoded[i] = (uint8_t)best;
    }
    for (int k = 0; k < BINS; k++) coefficients[k] = 0.4f + 0.15f * (float)k;
}

static void detect(Leg *leg, const int16_t *samples) {
    float energy = 0, a[BINS] = {0}, b[BINS] = {0};
    for (int i = 0; i < SAMPLES; i++) {
        float x = samples[i];
        energy += x * x;
        for (int k = 0; k < BINS; k++) {
            float next = x + coefficients[k] * a[k] - b[k];
            b[k] = a[k];
            a[k] = next;
        }
    }
    leg->energy += (energy - leg->energy) * 0.1f;
    leg->speech = energy > 2 * leg->energy;
    for (int k = 0; k < BINS; k++)
        leg->tones[k] = a[k] * a[k] + b[k] * b[k] - coefficients[k] * a[k] * b[k];
}

// One masked binary frame of `web_ms` of 8 kHz linear audio, when that much is there.
static void stream(Leg *leg) {
    static uint8_t frame[8 + RING * 2];
    static uint32_t mask = 1;
    uint32_t count = 8u * (uint32_t)web_ms;
    if (leg->written - leg->sent < count) return;
    uint32_t bytes = count * 2;
    mask = mask * 1664525 + 1013904223;
    uint64_t wide = (uint64_t)mask << 32 | mask;
    frame[0] = 0x82;
    frame[1] = 0x80 | 126;
    frame[2] = (uint8_t)(bytes >> 8);
    frame[3] = (uint8_t)bytes;
    memcpy(frame + 4, &mask, 4);
    for (uint32_t i = 0; i < count; i += 4) {
        uint64_t four;
        memcpy(&four, leg->ring + (leg->sent + i) % RING, 8);
        four ^= wide;
        memcpy(frame + 8 + i * 2, &four, 8);
    }
    leg->sent += count;
    if (send(leg->web, frame, 8 + bytes, MSG_NOSIGNAL) != (ssize_t)(8 + bytes)) web_failures++;
}

// Turns the packet in `p` into its answer; its new size, 0 when it is dropped.
static int answer(Leg *leg, uint8_t *p, int count) {
    uint8_t tag[20];
    if (secure) {
        if (count < 12 + TAG) return 0;
        uint32_t roc = srtp_rollover(&leg->in, p);
        count -= TAG;
        srtp_tag(&leg->in, p, count, roc, tag);
        if (memcmp(tag, p + count, TAG) != 0) {
            not_authentic++;
            return 0;
        }
        srtp_crypt(&leg->in, p, count, roc);
    }
    if (count != 12 + SAMPLES) return 0;
    packets++;
    if (!only_echo) {
        int16_t *samples = leg->ring + leg->written % RING;
        for (int i = 0; i < SAMPLES; i++) samples[i] = decoded[p[12 + i]];
        detect(leg, samples);
        leg->written += SAMPLES;
        if (web_ms) stream(leg);
        for (int i = 0; i < SAMPLES; i++) p[12 + i] = encoded[(uint16_t)samples[i] >> 3];
    }
    if (secure) {
        uint32_t roc = srtp_rollover(&leg->out, p);
        srtp_crypt(&leg->out, p, count, roc);
        srtp_tag(&leg->out, p, count, roc, tag);
        memcpy(p + count, tag, TAG);
        count += TAG;
    }
    return count;
}

// ---- the process

static int number(int argc, char **argv, const char *name, int standard) {
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0) return atoi(argv[i + 1]);
    return standard;
}

static int flag(int argc, char **argv, const char *name) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return 1;
    return 0;
}

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// The bots: a process on core 0 that reads and forgets.
static void sink(int listener, int legs) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    pin(0);
    int loop = epoll_create1(0);
    for (int i = 0; i < legs; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    }
    static uint8_t buffer[65536];
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(loop, events, EVENTS, 1000);
        for (int i = 0; i < count; i++)
            if (read(events[i].data.fd, buffer, sizeof buffer) == 0) exit(0);
        usleep(2000);
    }
}

int main(int argc, char **argv) {
    int port = number(argc, argv, "--port", 40000), legs = number(argc, argv, "--legs", 100);
    int step = number(argc, argv, "--step", 2), seconds = number(argc, argv, "--seconds", 60);
    int cpu = number(argc, argv, "--cpu", 1);
    web_ms = number(argc, argv, "--ws", 0);
    secure = flag(argc, argv, "--srtp");
    only_echo = flag(argc, argv, "--echo");
    if (legs < 1 || legs > 20000 || port < 1024 || port + legs * step > 65535) return 2;
    if (web_ms < 0 || web_ms > 500 || web_ms % 20) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    make_tables();

    struct sockaddr_in web = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (web_ms) {
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        socklen_t size = sizeof web;
        if (bind(listener, (struct sockaddr *)&web, sizeof web) || listen(listener, 8192))
            fail("listen");
        getsockname(listener, (struct sockaddr *)&web, &size);
        if (fork() == 0) sink(listener, legs);
        close(listener);
    }
    Leg *all = calloc((size_t)legs, sizeof *all);
    int loop = epoll_create1(0), on = 1;
    const uint8_t master[30] = {0};
    for (int i = 0; i < legs; i++) {
        Leg *leg = &all[i];
        struct sockaddr_in local = {
            .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        local.sin_port = htons((uint16_t)(port + i * step));
        leg->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (leg->udp < 0 || bind(leg->udp, (struct sockaddr *)&local, sizeof local)) fail("bind");
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        epoll_ctl(loop, EPOLL_CTL_ADD, leg->udp, &event);
        srtp_begin(&leg->in, master);
        srtp_begin(&leg->out, master);
        if (!web_ms) continue;
        leg->web = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(leg->web, (struct sockaddr *)&web, sizeof web)) fail("connect");
        setsockopt(leg->web, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(leg->web, F_SETFL, O_NONBLOCK);
    }
    pin(cpu);
    struct sched_param priority = {.sched_priority = 10};
    if (sched_setscheduler(0, SCHED_RR, &priority)) fprintf(stderr, "no SCHED_RR\n");
    printf("ready %d\n", (int)getpid());
    fflush(stdout);

    static uint8_t packet[PACKET];
    time_t end = time(NULL) + seconds;
    for (uint32_t turn = 0;; turn++) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(loop, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            Leg *leg = &all[events[i].data.u32];
            socklen_t size = sizeof leg->peer;
            ssize_t got = recvfrom(
                leg->udp, packet, sizeof packet, 0, (struct sockaddr *)&leg->peer, &size);
            if (got <= 0) continue;
            int reply = answer(leg, packet, (int)got);
            if (reply > 0)
                sendto(leg->udp, packet, (size_t)reply, 0, (struct sockaddr *)&leg->peer, size);
        }
        if (turn % 256 && count > 0) continue;
        struct pollfd input = {.fd = 0, .events = POLLIN};
        char byte;
        if (time(NULL) >= end) break;
        if (poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0) break;
    }
    fprintf(
        stderr, "%llu packets, %llu not authentic, %llu frames not taken\n",
        (unsigned long long)packets, (unsigned long long)not_authentic,
        (unsigned long long)web_failures);
    return 0;
}
