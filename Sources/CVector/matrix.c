#include "CVector.h"
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef void matrix_function(
    const int8_t *, const int16_t *, int32_t, int32_t, int32_t *);

enum { BLOCK = 16 };

static void plain(
    const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows, int32_t *sums) {
    for (int32_t row = 0; row < rows; row++) sums[row] = 0;
    for (int32_t pair = 0; pair < pairs; pair++) {
        const int8_t *column = weights + (int64_t)pair * rows * 2;
        int32_t a = values[2 * pair], b = values[2 * pair + 1];
        for (int32_t row = 0; row < rows; row++) {
            uint32_t product = (uint32_t)(column[2 * row] * a) + (uint32_t)(column[2 * row + 1] * b);
            sums[row] = (int32_t)((uint32_t)sums[row] + product);
        }
    }
}

#if defined(__x86_64__)

static inline int32_t two(const int16_t *values, int32_t pair) {
    int32_t both;
    memcpy(&both, values + 2 * pair, sizeof both);
    return both;
}

// Each walks down a strip of rows with its sums in registers.
#define STRIP(VECTOR, LANES, COUNT, ZERO, BROADCAST, LOAD, ADD_PRODUCTS, STORE)                       \
    {                                                                                                 \
        VECTOR sum[COUNT];                                                                            \
        for (int i = 0; i < COUNT; i++) sum[i] = ZERO();                                              \
        const int8_t *at = weights + 2 * row;                                                         \
        for (int32_t pair = 0; pair < pairs; pair++, at += 2 * rows) {                                \
            VECTOR v = BROADCAST(two(values, pair));                                                  \
            for (int i = 0; i < COUNT; i++)                                                           \
                sum[i] = ADD_PRODUCTS(sum[i], LOAD((const void *)(at + 2 * LANES * i)), v);           \
        }                                                                                             \
        for (int i = 0; i < COUNT; i++) STORE((void *)(sums + row + LANES * i), sum[i]);              \
        row += LANES * COUNT;                                                                         \
    }

// Weights become 16 bits wide on their way: every leg reads its networks anew each 20 ms, and half the bytes
// stay in the near cache.
static inline __m128i load128(const void *at) {
    __m128i bytes = _mm_loadl_epi64(at);
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
}

#define ADD128(s, w, v) _mm_add_epi32(s, _mm_madd_epi16(w, v))
static void sse2(
    const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows, int32_t *sums) {
    int32_t row = 0;
    while (row + 32 <= rows)
        STRIP(__m128i, 4, 8, _mm_setzero_si128, _mm_set1_epi32, load128, ADD128,
              _mm_storeu_si128)
    while (row < rows)
        STRIP(__m128i, 4, 4, _mm_setzero_si128, _mm_set1_epi32, load128, ADD128,
              _mm_storeu_si128)
}

#define LOAD256(at) _mm256_cvtepi8_epi16(_mm_loadu_si128(at))
#define ADD256(s, w, v) _mm256_add_epi32(s, _mm256_madd_epi16(w, v))
__attribute__((target("avx2"))) static void avx2(
    const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows, int32_t *sums) {
    int32_t row = 0;
    while (row + 64 <= rows)
        STRIP(__m256i, 8, 8, _mm256_setzero_si256, _mm256_set1_epi32, LOAD256, ADD256,
              _mm256_storeu_si256)
    while (row < rows)
        STRIP(__m256i, 8, 2, _mm256_setzero_si256, _mm256_set1_epi32, LOAD256, ADD256,
              _mm256_storeu_si256)
}

#define LOAD512(at) _mm512_cvtepi8_epi16(_mm256_loadu_si256(at))
__attribute__((target("avx512f,avx512bw,avx512vnni"))) static void avx512(
    const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows, int32_t *sums) {
    int32_t row = 0;
    while (row + 192 <= rows)
        STRIP(__m512i, 16, 12, _mm512_setzero_si512, _mm512_set1_epi32, LOAD512,
              _mm512_dpwssd_epi32, _mm512_storeu_si512)
    while (row + 64 <= rows)
        STRIP(__m512i, 16, 4, _mm512_setzero_si512, _mm512_set1_epi32, LOAD512,
              _mm512_dpwssd_epi32, _mm512_storeu_si512)
    while (row < rows)
        STRIP(__m512i, 16, 1, _mm512_setzero_si512, _mm512_set1_epi32, LOAD512,
              _mm512_dpwssd_epi32, _mm512_storeu_si512)
}

static matrix_function *variant(int kind) {
    switch (kind) {
    case 0: return plain;
    case 1: return sse2;
    case 2: return __builtin_cpu_supports("avx2") ? avx2 : NULL;
    case 3:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vnni")
                   ? avx512
                   : NULL;
    default: return NULL;
    }
}

#else

static matrix_function *variant(int kind) { return kind == 0 ? plain : NULL; }

#endif

static matrix_function *chosen = plain;
static int chosen_kind;

// Before main: no thread is there to see it change.
__attribute__((constructor)) static void choose(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    for (int kind = 3; kind >= 0; kind--) {
        matrix_function *found = variant(kind);
        if (!found) continue;
        chosen = found;
        chosen_kind = kind;
        return;
    }
}

void tl_matrix_i8(
    const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows, int32_t *sums) {
    if (rows <= 0 || rows % BLOCK != 0) return;
    chosen(weights, values, pairs, rows, sums);
}

const char *tl_vector_kind(void) {
    static const char *const names[] = {"plain", "sse2", "avx2", "avx512vnni"};
    return names[chosen_kind];
}

int tl_matrix_i8_by(
    int kind, const int8_t *weights, const int16_t *values, int32_t pairs, int32_t rows,
    int32_t *sums) {
    matrix_function *function = variant(kind);
    if (!function || rows <= 0 || rows % BLOCK != 0) return 0;
    function(weights, values, pairs, rows, sums);
    return 1;
}
