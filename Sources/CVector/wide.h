#pragma once
#include <stdint.h>
#include <string.h>

// How a function is written once and compiled for AVX2 and for any processor, with the same bits: numbers are
// worked on one by one or in eight lanes whatever the width of the vectors, and no product is fused with a sum.

#if defined(__clang__)
#pragma clang fp contract(off)
// Eight lanes are passed between functions that are always inlined: how they would be is nobody's business.
#pragma clang diagnostic ignored "-Wpsabi"
#else
#pragma STDC FP_CONTRACT OFF
#endif

#define TL_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define TL_AVX2 __attribute__((target("avx2")))
#else
#define TL_AVX2
#endif

/// Set before main: no thread is there to see it change.
extern int tl_uses_wide;

/// From `NAME_body`, an inline function: `tl_NAME`, and `tl_NAME_narrow` for tests.
#define TL_BOTH(NAME, PARAMETERS, ARGUMENTS)                                                                    \
    static void NAME##_plain PARAMETERS { NAME##_body ARGUMENTS; }                                              \
    TL_AVX2 static void NAME##_wide PARAMETERS { NAME##_body ARGUMENTS; }                                       \
    void tl_##NAME PARAMETERS {                                                                                 \
        if (tl_uses_wide)                                                                                       \
            NAME##_wide ARGUMENTS;                                                                              \
        else                                                                                                    \
            NAME##_plain ARGUMENTS;                                                                             \
    }                                                                                                           \
    void tl_##NAME##_narrow PARAMETERS { NAME##_plain ARGUMENTS; }

enum { TL_LANES = 8 };

typedef float tl_floats __attribute__((vector_size(4 * TL_LANES)));
typedef int32_t tl_words __attribute__((vector_size(4 * TL_LANES)));

TL_INLINE tl_floats tl_load(const float *at) {
    tl_floats value;
    memcpy(&value, at, sizeof value);
    return value;
}

TL_INLINE void tl_store(float *at, tl_floats value) { memcpy(at, &value, sizeof value); }

/// Elements of two vectors, by their numbers: those of the second go on where the first's end.
#define TL_MIXED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

TL_INLINE float tl_total(tl_floats v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
