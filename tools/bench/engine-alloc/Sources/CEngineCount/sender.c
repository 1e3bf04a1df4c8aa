#define _GNU_SOURCE
#include "CEngineCount.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LEGS = 256, FRAME = 160, SLOTS = 20 };

static int sockets[LEGS], leg_count, first_target, frames;
static const uint8_t *sound;
static atomic_int stopping;
static atomic_long sent, received;
static pthread_t thread;
static int running;

static void send_one(int leg, uint32_t number) {
    uint8_t packet[12 + FRAME] = {0x80, 0};
    uint32_t timestamp = htonl(number * FRAME), source = htonl(0x1000u + (uint32_t)leg);
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)number;
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &source, 4);
    memcpy(packet + 12, sound + FRAME * ((number + 7u * (uint32_t)leg) % (uint32_t)frames), FRAME);
    struct sockaddr_in target = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)(first_target + 2 * leg)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ssize_t result =
        sendto(sockets[leg], packet, sizeof packet, 0, (struct sockaddr *)&target, sizeof target);
    if (result == (ssize_t)sizeof packet) atomic_fetch_add(&sent, 1);
    while (recv(sockets[leg], packet, sizeof packet, 0) >= 0) atomic_fetch_add(&received, 1);
}

static void *run(void *unused) {
    (void)unused;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (uint32_t slot = 0; !atomic_load(&stopping); slot++) {
        next.tv_nsec += 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        for (int leg = (int)(slot % SLOTS); leg < leg_count; leg += SLOTS)
            send_one(leg, slot / SLOTS);
    }
    return NULL;
}

int ec_sender_start(int legs, int from, int to, const uint8_t *audio, int count) {
    if (legs < 1 || legs > LEGS || count < FRAME) return -EINVAL;
    leg_count = legs;
    first_target = to;
    sound = audio;
    frames = count / FRAME;
    for (int leg = 0; leg < legs; leg++) {
        struct sockaddr_in local = {
            .sin_family = AF_INET, .sin_port = htons((uint16_t)(from + 2 * leg)),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        sockets[leg] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sockets[leg] < 0) return -errno;
        if (bind(sockets[leg], (struct sockaddr *)&local, sizeof local) < 0) return -errno;
    }
    int result = pthread_create(&thread, NULL, run, NULL);
    running = result == 0;
    return -result;
}

long ec_sender_sent(void) { return atomic_load(&sent); }
long ec_sender_received(void) { return atomic_load(&received); }

void ec_sender_stop(void) {
    if (!running) return;
    atomic_store(&stopping, 1);
    pthread_join(thread, NULL);
    for (int leg = 0; leg < leg_count; leg++) close(sockets[leg]);
    running = 0;
}
