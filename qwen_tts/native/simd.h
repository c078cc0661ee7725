// Sixteen numbers at a time, in the vector language that GCC and Clang share; only the dot product knows a processor.
#ifndef QWEN_TTS_SIMD_H
#define QWEN_TTS_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { LANES = 16, GROUP = 32 };  // outputs of a tile; inputs that share a scale

typedef float floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t bytes __attribute__((vector_size(64), aligned(1), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE floats load(const float *from) { return *(const floats *)from; }
INLINE void store(float *to, floats x) { *(floats *)to = x; }
INLINE floats all(float x) { return (floats){0} + x; }

INLINE floats from_bf16(const uint16_t *from) {
    typedef uint16_t halves __attribute__((vector_size(32), aligned(2), may_alias));
    ints wide = __builtin_convertvector(*(const halves *)from, ints) << 16;
    return (floats)wide;
}

INLINE int32_t sum(ints x) {
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
}

INLINE floats magnitude(floats x) { return (floats)((ints)x & 0x7FFFFFFF); }

INLINE floats larger(floats a, floats b) {
    ints first = a > b;
    return (floats)(((ints)a & first) | ((ints)b & ~first));
}

INLINE float greatest(floats x) {
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) x[i] = x[i] > x[i + half] ? x[i] : x[i + half];
    return x[0];
}

// To the nearest whole number, halves to even; |x| < 2^22.
INLINE ints nearest(floats x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: the bits below are the number
    return (ints)(x + magic) - 0x4B400000;
}

// e^x within 2 units of the last place; 0 below -87.
INLINE floats exponential(floats x) {
    floats low = all(-87.0f), high = all(88.0f);
    ints tiny = x < low;
    x = (floats)((ints)x & ~tiny);
    ints huge = x > high;
    x = (floats)(((ints)x & ~huge) | ((ints)high & huge));
    ints n = nearest(x * 1.44269504f);
    floats whole = __builtin_convertvector(n, floats);
    floats r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    floats p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    floats scaled = p * (floats)((n + 127) << 23);
    return (floats)((ints)scaled & ~tiny);
}

// acc[i] + sum over j < 4 of w[4 i + j] * x[j], with w unsigned and x signed. Small weights (below 128) may take short cuts.
INLINE ints dot4(ints acc, bytes w, const int8_t *x, int small) {
#if defined(__AVX512VNNI__)
    int32_t four;
    (void)small;
    memcpy(&four, x, 4);
    return (ints)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, _mm512_set1_epi32(four));
#elif defined(__AVX2__)
    int32_t four;
    memcpy(&four, x, 4);
    union { ints all; __m256i half[2]; } sums = {acc};
    union { bytes all; __m256i half[2]; } weights = {w};
    __m256i signs = _mm256_set1_epi32(four), ones = _mm256_set1_epi16(1);
    for (int h = 0; h < 2; h++) {
        __m256i pairs;
        if (small) {
            pairs = _mm256_maddubs_epi16(weights.half[h], signs);
        } else {  // 255 * 127 twice does not fit 16 bits; (w - 128) * x does, and the rest is 128 * sum of x
            __m256i centred = _mm256_xor_si256(weights.half[h], _mm256_set1_epi8((char)128));
            pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(signs), _mm256_sign_epi8(centred, signs));
        }
        sums.half[h] = _mm256_add_epi32(sums.half[h], _mm256_madd_epi16(pairs, ones));
    }
    ints done = sums.all;
    return done + (small ? 0 : 128 * (x[0] + x[1] + x[2] + x[3]));
#else
    (void)small;
    for (int i = 0; i < LANES; i++)
        acc[i] += w[4 * i] * x[0] + w[4 * i + 1] * x[1] + w[4 * i + 2] * x[2] + w[4 * i + 3] * x[3];
    return acc;
#endif
}

#endif
