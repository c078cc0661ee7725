// As many numbers at a time as a register of this processor holds, in the vector language that GCC and Clang share; only the dot product
// knows a processor. (Wider vectors than registers would be clearer, and GCC makes code of them that is up to eight times as slow.)
#ifndef QWEN_TTS_SIMD_H
#define QWEN_TTS_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

// Numbers of a register, and how many registers may hold sums.
#if defined(__AVX512VNNI__)
enum { WIDE = 16, SUMS = 16 };
#elif defined(__AVX2__)
enum { WIDE = 8, SUMS = 8 };
#elif defined(__aarch64__)
enum { WIDE = 4, SUMS = 16 };
#else
enum { WIDE = 4, SUMS = 8 };
#endif
enum { LANES = 16, GROUP = 32, PARTS = LANES / WIDE };  // outputs of a tile; inputs that share a scale; vectors of a tile

typedef float floats __attribute__((vector_size(4 * WIDE), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * WIDE), aligned(4), may_alias));
typedef uint8_t bytes __attribute__((vector_size(4 * WIDE), aligned(1), may_alias));
typedef uint16_t halves __attribute__((vector_size(2 * WIDE), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE floats load(const float *from) { return *(const floats *)from; }
INLINE void store(float *to, floats x) { *(floats *)to = x; }
INLINE floats all(float x) { return (floats){0} + x; }

INLINE floats from_bf16(const uint16_t *from) {
    ints wide = __builtin_convertvector(*(const halves *)from, ints) << 16;
    return (floats)wide;
}

INLINE int32_t sum(ints x) {
    for (int half = WIDE / 2; half; half /= 2)
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
}

INLINE floats magnitude(floats x) { return (floats)((ints)x & 0x7FFFFFFF); }

INLINE floats larger(floats a, floats b) {
    ints first = a > b;
    return (floats)(((ints)a & first) | ((ints)b & ~first));
}

INLINE float greatest(floats x) {
    for (int half = WIDE / 2; half; half /= 2)
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

// What is taken from weights of 8 bits before `dot` multiplies them: not every processor has a product of bytes without and with a sign
// whose sums always fit. (Smaller weights are the same with a sign and without.)
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
enum { CENTRE = 0 };
#else
enum { CENTRE = 128 };
#endif

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 8")
#endif

INLINE int32_t four(const int8_t *x) {
    int32_t together;
    memcpy(&together, x, 4);
    return together;
}

// acc[i] + sum over j < 8 and k < 4 of w[j][4 i + k] * x[4 j + k], for weights of this many bits; no x is -128.
#if defined(__AVX2__) && !defined(__AVX512VNNI__) && !defined(__AVXVNNI__)
INLINE ints dot(ints acc, const bytes w[8], const int8_t *x, const int bits) {
    const int fit = bits == 8 ? 1 : bits == 6 ? 2 : 8;  // so many sums of two products fit into 16 bits together
    UNROLLED for (int j = 0; j < 8; j += fit) {
        __m256i sums = {0};
        UNROLLED for (int k = j; k < j + fit; k++) {
            __m256i signs = _mm256_set1_epi32(four(x + 4 * k)), first = (__m256i)w[k], second = signs;  // the first factor has no sign
            if (bits == 8) first = _mm256_abs_epi8(signs), second = _mm256_sign_epi8((__m256i)w[k], signs);
            sums = _mm256_add_epi16(sums, _mm256_maddubs_epi16(first, second));
        }
        acc += (ints)_mm256_madd_epi16(sums, _mm256_set1_epi16(1));
    }
    return acc;
}
#else
INLINE ints dot4(ints acc, bytes w, const int8_t *x) {
#if defined(__AVX512VNNI__)
    return (ints)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, _mm512_set1_epi32(four(x)));
#elif defined(__AVXVNNI__)
    return (ints)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)w, _mm256_set1_epi32(four(x)));
#elif defined(__ARM_FEATURE_DOTPROD)
    return (ints)vdotq_s32((int32x4_t)acc, (int8x16_t)w, vreinterpretq_s8_s32(vdupq_n_s32(four(x))));
#else
    for (int i = 0; i < WIDE; i++)
        for (int k = 0; k < 4; k++) acc[i] += (int8_t)w[4 * i + k] * x[k];
    return acc;
#endif
}

INLINE ints dot(ints acc, const bytes w[8], const int8_t *x, const int bits) {
    (void)bits;
    UNROLLED for (int j = 0; j < 8; j++) acc = dot4(acc, w[j], x + 4 * j);
    return acc;
}
#endif

#endif
