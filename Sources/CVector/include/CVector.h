#pragma once
#include <stdint.h>

// What a recurrent network spends its time on, with the widest vectors of the processor at hand, and the
// same bits on every machine: sums of products are of whole numbers, which have no rounding, and floats
// are worked on one by one, without fused operations.

/// sums[r] = Σ over p of w[p][r][0] · v[2p] + w[p][r][1] · v[2p + 1], wrapping at 32 bits.
///
/// `weights` holds `pairs` · `rows` pairs in that order, `values` 2 · `pairs`, `sums` `rows`. `rows` has
/// to be a multiple of 16; nothing happens otherwise. No alignment is asked for.
void tl_matrix_i8(
    const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows, int32_t *sums);

/// The gates of a GRU: r = σ(input + recurrent) and z likewise, n = tanh(input + r · recurrent),
/// state = n + z · (state − n). `input` and `recurrent` hold 3 · `hidden` sums each (reset, update, new)
/// and must not overlap; `input` is spoilt. σ to 3e-7.
void tl_gru_gates(float *input, const float *recurrent, float *state, int32_t hidden);
/// The same in narrow vectors, for tests.
void tl_gru_gates_narrow(float *input, const float *recurrent, float *state, int32_t hidden);

/// The variant that `tl_matrix_i8` uses here: "avx512vnni", "avx2", "sse2" or "plain".
const char *tl_vector_kind(void);

/// As `tl_matrix_i8` by the variant of that number (0 plain, 1 SSE2, 2 AVX2, 3 AVX-512 VNNI), for
/// tests; 0 when this processor lacks it.
int tl_matrix_i8_by(
    int kind, const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows,
    int32_t *sums);
