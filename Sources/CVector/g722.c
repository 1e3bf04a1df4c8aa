#include "CVector.h"
#include "wide.h"

// ITU-T G.722, the two bands of each pair of samples side by side in one loop: neither waits for the other. Names in
// the comments are the blocks of the Recommendation.

enum { PAST = TL_G722_PAST, PASS = 160, TAPS = PAST + 1 };

typedef int16_t shorts __attribute__((vector_size(16)));

// MARK: tables 14 to 21 of the Recommendation

/// Decision levels of the lower band over the step (Q6) in sixteenths, the first left out; none is above the last three.
static const uint16_t decision_levels[32] = {
    16 * 35,   16 * 72,   16 * 110,  16 * 150,  16 * 190,  16 * 233,  16 * 276,  16 * 323,
    16 * 370,  16 * 422,  16 * 473,  16 * 530,  16 * 587,  16 * 650,  16 * 714,  16 * 786,
    16 * 858,  16 * 940,  16 * 1023, 16 * 1121, 16 * 1219, 16 * 1339, 16 * 1458, 16 * 1612,
    16 * 1765, 16 * 1980, 16 * 2195, 16 * 2557, 16 * 2919, 0,         0,         0,
};
/// The lower band's codes by the levels that a difference reaches, from 0 up and below 0. Intervals 0 and 1 have the
/// highest: 61 and 60, 63 and 62.
static const uint8_t codes[2][30] = {
    {61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
     46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32},
    {63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
     18, 17, 16, 15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4},
};
/// Output values by four (QQ4), five (QQ5) and six bits (QQ6), and the upper band's two (QQ2).
static const int16_t four_bits[16] = {
    0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
    20456, 12896,  8968,   6288,  4240,  2584,  1200,  0,
};
static const int16_t five_bits[32] = {
    -280,  -280,  -23352, -17560, -14120, -11664, -9752, -8184, -6864, -5712, -4696,
    -3784, -2960, -2208,  -1520,  -880,   23352,  17560, 14120, 11664, 9752,  8184,
    6864,  5712,  4696,   3784,   2960,   2208,   1520,  880,   280,   -280,
};
static const int16_t six_bits[64] = {
    -136,  -136,  -136,  -136,  -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576,  -6000,  -5456,  -4944,  -4464,  -4008,  -3576,  -3168,  -2776,
    -2400, -2032, -1688, -1360, -1040,  -728,   24808,  21904,  19008,  16704,  14984,  13512,  12280,
    11192, 10232, 9360,  8576,  7856,   7192,   6576,   6000,   5456,   4944,   4464,   4008,   3576,
    3168,  2776,  2400,  2032,  1688,   1360,   1040,   728,    432,    136,    -432,   -136,
};
static const int16_t two_bits[4] = {-7408, -1616, 7408, 1616};
/// Multipliers of the log step (WL by RL42; WH), by four-bit and two-bit code.
static const int16_t low_weights[16] = {
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
};
static const int16_t high_weights[4] = {798, -214, 798, -214};
/// 2048 × 2^(i/32) (ILB).
static const int16_t powers[32] = {
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
};
/// The quadrature mirror filter's even phase, newest sample first; the odd phase has them reversed.
static const int32_t taps[TAPS] = {-11, 53, -156, 362, -805, 3876, 951, -210, 32, 12, -11, 3};

// MARK: one band

TL_INLINE int32_t clamped(int32_t value, int32_t least, int32_t most) {
    return value < least ? least : value > most ? most : value;
}

/// SATURATE: to 16 bits.
TL_INLINE int32_t saturated(int32_t value) { return clamped(value, INT16_MIN, INT16_MAX); }

/// `value` where `sign` is 0, its negative where it is −1.
TL_INLINE int32_t signed_as(int32_t value, int32_t sign) { return (value ^ sign) - sign; }

/// SCALEL, SCALEH: `log_step` is 0…22528.
TL_INLINE int32_t linear(int32_t log_step, int32_t shift) {
    int32_t mantissa = powers[log_step >> 6 & 31], right = shift - (log_step >> 11);
    return (right < 0 ? mantissa << -right : mantissa >> right) << 2;
}

/// Block 4: the predictor's update with the quantised `difference`, then the next prediction.
TL_INLINE void adapt(tl_g722_band *band, int32_t difference) {
    int32_t reconstructed = saturated(band->prediction + difference);  // RECONS
    int32_t partial = saturated(band->zero_part + difference);         // PARREC
    // 0 where the signs are the same, else −1. Signs are anybody's guess, so nothing branches on them.
    int32_t other = (partial ^ band->partial[0]) >> 31, other_before = (partial ^ band->partial[1]) >> 31;

    // UPPOL2, UPPOL1
    int32_t scaled = saturated(4 * band->poles[0]), turned = signed_as(scaled, ~other);
    if (turned > INT16_MAX) turned = INT16_MAX;
    int32_t second = signed_as(128, other_before) + (turned >> 7) + ((band->poles[1] * 32512) >> 15);
    band->poles[1] = clamped(second, -12288, 12288);
    int32_t bound = 15360 - band->poles[1];
    band->poles[0] = clamped(signed_as(192, other) + ((band->poles[0] * 32640) >> 15), -bound, bound);

    // UPZERO: towards the sign that each older difference shares with this one.
    shorts zeros, past;
    memcpy(&zeros, band->zeros, sizeof zeros);
    memcpy(&past, band->differences, sizeof past);
    int16_t d = (int16_t)difference, on = difference == 0 ? 0 : -1;
    shorts stride = (shorts){128, 128, 128, 128, 128, 128, 0, 0} & (shorts){on, on, on, on, on, on, on, on};
    shorts opposite = (past ^ (shorts){d, d, d, d, d, d, 0, 0}) >> 15;
    shorts move = (stride ^ opposite) - opposite;
    // (zeros · 32640) >> 15 = zeros + ⌊−zeros / 256⌋.
    tl_words leak = __builtin_convertvector(zeros, tl_words) * -256 >> 16;
    shorts kept = zeros + __builtin_convertvector(leak, shorts);
    zeros = __builtin_elementwise_add_sat(kept, move);
    memcpy(band->zeros, &zeros, sizeof zeros);

    // DELAYA
    past = __builtin_shufflevector(past, (shorts){d}, 8, 0, 1, 2, 3, 4, 14, 15);
    memcpy(band->differences, &past, sizeof past);
    int32_t before = band->reconstructed;
    band->reconstructed = reconstructed;
    band->partial[1] = band->partial[0];
    band->partial[0] = partial;

    // FILTEP, FILTEZ, PREDIC
    int32_t poles = saturated(
        ((band->poles[0] * saturated(2 * reconstructed)) >> 15) + ((band->poles[1] * saturated(2 * before)) >> 15));
    shorts twice = __builtin_elementwise_add_sat(past, past);
    tl_words products = __builtin_convertvector(zeros, tl_words) * __builtin_convertvector(twice, tl_words) >> 15;
    band->zero_part = saturated(__builtin_reduce_add(products));
    band->prediction = saturated(poles + band->zero_part);
}

/// One lower-band code, its four upper bits: 0…15.
TL_INLINE void update_low(tl_g722_band *band, int32_t code) {
    int32_t difference = (band->step * four_bits[code]) >> 15;
    band->log_step = clamped(((band->log_step * 127) >> 7) + low_weights[code], 0, 18432);
    band->step = linear(band->log_step, 8);
    adapt(band, difference);
}

/// One upper-band code: 0…3.
TL_INLINE void update_high(tl_g722_band *band, int32_t code) {
    int32_t difference = (band->step * two_bits[code]) >> 15;
    band->log_step = clamped(((band->log_step * 127) >> 7) + high_weights[code], 0, 22528);
    band->step = linear(band->log_step, 10);
    adapt(band, difference);
}

/// QUANTL: the six-bit code of a lower-band difference. As many decision levels as it reaches are counted.
TL_INLINE int32_t quantised(int32_t error, int32_t step) {
    int32_t magnitude = error ^ error >> 31;
    shorts reached = {0};
    for (int part = 0; part < 4; part++) {
        int16_t levels[8];
        // A step has 16 bits and so has level · step / 4096.
        for (int lane = 0; lane < 8; lane++)
            levels[lane] = (int16_t)(((uint32_t)decision_levels[8 * part + lane] * (uint32_t)step) >> 16);
        shorts level;
        memcpy(&level, levels, sizeof level);
        int16_t m = (int16_t)magnitude;
        reached -= (shorts){m, m, m, m, m, m, m, m} >= level;
    }
    // The three levels of 0 are always reached.
    return codes[error < 0][__builtin_reduce_add(reached) - 3];
}

/// LIMIT: to 15 bits.
TL_INLINE int32_t limited(int32_t value) { return clamped(value, -16384, 16383); }

// MARK: the quadrature mirror filter

/// Both phases' sums of eight outputs; `early` and `late` are the newest samples of the first. |sample| < 2¹⁶ and the
/// magnitudes of the taps sum to 6482: 30 bits suffice.
TL_INLINE void mirrored(const int32_t *early, const int32_t *late, tl_words *even, tl_words *odd) {
    tl_words sums[2] = {{0}};
    for (int k = 0; k < TAPS; k++) {
        tl_words e, l;
        memcpy(&e, early - k, sizeof e);
        memcpy(&l, late - k, sizeof l);
        sums[0] += e * taps[k];
        sums[1] += l * taps[TAPS - 1 - k];
    }
    *even = sums[0];
    *odd = sums[1];
}

typedef struct { int32_t early[PAST + PASS + TL_LANES], late[PAST + PASS + TL_LANES]; } pairs;

TL_INLINE void begin(const tl_g722 *codec, pairs *line) {
    memcpy(line->early, codec->early, sizeof codec->early);
    memcpy(line->late, codec->late, sizeof codec->late);
    memset(line->early + PAST + PASS, 0, TL_LANES * sizeof(int32_t));
    memset(line->late + PAST + PASS, 0, TL_LANES * sizeof(int32_t));
}

TL_INLINE void end(tl_g722 *codec, const pairs *line, int32_t count) {
    memcpy(codec->early, line->early + count, sizeof codec->early);
    memcpy(codec->late, line->late + count, sizeof codec->late);
}

// MARK: both ways

TL_INLINE void encode_some(tl_g722 *codec, const int16_t *samples, int32_t count, uint8_t *octets) {
    pairs line;
    int32_t low[PASS + TL_LANES], high[PASS + TL_LANES];
    begin(codec, &line);
    for (int32_t n = 0; n < PASS; n++) {
        line.early[PAST + n] = n < count ? samples[2 * n] : 0;
        line.late[PAST + n] = n < count ? samples[2 * n + 1] : 0;
    }
    for (int32_t n = 0; n < count; n += TL_LANES) {
        tl_words even, odd;
        mirrored(line.early + PAST + n, line.late + PAST + n, &even, &odd);
        // Within ±15 bits for any input: the filter's gain is 1.
        tl_words sum = (odd + even) >> 14, difference = (odd - even) >> 14;
        memcpy(low + n, &sum, sizeof sum);
        memcpy(high + n, &difference, sizeof difference);
    }
    end(codec, &line, count);
    tl_g722_band lower = codec->low, upper = codec->high;
    for (int32_t n = 0; n < count; n++) {
        int32_t code = quantised(saturated(low[n] - lower.prediction), lower.step);
        update_low(&lower, code >> 2);
        int32_t error = saturated(high[n] - upper.prediction), magnitude = error ^ error >> 31;
        int32_t is_large = magnitude >= (564 * upper.step) >> 12;
        int32_t upper_code = 3 + 2 * (error >> 31) - is_large;
        update_high(&upper, upper_code);
        octets[n] = (uint8_t)(upper_code << 6 | code);
    }
    codec->low = lower;
    codec->high = upper;
}

TL_INLINE void g722_encode_body(tl_g722 *codec, const int16_t *samples, int32_t count, uint8_t *octets) {
    for (int32_t done = 0; done < count; done += PASS)
        encode_some(codec, samples + 2 * done, count - done < PASS ? count - done : PASS, octets + done);
}

TL_BOTH(
    g722_encode, (tl_g722 *codec, const int16_t *samples, int32_t count, uint8_t *octets),
    (codec, samples, count, octets))

TL_INLINE void decode_some(tl_g722 *codec, int32_t auxiliary, const uint8_t *octets, int32_t count, int16_t *samples) {
    const int16_t *levels = auxiliary == 0 ? six_bits : auxiliary == 1 ? five_bits : four_bits;
    pairs line;
    begin(codec, &line);
    tl_g722_band lower = codec->low, upper = codec->high;
    for (int32_t n = 0; n < count; n++) {
        int32_t code = octets[n] & 0x3F, upper_code = octets[n] >> 6;
        int32_t low = limited(lower.prediction + ((lower.step * levels[code >> auxiliary]) >> 15));
        update_low(&lower, code >> 2);
        int32_t high = limited(upper.prediction + ((upper.step * two_bits[upper_code]) >> 15));
        update_high(&upper, upper_code);
        line.early[PAST + n] = low + high;
        line.late[PAST + n] = low - high;
    }
    codec->low = lower;
    codec->high = upper;
    for (int32_t n = count; n < count + TL_LANES && n < PASS; n++) line.early[PAST + n] = line.late[PAST + n] = 0;
    for (int32_t n = 0; n < count; n += TL_LANES) {
        tl_words even, odd;
        mirrored(line.early + PAST + n, line.late + PAST + n, &even, &odd);
        for (int lane = 0; lane < TL_LANES && n + lane < count; lane++) {
            samples[2 * (n + lane)] = (int16_t)saturated(odd[lane] >> 11);
            samples[2 * (n + lane) + 1] = (int16_t)saturated(even[lane] >> 11);
        }
    }
    end(codec, &line, count);
}

TL_INLINE void g722_decode_body(
    tl_g722 *codec, int32_t auxiliary, const uint8_t *octets, int32_t count, int16_t *samples) {
    for (int32_t done = 0; done < count; done += PASS)
        decode_some(
            codec, auxiliary, octets + done, count - done < PASS ? count - done : PASS, samples + 2 * done);
}

TL_BOTH(
    g722_decode, (tl_g722 *codec, int32_t auxiliary, const uint8_t *octets, int32_t count, int16_t *samples),
    (codec, auxiliary, octets, count, samples))
