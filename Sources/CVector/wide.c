#include "wide.h"

int tl_uses_wide;

__attribute__((constructor)) static void choose(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    tl_uses_wide = __builtin_cpu_supports("avx2") != 0;
#endif
}
