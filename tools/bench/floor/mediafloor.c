// mediafloor: the least that one AI leg costs in C, one thread, loopback only.
//
//   socket per leg ─► epoll ─► recvfrom ─► [SRTP] ─► µ-law ─► energy VAD + 8 Goertzel ─► ring
//                                              every WS ms: one masked WebSocket frame a call ◄┘
//   sendto ◄─ [SRTP] ◄─ µ-law ◄─ the same audio back, or with --bot the bot's audio:
//                          voice ring ◄─ µ-law ◄─ base64 ◄─ JSON ◄─ recv of its frame
//
//   mediafloor --port P --legs N [--step 2] [--cpu 1] [--seconds 60] [--echo]
//              [--ws MS [--bot PORT]] [--srtp]
//     --ws MS      a frame a call every MS: 16-bit binary to a sink of our own
//     --bot PORT   those frames as JSON with base64 of µ-law to the WebSocket bot there (mediabot),
//                  and what it sends is what the leg says: a full AI leg
//     --srtp       30 zero bytes are the key of every leg, both ways
//     --echo       no DSP at all
//
// Prints "ready PID", runs until its time is over or standard input ends. Its detectors are an energy
// VAD and eight Goertzel filters, some 0.4 µs a frame: the engine's do much more, on its own bill.
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "web.h"

enum { SAMPLES = 160, RING = 8000, BINS = 8, TAG = 10, PACKET = 2048, EVENTS = 256 };
enum { VOICE = 8000, INBOX = 16384, WEB = 1 << 30, LARGE = 2 << 20 };

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
    // The bot's side: its audio that waits, and the beginning of a message.
    int16_t *voice;
    uint8_t *inbox;
    uint32_t said, spoken, filled;
} Leg;

static int16_t decoded[256];
static uint8_t encoded[8192];
static float coefficients[BINS];
static int web_ms, bot_port, secure, only_echo;
static uint64_t packets, not_authentic, web_failures, frames_out, frames_in, spoken_frames;

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
    frames_out++;
    if (send(leg->web, frame, 8 + bytes, MSG_NOSIGNAL) != (ssize_t)(8 + bytes)) web_failures++;
}

static uint8_t *put(uint8_t *out, const char *text, size_t count) {
    memcpy(out, text, count);
    return out + count;
}

static uint8_t *put_number(uint8_t *out, uint32_t value) {
    uint8_t digits[10];
    int count = 0;
    do digits[count++] = (uint8_t)('0' + value % 10);
    while (value /= 10);
    while (count > 0) *out++ = digits[--count];
    return out;
}

// The same as a `media` message of docs/STREAMING.md.
static void tell(Leg *leg) {
#define TEXT(t) t, sizeof(t) - 1
    static uint8_t frame[16 + 512 + RING * 2], sound[RING];
    static uint32_t mask = 1;
    uint32_t count = 8u * (uint32_t)web_ms;
    if (leg->written - leg->sent < count) return;
    for (uint32_t i = 0; i < count; i++)
        sound[i] = encoded[(uint16_t)leg->ring[(leg->sent + i) % RING] >> 3];
    uint32_t number = leg->sent / count + 1;
    uint8_t *text = frame + 14, *end = text;
    end = put(end, TEXT("{\"event\":\"media\",\"sequenceNumber\":\""));
    end = put_number(end, number + 1);
    end = put(end, TEXT("\",\"streamSid\":\"MZleg-1\",\"media\":{\"track\":\"inbound\",\"chunk\":\""));
    end = put_number(end, number);
    end = put(end, TEXT("\",\"timestamp\":\""));
    end = put_number(end, leg->sent / 8);
    end = put(end, TEXT("\",\"payload\":\""));
    end += web_encode(sound, count, end);
    end = put(end, TEXT("\"}}"));
    leg->sent += count;
    frames_out++;
    mask = mask * 1664525 + 1013904223;
    uint8_t header[14];
    size_t size = web_header(header, 1, (size_t)(end - text), mask | 1);
    web_mask(text, (size_t)(end - text), mask | 1);
    memcpy(text - size, header, size);
    ssize_t all = end - text + (ssize_t)size;
    if (send(leg->web, text - size, (size_t)all, MSG_NOSIGNAL) != all) web_failures++;
}

// Audio back in: what the bot sent goes behind what waits to be said.
static void hear(Leg *leg) {
    static uint8_t sound[INBOX];
    ssize_t got = recv(leg->web, leg->inbox + leg->filled, INBOX - leg->filled, 0);
    if (got <= 0) return;
    leg->filled += (uint32_t)got;
    size_t taken = 0;
    WebFrame frame;
    while (web_frame(leg->inbox + taken, leg->filled - taken, &frame) > 0) {
        size_t length = 0;
        const uint8_t *payload = web_field(frame.payload, frame.count, "\"payload\":\"", &length);
        size_t count = payload ? web_decode(payload, length, sound) : 0;
        if (count > VOICE - (leg->said - leg->spoken)) count = VOICE - (leg->said - leg->spoken);
        for (size_t i = 0; i < count; i++) leg->voice[leg->said++ % VOICE] = decoded[sound[i]];
        taken += frame.size;
        frames_in++;
    }
    leg->filled -= (uint32_t)taken;
    memmove(leg->inbox, leg->inbox + taken, leg->filled);
}

// What the leg says now: the bot's next frame, or silence.
static void speak(Leg *leg, uint8_t *payload) {
    if (leg->said - leg->spoken < SAMPLES) {
        memset(payload, 0xff, SAMPLES);
        return;
    }
    const int16_t *samples = leg->voice + leg->spoken % VOICE;
    for (int i = 0; i < SAMPLES; i++) payload[i] = encoded[(uint16_t)samples[i] >> 3];
    leg->spoken += SAMPLES;
    spoken_frames++;
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
    if (count != 12 + SAMPLES && !only_echo) return 0;
    packets++;
    if (!only_echo) {
        int16_t *samples = leg->ring + leg->written % RING;
        for (int i = 0; i < SAMPLES; i++) samples[i] = decoded[p[12 + i]];
        detect(leg, samples);
        leg->written += SAMPLES;
        if (bot_port) {
            tell(leg);
            speak(leg, p + 12);
        } else {
            if (web_ms) stream(leg);
            for (int i = 0; i < SAMPLES; i++) p[12 + i] = encoded[(uint16_t)samples[i] >> 3];
        }
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

// One WebSocket to the bot, open.
static void dial(Leg *leg, const struct sockaddr_in *there) {
    char request[256], answer[1024];
    int on = 1, size = snprintf(
        request, sizeof request,
        "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", bot_port);
    leg->web = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(leg->web, (const struct sockaddr *)there, sizeof *there)) fail("connect");
    setsockopt(leg->web, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!bot_port) return;
    if (send(leg->web, request, (size_t)size, MSG_NOSIGNAL) != size) fail("upgrade");
    size_t filled = 0;
    while (!memmem(answer, filled, "\r\n\r\n", 4)) {
        ssize_t got = recv(leg->web, answer + filled, sizeof answer - filled, 0);
        if (got <= 0) fail("upgrade");
        filled += (size_t)got;
    }
    if (memcmp(answer, "HTTP/1.1 101", 12) != 0) fail("upgrade");
    leg->voice = calloc(VOICE, sizeof *leg->voice);
    leg->inbox = malloc(INBOX);
}

int main(int argc, char **argv) {
    int port = number(argc, argv, "--port", 40000), legs = number(argc, argv, "--legs", 100);
    int step = number(argc, argv, "--step", 2), seconds = number(argc, argv, "--seconds", 60);
    int cpu = number(argc, argv, "--cpu", 1);
    web_ms = number(argc, argv, "--ws", 0);
    secure = flag(argc, argv, "--srtp");
    bot_port = number(argc, argv, "--bot", 0);
    only_echo = flag(argc, argv, "--echo");
    if (legs < 1 || legs > 20000 || port < 1024 || port + legs * step > 65535) return 2;
    if (web_ms < 0 || web_ms > 500 || web_ms % 20 || (bot_port && !web_ms)) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    make_tables();
    web_begin();

    struct sockaddr_in web = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)bot_port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (web_ms && !bot_port) {
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        socklen_t size = sizeof web;
        if (bind(listener, (struct sockaddr *)&web, sizeof web) || listen(listener, 8192))
            fail("listen");
        getsockname(listener, (struct sockaddr *)&web, &size);
        if (fork() == 0) sink(listener, legs);
        close(listener);
    }
    // Large pages, where the kernel gives them: a leg's memory is touched once in 20 ms.
    size_t room = ((size_t)legs * sizeof(Leg) | (LARGE - 1)) + 1;
    Leg *all = aligned_alloc(LARGE, room);
    if (!all) fail("memory");
    madvise(all, room, MADV_HUGEPAGE);
    memset(all, 0, room);
    int loop = epoll_create1(0);
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
        dial(leg, &web);
        fcntl(leg->web, F_SETFL, O_NONBLOCK);
        if (!bot_port) continue;
        event.data.u32 = (uint32_t)i | WEB;
        epoll_ctl(loop, EPOLL_CTL_ADD, leg->web, &event);
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
            Leg *leg = &all[events[i].data.u32 & ~(uint32_t)WEB];
            if (events[i].data.u32 & WEB) {
                hear(leg);
                continue;
            }
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
        stderr,
        "%llu packets, %llu not authentic, %llu frames out (%llu not taken), %llu in, %llu said\n",
        (unsigned long long)packets, (unsigned long long)not_authentic,
        (unsigned long long)frames_out, (unsigned long long)web_failures,
        (unsigned long long)frames_in, (unsigned long long)spoken_frames);
    return 0;
}
