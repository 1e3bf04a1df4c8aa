#include "CVector.h"
#include "wide.h"

enum { TAPS = TL_HALF_BAND_TAPS, PAST = TAPS - 1, LARGEST = TL_HALF_BAND_PASS };

// Σ taps[k] · line[n + k] of four vectors of n: their sums wait for nothing but themselves, so four are under way.
TL_INLINE void filter(const float *line, const float *taps, float *sums) {
    tl_floats sum[4] = {{0}};
    for (int k = 0; k < TAPS / 2; k++) {
        tl_floats tap = taps[k] - (tl_floats){0};
        for (int part = 0; part < 4; part++) {
            const float *left = line + TL_LANES * part + k, *right = line + TL_LANES * part + PAST - k;
            sum[part] += (tl_load(left) + tl_load(right)) * tap;
        }
    }
    for (int part = 0; part < 4; part++) tl_store(sums + TL_LANES * part, sum[part]);
}

// Rounded and clipped without a branch: 1.5 · 2²³ leaves the integer in the low bits.
TL_INLINE int16_t sample(float value) {
    float clipped = value < -32768 ? -32768 : value > 32767 ? 32767 : value;
    float shifted = clipped + 12582912;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int16_t)bits;
}

TL_INLINE void half_band_up_body(
    float *line, const float *taps, const int16_t *input, int32_t count, int16_t *output) {
    float sums[LARGEST];
    for (int32_t n = 0; n < count; n++) line[PAST + n] = input[n];
    for (int32_t n = 0; n < count; n += 4 * TL_LANES) filter(line + n, taps, sums + n);
    const float *middle = line + PAST - TL_HALF_BAND_DELAY;
    for (int32_t n = 0; n < count; n++) {
        output[2 * n] = sample(sums[n]);
        output[2 * n + 1] = sample(middle[n]);
    }
    memmove(line, line + count, PAST * sizeof *line);
}

TL_BOTH(
    half_band_up, (float *line, const float *taps, const int16_t *input, int32_t count, int16_t *output),
    (line, taps, input, count, output))

TL_INLINE void half_band_down_body(
    float *filtered, float *delayed, const float *taps, const int16_t *input, int32_t count, int16_t *output) {
    float sums[LARGEST];
    for (int32_t n = 0; n < count; n++) {
        delayed[PAST + n] = input[2 * n];
        filtered[PAST + n] = input[2 * n + 1];
    }
    for (int32_t n = 0; n < count; n += 4 * TL_LANES) filter(filtered + n, taps, sums + n);
    const float *middle = delayed + PAST - TL_HALF_BAND_DELAY;
    for (int32_t n = 0; n < count; n++) output[n] = sample(0.5f * (sums[n] + middle[n]));
    memmove(filtered, filtered + count, PAST * sizeof *filtered);
    memmove(delayed, delayed + count, PAST * sizeof *delayed);
}

TL_BOTH(
    half_band_down,
    (float *filtered, float *delayed, const float *taps, const int16_t *input, int32_t count, int16_t *output),
    (filtered, delayed, taps, input, count, output))
