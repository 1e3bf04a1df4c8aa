#include "CVector.h"
#include "wide.h"

// The power spectrum of 256 samples: a real transform through a complex one of half the size, radix 4·4·4·2 in
// Stockham's order (no bit reversal).

enum { HALF = 128, LANES = TL_LANES };

typedef tl_floats floats;

typedef struct { floats re, im; } complexes;

TL_INLINE complexes load_both(const float *at) { return (complexes){tl_load(at), tl_load(at + HALF)}; }

typedef struct { complexes y[4]; } four;

// Twiddles: w, w², w³, each LANES real and LANES imaginary parts.
TL_INLINE four butterfly(complexes a, complexes b, complexes c, complexes d, const float *w) {
    floats sum_re = a.re + c.re, sum_im = a.im + c.im, difference_re = a.re - c.re, difference_im = a.im - c.im;
    floats pair_re = b.re + d.re, pair_im = b.im + d.im, turn_re = d.im - b.im, turn_im = b.re - d.re;
    four out;
    out.y[0] = (complexes){sum_re + pair_re, sum_im + pair_im};
    complexes z[3] = {
        {difference_re - turn_re, difference_im - turn_im},
        {sum_re - pair_re, sum_im - pair_im},
        {difference_re + turn_re, difference_im + turn_im},
    };
    for (int i = 0; i < 3; i++) {
        floats cosine = tl_load(w + 2 * LANES * i), sine = tl_load(w + 2 * LANES * i + LANES);
        out.y[i + 1] = (complexes){
            z[i].re * cosine - z[i].im * sine,
            z[i].re * sine + z[i].im * cosine,
        };
    }
    return out;
}

// Four vectors, one element of each in turn.
TL_INLINE void store_in_turn(float *at, floats a, floats b, floats c, floats d) {
    floats ab_low = TL_MIXED(a, b, 0, 8, 1, 9, 2, 10, 3, 11), ab_high = TL_MIXED(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    floats cd_low = TL_MIXED(c, d, 0, 8, 1, 9, 2, 10, 3, 11), cd_high = TL_MIXED(c, d, 4, 12, 5, 13, 6, 14, 7, 15);
    tl_store(at, TL_MIXED(ab_low, cd_low, 0, 1, 8, 9, 2, 3, 10, 11));
    tl_store(at + 8, TL_MIXED(ab_low, cd_low, 4, 5, 12, 13, 6, 7, 14, 15));
    tl_store(at + 16, TL_MIXED(ab_high, cd_high, 0, 1, 8, 9, 2, 3, 10, 11));
    tl_store(at + 24, TL_MIXED(ab_high, cd_high, 4, 5, 12, 13, 6, 7, 14, 15));
}

TL_INLINE void store_halves(float *at, floats a, floats b, floats c, floats d) {
    tl_store(at, TL_MIXED(a, b, 0, 1, 2, 3, 8, 9, 10, 11));
    tl_store(at + 8, TL_MIXED(c, d, 0, 1, 2, 3, 8, 9, 10, 11));
    tl_store(at + 16, TL_MIXED(a, b, 4, 5, 6, 7, 12, 13, 14, 15));
    tl_store(at + 24, TL_MIXED(c, d, 4, 5, 6, 7, 12, 13, 14, 15));
}

TL_INLINE void spectrum_body(const int16_t *samples, const tl_spectrum_tables *tables, float *power) {
    _Alignas(64) float first[2 * HALF], second[2 * HALF];
    // Even samples are the real part, odd ones the imaginary part.
    for (int n = 0; n < HALF; n += LANES) {
        tl_words both;
        memcpy(&both, samples + 2 * n, sizeof both);
        tl_store(first + n, __builtin_convertvector(both << 16 >> 16, floats) * tl_load(tables->window + n));
        tl_store(first + HALF + n, __builtin_convertvector(both >> 16, floats) * tl_load(tables->window + HALF + n));
    }
    for (int p = 0; p < 32; p += LANES) {
        const float *x = first + p;
        four f = butterfly(load_both(x), load_both(x + 32), load_both(x + 64), load_both(x + 96), tables->first[p / LANES]);
        store_in_turn(second + 4 * p, f.y[0].re, f.y[1].re, f.y[2].re, f.y[3].re);
        store_in_turn(second + HALF + 4 * p, f.y[0].im, f.y[1].im, f.y[2].im, f.y[3].im);
    }
    for (int p = 0; p < 8; p += 2) {
        const float *x = second + 4 * p;
        four f = butterfly(load_both(x), load_both(x + 32), load_both(x + 64), load_both(x + 96), tables->second[p / 2]);
        store_halves(first + 16 * p, f.y[0].re, f.y[1].re, f.y[2].re, f.y[3].re);
        store_halves(first + HALF + 16 * p, f.y[0].im, f.y[1].im, f.y[2].im, f.y[3].im);
    }
    for (int p = 0; p < 2; p++)
        for (int q = 0; q < 16; q += LANES) {
            const float *x = first + 16 * p + q;
            four f = butterfly(load_both(x), load_both(x + 32), load_both(x + 64), load_both(x + 96), tables->third[p]);
            for (int k = 0; k < 4; k++) {
                tl_store(second + 64 * p + q + 16 * k, f.y[k].re);
                tl_store(second + HALF + 64 * p + q + 16 * k, f.y[k].im);
            }
        }
    // The last factor of 2, in place.
    for (int q = 0; q < 64; q += LANES) {
        complexes a = load_both(second + q), b = load_both(second + 64 + q);
        tl_store(second + q, a.re + b.re);
        tl_store(second + 64 + q, a.re - b.re);
        tl_store(second + HALF + q, a.im + b.im);
        tl_store(second + HALF + 64 + q, a.im - b.im);
    }
    const float *re = second, *im = second + HALF;
    power[0] = (re[0] + im[0]) * (re[0] + im[0]);
    power[HALF] = (re[0] - im[0]) * (re[0] - im[0]);
    for (int k = 1; k < 65; k += LANES) {
        // Bins k…k + 7 and their mirrors 128 − k…121 − k, as vectors in the order of the former.
        int m = HALF + 1 - LANES - k;
        floats re_k = tl_load(re + k), im_k = tl_load(im + k);
        floats re_m = tl_load(re + m), im_m = tl_load(im + m);
        re_m = TL_MIXED(re_m, re_m, 7, 6, 5, 4, 3, 2, 1, 0);
        im_m = TL_MIXED(im_m, im_m, 7, 6, 5, 4, 3, 2, 1, 0);
        floats cosine = tl_load(tables->unpack + k - 1), sine = tl_load(tables->unpack + 64 + k - 1);
        // Even part E = (Z[k] + Z*[m]) / 2, odd part O = (Z[k] − Z*[m]) / 2i.
        floats even_re = (re_k + re_m) * 0.5f, even_im = (im_k - im_m) * 0.5f;
        floats odd_re = (im_k + im_m) * 0.5f, odd_im = (re_m - re_k) * 0.5f;
        floats turned_re = odd_re * cosine - odd_im * sine, turned_im = odd_re * sine + odd_im * cosine;
        floats high_re = even_re + turned_re, high_im = even_im + turned_im;
        floats low_re = even_re - turned_re, low_im = even_im - turned_im;
        floats low = low_re * low_re + low_im * low_im;
        tl_store(power + k, high_re * high_re + high_im * high_im);
        // Bin 64 is its own mirror: the second value stands.
        tl_store(power + m, TL_MIXED(low, low, 7, 6, 5, 4, 3, 2, 1, 0));
    }
}

TL_BOTH(
    spectrum, (const int16_t *samples, const tl_spectrum_tables *tables, float *power),
    (samples, tables, power))
