#include "CVector.h"
#include "wide.h"

// A filter's next output waits for its last, s[n] = x[n] + c · s[n−1] − s[n−2], and the processor with it. So the two
// halves of the samples go through filters of their own at once, and what the first half's filter would have become by
// the end of the second half (without input) is added: s is linear in its input and in its state.
//
// After L samples of nothing, (s1, s2) has become (U[L] s1 − U[L−1] s2, U[L−1] s1 − U[L−2] s2) with
// U[k] = sin((k + 1) ω) / sin ω.

typedef struct { tl_floats last, before; } outputs;

TL_INLINE outputs next(outputs s, tl_floats c, tl_floats x) {
    // Only a product and a sum wait for the last output.
    return (outputs){c * s.last + (x - s.before), s.last};
}

TL_INLINE tl_floats all(int16_t sample) {
    float x = sample;
    return (tl_floats){x, x, x, x, x, x, x, x};
}

TL_INLINE outputs get(const tl_goertzel_state *state) {
    return (outputs){tl_load(state->last), tl_load(state->before)};
}

TL_INLINE void put(tl_goertzel_state *state, outputs s) {
    tl_store(state->last, s.last);
    tl_store(state->before, s.before);
}

TL_INLINE outputs joined(outputs s, outputs later, const tl_goertzel_bank *bank, int32_t count) {
    tl_floats u = tl_load(bank->free[count + 2]), u1 = tl_load(bank->free[count + 1]), u2 = tl_load(bank->free[count]);
    return (outputs){
        u * s.last - u1 * s.before + later.last,
        u1 * s.last - u2 * s.before + later.before,
    };
}

TL_INLINE void goertzel_body(
    const int16_t *samples, int32_t count, const tl_goertzel_bank *first, tl_goertzel_state *first_state,
    const tl_goertzel_bank *second, tl_goertzel_state *second_state) {
    tl_floats a = tl_load(first->coefficients), b = tl_load(second->coefficients);
    outputs s = get(first_state), t = get(second_state);
    while (count > 0) {
        int32_t half = count / 2 < TL_GOERTZEL_HALF ? count / 2 : TL_GOERTZEL_HALF;
        outputs later_s = {0}, later_t = {0};
        for (int32_t n = 0; n < half; n++) {
            tl_floats x = all(samples[n]), later = all(samples[half + n]);
            s = next(s, a, x);
            t = next(t, b, x);
            later_s = next(later_s, a, later);
            later_t = next(later_t, b, later);
        }
        s = joined(s, later_s, first, half);
        t = joined(t, later_t, second, half);
        samples += 2 * half;
        count -= 2 * half;
        if (count == 1) {
            tl_floats x = all(samples[0]);
            s = next(s, a, x);
            t = next(t, b, x);
            count = 0;
        }
    }
    put(first_state, s);
    put(second_state, t);
}

TL_BOTH(
    goertzel,
    (const int16_t *samples, int32_t count, const tl_goertzel_bank *first, tl_goertzel_state *first_state,
     const tl_goertzel_bank *second, tl_goertzel_state *second_state),
    (samples, count, first, first_state, second, second_state))
