// Tells ThreadSanitizer about a Swift `Mutex` that two threads want at once. The quick way through the
// lock is inlined and instrumented; this slow one lies in libswiftSynchronization, which is not, so
// that bodies of `withLock` one behind the other looked like a race. The functions here stand before
// the library's, call them, and say what they order. Only tools/sanitize links them.
#define _GNU_SOURCE
#include "mutex.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// Not there under AddressSanitizer.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *lock
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void tl_lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT bool tl_try_lock_slow(SELF) __asm__(TRY);
SWIFT void tl_unlock_slow(SELF) __asm__(UNLOCK);

static SWIFT void (*lock_slow)(uint32_t, SELF);
static SWIFT bool (*try_lock_slow)(SELF);
static SWIFT void (*unlock_slow)(SELF);

// A Swift that has renamed them must not be tested as if nothing had happened.
__attribute__((constructor)) static void find(void) {
    lock_slow = dlsym(RTLD_NEXT, LOCK);
    try_lock_slow = dlsym(RTLD_NEXT, TRY);
    unlock_slow = dlsym(RTLD_NEXT, UNLOCK);
    if (!lock_slow || !try_lock_slow || !unlock_slow) abort();
}

SWIFT void tl_lock_slow(uint32_t thread, SELF) {
    lock_slow(thread, lock);
    if (__tsan_acquire) __tsan_acquire(lock);
}

SWIFT bool tl_try_lock_slow(SELF) {
    bool got = try_lock_slow(lock);
    if (got && __tsan_acquire) __tsan_acquire(lock);
    return got;
}

SWIFT void tl_unlock_slow(SELF) {
    if (__tsan_release) __tsan_release(lock);
    unlock_slow(lock);
}
