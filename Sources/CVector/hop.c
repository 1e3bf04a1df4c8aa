#include "CVector.h"
#include "wide.h"

enum { BINS = 129, BANDS = 18 };

TL_INLINE tl_floats chosen(tl_words mask, tl_floats yes, tl_floats no) {
    return (tl_floats)(((tl_words)yes & mask) | ((tl_words)no & ~mask));
}

typedef struct { float value; int32_t bin; } peak;

// The first of the largest of the bins `first`…`last`, none of which is negative; their sum.
TL_INLINE peak strongest(const float *power, int32_t first, int32_t last, float *sum) {
    tl_floats sums = {0}, most = {0};
    tl_words where = {first, first, first, first, first, first, first, first};
    tl_words at = where + (tl_words){0, 1, 2, 3, 4, 5, 6, 7};
    int32_t k = first;
    for (; k + TL_LANES - 1 <= last; k += TL_LANES, at += TL_LANES) {
        tl_floats values = tl_load(power + k);
        sums += values;
        tl_words larger = values > most;
        most = chosen(larger, values, most);
        where = (at & larger) | (where & ~larger);
    }
    *sum = tl_total(sums);
    peak found = {most[0], where[0]};
    for (int lane = 1; lane < TL_LANES; lane++) {
        int is_first = most[lane] == found.value && where[lane] < found.bin;
        if (most[lane] > found.value || is_first) found = (peak){most[lane], where[lane]};
    }
    for (; k <= last; k++) {
        *sum += power[k];
        if (power[k] > found.value) found = (peak){power[k], k};
    }
    return found;
}

TL_INLINE void band_peak_body(const float *power, int32_t first, int32_t last, float *sum, int32_t *bin) {
    *bin = strongest(power, first, last, sum).bin;
}

TL_BOTH(
    band_peak, (const float *power, int32_t first, int32_t last, float *sum, int32_t *bin),
    (power, first, last, sum, bin))

TL_INLINE void blank(float *power, int32_t middle, int32_t reach) {
    int32_t from = middle - reach < 0 ? 0 : middle - reach;
    for (int32_t k = from; k <= middle + reach && k < BINS; k++) power[k] = 0;
}

TL_INLINE void peak_elsewhere_body(
    const float *power, int32_t first, int32_t last, int32_t middle, int32_t second, int32_t third, int32_t *bin) {
    float rest[BINS], sum;
    memcpy(rest, power, sizeof rest);
    blank(rest, middle, 4);
    blank(rest, second, 2);
    blank(rest, third, 2);
    peak found = strongest(rest, first, last, &sum);
    *bin = found.value > 0 ? found.bin : 0;
}

TL_BOTH(
    peak_elsewhere,
    (const float *power, int32_t first, int32_t last, int32_t middle, int32_t second, int32_t third, int32_t *bin),
    (power, first, last, middle, second, third, bin))

// log₂ of positive normal numbers, to 0.0002, as `fastLog2` in Spectrum.swift.
TL_INLINE tl_floats log2_of(tl_floats x) {
    tl_words bits = (tl_words)x;
    tl_floats exponent = __builtin_convertvector((bits >> 23) - 127, tl_floats);
    tl_floats m = (tl_floats)((bits & 0x7fffff) | 0x3f800000) - 1;
    return exponent + m * (1.43807f + m * (-0.67477f + m * (0.3170f - m * 0.0803f)));
}

TL_INLINE tl_floats pairs(tl_floats a, tl_floats b) {
    return TL_MIXED(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + TL_MIXED(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}

TL_INLINE tl_floats fours(tl_floats ab, tl_floats cd) {
    return TL_MIXED(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) + TL_MIXED(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
}

// The total of each of eight vectors.
TL_INLINE tl_floats totals(const tl_floats v[8]) {
    tl_floats low = fours(pairs(v[0], v[1]), pairs(v[2], v[3]));
    tl_floats high = fours(pairs(v[4], v[5]), pairs(v[6], v[7]));
    return TL_MIXED(low, high, 0, 1, 2, 3, 8, 9, 10, 11) + TL_MIXED(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
}

TL_INLINE void ear_bands_body(
    const float *power, const tl_ear_tables *tables, int32_t age, float *floors, float *levels, float *heights) {
    float falling[TL_EAR_PARTS], rising[TL_EAR_PARTS];
    for (int32_t part = 0; part < TL_EAR_PARTS; part += 8) {
        tl_floats fall[8], rise[8];
        for (int32_t i = 0; i < 8; i++) {
            const float *bins = power + tables->starts[part + i];
            const float *down = tables->falling[part + i], *up = tables->rising[part + i];
            tl_floats low = tl_load(bins), high = tl_load(bins + TL_LANES);
            fall[i] = low * tl_load(down) + high * tl_load(down + TL_LANES);
            rise[i] = low * tl_load(up) + high * tl_load(up + TL_LANES);
        }
        tl_store(falling + part, totals(fall));
        tl_store(rising + part, totals(rise));
    }
    // Eight, eight, and the last eight once more, of which six are the same again: all are read before any is
    // written.
    static const int32_t groups[] = {0, 8, BANDS - 8};
    tl_floats level[3], floor[3];
    for (int i = 0; i < 3; i++) {
        int32_t at = groups[i];
        tl_floats old = tl_load(floors + at);
        level[i] = 3.0103f * log2_of(tl_load(rising + at) + tl_load(falling + at + 1) + 1);
        tl_words is_lower = level[i] < old;
        tl_floats moved = chosen(is_lower, old + tables->fall * (level[i] - old), old + tables->rise);
        tl_floats least = chosen(is_lower, level[i], old);
        floor[i] = age == 0 ? level[i] : age < tables->settling ? least : moved;
    }
    for (int i = 0; i < 3; i++) {
        tl_store(floors + groups[i], floor[i]);
        tl_store(levels + groups[i], (level[i] - 30) / 30);
        tl_store(heights + groups[i], (level[i] - floor[i]) / 15);
    }
}

TL_BOTH(
    ear_bands,
    (const float *power, const tl_ear_tables *tables, int32_t age, float *floors, float *levels, float *heights),
    (power, tables, age, floors, levels, heights))

TL_INLINE void squares_body(const int16_t *samples, int32_t count, int64_t *squares, int32_t *sum) {
    int64_t all = 0;
    int32_t plain = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t value = samples[i];
        all += value * value;
        plain += value;
    }
    *squares = all;
    *sum = plain;
}

TL_BOTH(
    squares, (const int16_t *samples, int32_t count, int64_t *squares, int32_t *sum),
    (samples, count, squares, sum))
