#include "CVector.h"

#include <string.h>

// Each number is worked on by itself and no product is fused with a sum, so that wide vectors and
// narrow ones give the same bits.
#pragma STDC FP_CONTRACT OFF

#define ROUNDING 12582912.0f  // 1.5 · 2^23: adding it rounds to a whole number in the low bits

static inline __attribute__((always_inline)) float sigmoid(float x) {
    float y = x < -40 ? -40 : x;
    y = (y > 40 ? 40 : y) * -1.44269504f;
    float shifted = y + ROUNDING;
    float f = y - (shifted - ROUNDING);
    float power = 0.001326700f;
    power = power * f + 0.00967546f;
    power = power * f + 0.05550743f;
    power = power * f + 0.24022122f;
    power = power * f + 0.69314695f;
    power = power * f + 1.00000007f;
    uint32_t bits, steps;
    memcpy(&bits, &power, sizeof bits);
    memcpy(&steps, &shifted, sizeof steps);
    bits += steps << 23;
    memcpy(&power, &bits, sizeof power);
    return 1 / (1 + power);
}

static inline __attribute__((always_inline)) void gates(
    float *restrict input, const float *restrict recurrent, float *restrict state, int32_t hidden) {
    for (int32_t i = 0; i < 2 * hidden; i++) input[i] = sigmoid(input[i] + recurrent[i]);
    for (int32_t i = 0; i < hidden; i++) {
        float sum = input[2 * hidden + i] + input[i] * recurrent[2 * hidden + i];
        float fresh = 2 * sigmoid(2 * sum) - 1;
        state[i] = fresh + input[hidden + i] * (state[i] - fresh);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void wide(
    float *restrict input, const float *restrict recurrent, float *restrict state, int32_t hidden) {
    gates(input, recurrent, state, hidden);
}
static int has_wide(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") != 0;
}
#else
static void wide(
    float *restrict input, const float *restrict recurrent, float *restrict state, int32_t hidden) {
    gates(input, recurrent, state, hidden);
}
static int has_wide(void) { return 0; }
#endif

static int uses_wide;

// Before main: no thread is there to see it change.
__attribute__((constructor)) static void choose(void) { uses_wide = has_wide(); }

void tl_gru_gates(float *input, const float *recurrent, float *state, int32_t hidden) {
    if (uses_wide)
        wide(input, recurrent, state, hidden);
    else
        gates(input, recurrent, state, hidden);
}

void tl_gru_gates_narrow(float *input, const float *recurrent, float *state, int32_t hidden) {
    gates(input, recurrent, state, hidden);
}
