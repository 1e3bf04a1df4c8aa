#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    tl_thread_body body;
    void *context;
    char name[16];
} start_record;

static void *run(void *argument) {
    start_record record = *(start_record *)argument;
    free(argument);
    if (record.name[0]) pthread_setname_np(pthread_self(), record.name);
    record.body(record.context);
    return NULL;
}

int tl_thread_start(tl_thread_body body, void *context, const char *name, uint64_t *handle) {
    start_record *record = calloc(1, sizeof *record);
    if (!record) return -ENOMEM;
    record->body = body;
    record->context = context;
    if (name) strncpy(record->name, name, sizeof record->name - 1);
    // Signals belong to the main thread.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, record);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        free(record);
        return -error;
    }
    *handle = (uint64_t)thread;
    return 0;
}

int tl_thread_join(uint64_t handle) { return -pthread_join((pthread_t)handle, NULL); }

int tl_thread_detach(uint64_t handle) { return -pthread_detach((pthread_t)handle); }

int tl_allowed_cpus(int *cpus, int capacity) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) < 0) return -errno;
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < capacity; cpu++)
        if (CPU_ISSET(cpu, &set)) cpus[count++] = cpu;
    return count;
}

int tl_pin_current_thread(int cpu) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return -EINVAL;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return -pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int tl_set_round_robin(int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    return -pthread_setschedparam(pthread_self(), SCHED_RR, &parameters);
}
