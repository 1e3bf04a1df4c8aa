#pragma once
#include <stdint.h>

// What detectors, resampler and G.722 spend their time on, with the widest vectors of the processor at hand, and the same bits on
// every machine: sums of products of weights are of whole numbers, which have no rounding, and floats are worked on
// one by one or in eight lanes, without fused operations. Each function has a `_narrow` twin that does not ask for
// AVX2, for tests.

// MARK: the spectrum

/// Constants of `tl_spectrum`; SpectrumTables in Spectrum.swift makes them.
typedef struct {
    /// The window of the even samples, then of the odd ones.
    float window[256];
    /// Twiddles w, w², w³ of the radix-4 stages, each eight real and then eight imaginary parts.
    float first[4][48], second[4][48], third[2][48];
    /// e^(−2πik/256) for k = 1…64, all real parts and then all imaginary ones.
    float unpack[128];
} tl_spectrum_tables;

/// Power of the bins 0…128 of 256 windowed samples.
void tl_spectrum(const int16_t *samples, const tl_spectrum_tables *tables, float *power);
void tl_spectrum_narrow(const int16_t *samples, const tl_spectrum_tables *tables, float *power);

// MARK: a hop. `power` holds 129 bins, none negative.

/// The sum of the bins `first`…`last` and the first of the strongest of them.
void tl_band_peak(const float *power, int32_t first, int32_t last, float *sum, int32_t *bin);
void tl_band_peak_narrow(const float *power, int32_t first, int32_t last, float *sum, int32_t *bin);

/// The first of the strongest bins that is more than 4 away from `middle` and more than 2 from `second` and
/// `third`; 0 when there is nothing.
void tl_peak_elsewhere(
    const float *power, int32_t first, int32_t last, int32_t middle, int32_t second, int32_t third, int32_t *bin);
void tl_peak_elsewhere_narrow(
    const float *power, int32_t first, int32_t last, int32_t middle, int32_t second, int32_t third, int32_t *bin);

/// Parts of the spectrum between the edges of neighbouring bands: 19, and some without weight.
enum { TL_EAR_PARTS = 24 };

/// Constants of `tl_ear_bands`; EarTables in EarFeatures.swift makes them.
typedef struct {
    /// Where 16 bins lie that hold the part: 0…113.
    int32_t starts[TL_EAR_PARTS];
    /// What of each of these bins goes to the band that falls there, and to the next, which rises.
    float falling[TL_EAR_PARTS][16], rising[TL_EAR_PARTS][16];
    /// What a floor falls by of the distance, and rises by, a hop; hops until then take the least.
    float fall, rise;
    int32_t settling;
} tl_ear_tables;

/// Levels of 18 bands and their heights over `floors`, scaled as rows of EarFeatures are; `age` hops came before.
void tl_ear_bands(
    const float *power, const tl_ear_tables *tables, int32_t age, float *floors, float *levels, float *heights);
void tl_ear_bands_narrow(
    const float *power, const tl_ear_tables *tables, int32_t age, float *floors, float *levels, float *heights);

/// The sum of the samples' squares, and of the samples; at most 65,536 samples.
void tl_squares(const int16_t *samples, int32_t count, int64_t *squares, int32_t *sum);
void tl_squares_narrow(const int16_t *samples, int32_t count, int64_t *squares, int32_t *sum);

// MARK: a half-band filter

/// Taps of the filtered phase, samples that one pass takes at most, and how far behind the delayed phase is.
enum { TL_HALF_BAND_TAPS = 32, TL_HALF_BAND_PASS = 320, TL_HALF_BAND_DELAY = 15 };

/// `count` samples to twice as many. `line` has room for TL_HALF_BAND_TAPS − 1 samples of the past and TL_HALF_BAND_PASS
/// new ones, all of them numbers; `taps` are the first half, the others mirror them; `count` is at most TL_HALF_BAND_PASS.
void tl_half_band_up(float *line, const float *taps, const int16_t *input, int32_t count, int16_t *output);
void tl_half_band_up_narrow(float *line, const float *taps, const int16_t *input, int32_t count, int16_t *output);

/// `count` pairs of samples to `count` samples: the first of a pair is delayed, the second filtered.
void tl_half_band_down(
    float *filtered, float *delayed, const float *taps, const int16_t *input, int32_t count, int16_t *output);
void tl_half_band_down_narrow(
    float *filtered, float *delayed, const float *taps, const int16_t *input, int32_t count, int16_t *output);

// MARK: G.722

/// Pairs of samples that the quadrature mirror filter remembers.
enum { TL_G722_PAST = 11 };

/// The adaptive part of one band (clause 3.6): quantiser step (DETL, DETH), what the predictor expects next (SL, SH),
/// and what both follow from. The last two of the eight `zeros` and `differences` stay 0.
typedef struct {
    int16_t zeros[8], differences[8];
    int32_t step, log_step, prediction, zero_part, reconstructed, partial[2], poles[2];
} tl_g722_band;

/// An encoder or a decoder: two bands and the pairs before, oldest first. It begins with zeros and the steps 32 (low)
/// and 8 (high).
typedef struct {
    tl_g722_band low, high;
    int32_t early[TL_G722_PAST], late[TL_G722_PAST];
} tl_g722;

/// `count` pairs of samples at 16 kHz to as many octets. The same bits everywhere.
void tl_g722_encode(tl_g722 *codec, const int16_t *samples, int32_t count, uint8_t *octets);
void tl_g722_encode_narrow(tl_g722 *codec, const int16_t *samples, int32_t count, uint8_t *octets);

/// `count` octets to as many pairs of samples; `auxiliary` (0, 1 or 2) of an octet's lowest bits are not speech.
void tl_g722_decode(tl_g722 *codec, int32_t auxiliary, const uint8_t *octets, int32_t count, int16_t *samples);
void tl_g722_decode_narrow(tl_g722 *codec, int32_t auxiliary, const uint8_t *octets, int32_t count, int16_t *samples);

// MARK: Goertzel filters

/// Samples that two halves are made of at most.
enum { TL_GOERTZEL_HALF = 64 };

/// Eight filters of frequencies ω: 2 cos ω, and how they ring, U[k] = sin((k + 1) ω) / sin ω for k = −2…64.
/// GoertzelBank in GoertzelBank.swift makes them.
typedef struct {
    float coefficients[8];
    float free[TL_GOERTZEL_HALF + 3][8];
} tl_goertzel_bank;

/// The last output of each filter and the one before.
typedef struct { float last[8], before[8]; } tl_goertzel_state;

/// Feeds two banks with the same samples.
void tl_goertzel(
    const int16_t *samples, int32_t count, const tl_goertzel_bank *first, tl_goertzel_state *first_state,
    const tl_goertzel_bank *second, tl_goertzel_state *second_state);
void tl_goertzel_narrow(
    const int16_t *samples, int32_t count, const tl_goertzel_bank *first, tl_goertzel_state *first_state,
    const tl_goertzel_bank *second, tl_goertzel_state *second_state);

// MARK: networks

/// sums[r] = Σ over p of w[p][r][0] · v[2p] + w[p][r][1] · v[2p + 1], wrapping at 32 bits.
///
/// `weights` holds `pairs` · `rows` pairs in that order, `values` 2 · `pairs`, `sums` `rows`. `rows` has
/// to be a multiple of 16; nothing happens otherwise. No alignment is asked for.
void tl_matrix_i8(
    const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows, int32_t *sums);

/// A dense layer: a matrix for `tl_matrix_i8`, and a scale and a bias a row.
typedef struct {
    const int8_t *weights;
    const float *scales, *biases;
    int32_t pairs, rows;
} tl_layer;

/// What a step has room for: of `embedded` and `hidden`, and of `inputs`.
enum { TL_WIDEST = 64, TL_MOST_INPUTS = 128 };

/// A dense layer with ReLU, one GRU, a dense layer.
typedef struct {
    tl_layer dense, input, recurrent;
    /// Row by row: `outputs` · `hidden`, and `outputs`.
    const float *head, *head_biases;
    int32_t inputs, embedded, hidden, outputs;
} tl_network;

/// One row in, `outputs` values out; `state` holds `hidden` values.
void tl_network_step(const tl_network *net, const float *row, float *state, float *output);
void tl_network_step_narrow(const tl_network *net, const float *row, float *state, float *output);

/// A part of `tl_network_step`, by itself for tests: the gates of a GRU, r = σ(input + recurrent) and z likewise, n = tanh(input + r · recurrent),
/// state = n + z · (state − n). `input` and `recurrent` hold 3 · `hidden` sums each (reset, update, new)
/// and must not overlap; `input` is spoilt. σ to 3e-7.
void tl_gru_gates(float *input, const float *recurrent, float *state, int32_t hidden);
void tl_gru_gates_narrow(float *input, const float *recurrent, float *state, int32_t hidden);

/// The variant that `tl_matrix_i8` uses here: "avx512vnni", "avx2", "sse2" or "plain".
const char *tl_vector_kind(void);

/// As `tl_matrix_i8` by the variant of that number (0 plain, 1 SSE2, 2 AVX2, 3 AVX-512 VNNI), for
/// tests; 0 when this processor lacks it.
int tl_matrix_i8_by(
    int kind, const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows,
    int32_t *sums);
