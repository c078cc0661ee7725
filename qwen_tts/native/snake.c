// The codec's activation, x + gain sin²(rate x) channel by channel: one pass over memory, where a sine alone would be three.
#include "simd.h"

// sin² x; it repeats after pi, so x is brought to [-pi / 2, pi / 2] first. Within 1e-7 for |x| < 1e4.
INLINE floats squared_sine(floats x) {
    floats whole = __builtin_convertvector(nearest(x * 0.318309886f), floats);
    floats r = x - whole * 3.140625f - whole * 9.67653590e-4f;
    floats u = r * r;
    floats p = all(2.6000514e-6f);
    p = p * u - 1.9806613e-4f;
    p = p * u + 8.3330173e-3f;
    p = p * u - 1.6666657e-1f;
    floats sine = r + r * u * p;
    return sine * sine;
}

// To bfloat16, halves to even.
INLINE halves to_bf16(floats x) {
    ints bits = (ints)x;
    ints rounded = bits + 0x7FFF + ((bits >> 16) & 1);
    return __builtin_convertvector((rounded >> 16) & 0xFFFF, halves);
}

INLINE floats get(const void *from, int64_t place, int bf16) {
    return bf16 ? from_bf16((const uint16_t *)from + place) : load((const float *)from + place);
}

INLINE void put(void *to, int64_t place, floats y, int bf16) {
    if (bf16)
        *(halves *)((uint16_t *)to + place) = to_bf16(y);
    else
        store((float *)to + place, y);
}

INLINE void lanes(const void *x, void *out, int64_t place, floats rate, floats gain, int narrow_in, int narrow_out) {
    floats v = get(x, place, narrow_in);
    put(out, place, v + gain * squared_sine(v * rate), narrow_out);
}

INLINE void rows_of(
    const void *x, const float *rate, const float *gain, int64_t rows, int64_t channels, void *out, int narrow_in, int narrow_out
) {
    int64_t even = channels / WIDE * WIDE, rest = channels - even;
    size_t in = narrow_in ? sizeof(uint16_t) : sizeof(float), made = narrow_out ? sizeof(uint16_t) : sizeof(float);
    float last[4][WIDE] = {{0}};  // rates, gains, inputs and outputs of the channels that fill no vector
    memcpy(last[0], rate + even, rest * sizeof(float));
    memcpy(last[1], gain + even, rest * sizeof(float));
    for (int64_t row = 0; row < rows; row++) {
        int64_t begin = row * channels;
        for (int64_t c = 0; c < even; c += WIDE) lanes(x, out, begin + c, load(rate + c), load(gain + c), narrow_in, narrow_out);
        if (rest) {
            memcpy(last[2], (const char *)x + (begin + even) * in, rest * in);
            lanes(last[2], last[3], 0, load(last[0]), load(last[1]), narrow_in, narrow_out);
            memcpy((char *)out + (begin + even) * made, last[3], rest * made);
        }
    }
}

// x and out: [rows, channels], each fp32 or (narrow) bf16.
void snake(
    const void *x, const float *rate, const float *gain, int64_t rows, int64_t channels, void *out, int narrow_in, int narrow_out
) {
    if (narrow_in && narrow_out) rows_of(x, rate, gain, rows, channels, out, 1, 1);
    else if (narrow_in) rows_of(x, rate, gain, rows, channels, out, 1, 0);
    else if (narrow_out) rows_of(x, rate, gain, rows, channels, out, 0, 1);
    else rows_of(x, rate, gain, rows, channels, out, 0, 0);
}
