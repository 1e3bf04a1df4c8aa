#include "CVector.h"
#include "wide.h"

#define ROUNDING 12582912.0f  // 1.5 · 2^23: adding it rounds to a whole number in the low bits

TL_INLINE float sigmoid(float x) {
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

TL_INLINE void gru_gates_body(
    float *restrict input, const float *restrict recurrent, float *restrict state, int32_t hidden) {
    for (int32_t i = 0; i < 2 * hidden; i++) input[i] = sigmoid(input[i] + recurrent[i]);
    for (int32_t i = 0; i < hidden; i++) {
        float sum = input[2 * hidden + i] + input[i] * recurrent[2 * hidden + i];
        float fresh = 2 * sigmoid(2 * sum) - 1;
        state[i] = fresh + input[hidden + i] * (state[i] - fresh);
    }
}

TL_BOTH(
    gru_gates, (float *input, const float *recurrent, float *state, int32_t hidden),
    (input, recurrent, state, hidden))

// The largest magnitude. (Magnitudes are in order as whole numbers, too.)
TL_INLINE float largest(const float *values, int32_t count) {
    uint32_t most = 0;
    for (int32_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    float result;
    memcpy(&result, &most, sizeof result);
    return result;
}

// sums = biases + matrix · values. The values are rounded to 1/32767 of `most`, above which none of them may lie.
TL_INLINE void affine(
    const tl_layer *layer, const float *restrict values, int32_t count, float most, float *restrict sums) {
    int16_t rounded[TL_MOST_INPUTS];
    int32_t totals[3 * TL_WIDEST];
    float step = (most > 1e-20f ? most : 1e-20f) / 32767, up = 1 / step;
    for (int32_t i = 0; i < count; i++) {
        // What is not a number gives some number.
        float shifted = values[i] * up + ROUNDING;
        uint32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        rounded[i] = (int16_t)bits;
    }
    if (count % 2 == 1) rounded[count] = 0;
    tl_matrix_i8(layer->weights, rounded, layer->pairs, layer->rows, totals);
    for (int32_t row = 0; row < layer->rows; row++)
        sums[row] = (float)totals[row] * (layer->scales[row] * step) + layer->biases[row];
}

TL_INLINE float product(const float *a, const float *b, int32_t count) {
    tl_floats lanes = {0};
    int32_t i = 0;
    for (; i + TL_LANES <= count; i += TL_LANES) lanes += tl_load(a + i) * tl_load(b + i);
    for (int32_t lane = 0; i < count; i++, lane++) lanes[lane] += a[i] * b[i];
    return tl_total(lanes);
}

TL_INLINE void network_step_body(const tl_network *net, const float *row, float *state, float *output) {
    float values[TL_WIDEST], from_input[3 * TL_WIDEST], from_state[3 * TL_WIDEST];
    if (net->inputs > TL_MOST_INPUTS || net->embedded > TL_WIDEST || net->hidden > TL_WIDEST) return;
    affine(&net->dense, row, net->inputs, largest(row, net->inputs), values);
    for (int32_t i = 0; i < net->embedded; i++) values[i] = values[i] > 0 ? values[i] : 0;
    affine(&net->input, values, net->embedded, largest(values, net->embedded), from_input);
    affine(&net->recurrent, state, net->hidden, 1, from_state);
    gru_gates_body(from_input, from_state, state, net->hidden);
    for (int32_t i = 0; i < net->outputs; i++)
        output[i] = net->head_biases[i] + product(net->head + i * net->hidden, state, net->hidden);
}

TL_BOTH(
    network_step, (const tl_network *net, const float *row, float *state, float *output),
    (net, row, state, output))
