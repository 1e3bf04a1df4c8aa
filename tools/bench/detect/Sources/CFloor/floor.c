#include "CFloor.h"

// 2 cos(2 pi f / 8000) of 697 770 852 941 1209 1336 1477 1633 Hz.
static const float coefficient[8] = {1.7077378f, 1.6452810f, 1.5686870f, 1.4782046f,
                                     1.1641040f, 0.9963702f, 0.7986184f, 0.5685327f};

float floor_frame(const int16_t *samples, size_t count) {
    float s1[8] = {0}, s2[8] = {0}, energy = 0;
    for (size_t i = 0; i < count; i++) {
        float x = samples[i];
        energy += x * x;
        for (int k = 0; k < 8; k++) {
            float s = coefficient[k] * s1[k] - s2[k] + x;
            s2[k] = s1[k];
            s1[k] = s;
        }
    }
    float sum = energy;
    for (int k = 0; k < 8; k++) sum += s1[k] * s1[k] + s2[k] * s2[k] - coefficient[k] * s1[k] * s2[k];
    return sum;
}
