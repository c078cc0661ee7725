#include "product.h"

enum { MOST = 4, CHAINS = 4 };  // vectors at once; additions at once for each of their sums

// Numbers in groups of 32 with one scale each, and minus the sum of each group: it undoes the offset of the weights.
static void shrink(Own *own, int32_t vector, const float *x, int32_t groups) {
    typedef int8_t few __attribute__((vector_size(WIDE), aligned(1), may_alias));
    for (int32_t g = 0; g < groups; g++, x += GROUP) {
        floats most = magnitude(load(x));
        for (int i = WIDE; i < GROUP; i += WIDE) most = larger(most, magnitude(load(x + i)));
        float size = greatest(most);
        floats inverse = all(size > 0 ? 127.0f / size : 0.0f);
        int8_t *to = own->small + (int64_t)(vector * groups + g) * GROUP;
        ints total = {0};
        for (int i = 0; i < GROUP; i += WIDE) {
            ints whole = nearest(load(x + i) * inverse);
            *(few *)(to + i) = __builtin_convertvector(whole, few);
            total += whole;
        }
        own->small_scale[vector * groups + g] = size / 127.0f;
        own->small_sum[vector * groups + g] = -sum(total);
    }
}

void prepare(Own *own, const Matrix *w, Vectors v) {
    int32_t width = w->groups * GROUP, size = v.size;
    const float *norm = v.norm;
    for (int32_t m = 0; m < v.count; m++) {
        const float *from = v.x + m * v.stride;
        float *to = own->normed + (int64_t)m * width, factor = 1;
        if (norm) {
            float squares = 0;
#pragma omp simd reduction(+ : squares)
            for (int32_t i = 0; i < size; i++) squares += from[i] * from[i];
            factor = 1 / sqrtf(squares / size + v.eps);
            for (int32_t i = 0; i < size; i++) to[i] = norm[i] * (from[i] * factor);
        } else {
            memcpy(to, from, size * sizeof(float));
        }
        memset(to + size, 0, (width - size) * sizeof(float));
        if (w->bits != 32) shrink(own, m, to, w->groups);
    }
}

// One tile of 16 outputs for `few` vectors at once; `few` is a constant, so that the sums stay in registers. y: [few][16].
INLINE void tile_full(const Matrix *w, const Own *own, int32_t tile, int32_t first, const int few, float *y) {
    int32_t inputs = w->groups * GROUP;
    const float *x = own->normed + (int64_t)first * inputs;
    const int together = few * CHAINS * PARTS <= SUMS ? PARTS : 1;
    for (int part = 0; part < PARTS; part += together) {
        const float *weights = (const float *)w->weights + (int64_t)tile * inputs * LANES + part * WIDE;
        floats sums[MOST][PARTS][CHAINS] = {0};
        for (int32_t i = 0; i < inputs; i += CHAINS)
            for (int chain = 0; chain < CHAINS; chain++)
                for (int p = 0; p < together; p++) {
                    floats weight = load(weights + (i + chain) * LANES + p * WIDE);
                    for (int m = 0; m < few; m++) sums[m][p][chain] += weight * x[(int64_t)m * inputs + i + chain];
                }
        for (int m = 0; m < few; m++)
            for (int p = 0; p < together; p++) {
                floats *chains = sums[m][p];
                store(y + m * LANES + (part + p) * WIDE, (chains[0] + chains[1]) + (chains[2] + chains[3]));
            }
    }
}

enum { AHEAD = 8192 };  // bytes

// The weights of a group of inputs, for the outputs of a vector: [8][WIDE][4].
INLINE void unpack(const uint8_t *weights, const int bits, bytes part[8]) {
    typedef uint16_t words __attribute__((vector_size(4 * WIDE)));
    if (bits == 8) {
        for (int j = 0; j < 8; j++) part[j] = *(const bytes *)(weights + j * 64) ^ CENTRE;
        return;
    }
    for (int j = 0; j < 4; j++) {
        bytes pair = *(const bytes *)(weights + j * 64);
        part[2 * j] = pair & 15;
        part[2 * j + 1] = (bytes)((words)pair >> 4) & 15;
    }
    for (int h = 0; bits == 6 && h < 2; h++) {
        words four = (words) * (const bytes *)(weights + (4 + h) * 64);
        part[4 * h] |= (bytes)(four << 4) & 48;
        part[4 * h + 1] |= (bytes)(four << 2) & 48;
        part[4 * h + 2] |= (bytes)four & 48;
        part[4 * h + 3] |= (bytes)(four >> 2) & 48;
    }
}

INLINE void tile_small(const Matrix *w, const Own *own, int32_t tile, int32_t first, const int few, const int bits, float *y) {
    int32_t groups = w->groups;
    const int offset = (1 << (bits - 1)) - (bits == 8 ? CENTRE : 0);
    const uint8_t *weights = (const uint8_t *)w->weights + (int64_t)tile * groups * bits * 64;
    const uint16_t *scales = w->scales + (int64_t)tile * groups * LANES;
    floats total[MOST][PARTS] = {0};
    for (int32_t g = 0; g < groups; g++, weights += bits * 64, scales += LANES) {
        // Between unpackings, the processor does not look far enough ahead by itself; at 8 bits it does.
        for (int j = 0; bits < 8 && j < bits; j++) __builtin_prefetch(weights + AHEAD + j * 64, 0, 2);
        UNROLLED for (int part = 0; part < PARTS; part++) {
            bytes unpacked[8];
            unpack(weights + part * 4 * WIDE, bits, unpacked);
            floats scale = from_bf16(scales + part * WIDE);
            for (int m = 0; m < few; m++) {
                int64_t at = (int64_t)(first + m) * groups + g;
                ints acc = dot((ints){0} + own->small_sum[at] * offset, unpacked, own->small + at * GROUP, bits);
                total[m][part] += __builtin_convertvector(acc, floats) * (scale * own->small_scale[at]);
            }
        }
    }
    for (int m = 0; m < few; m++)
        for (int part = 0; part < PARTS; part++) store(y + m * LANES + part * WIDE, total[m][part]);
}

INLINE void tile_of(const Matrix *w, const Own *own, int32_t tile, int32_t first, const int few, float *y) {
    if (w->bits == 32) tile_full(w, own, tile, first, few, y);
    else if (w->bits == 8) tile_small(w, own, tile, first, few, 8, y);
    else if (w->bits == 6) tile_small(w, own, tile, first, few, 6, y);
    else tile_small(w, own, tile, first, few, 4, y);
}

void multiply(const Own *own, const Matrix *w, int32_t count, float *y, int64_t stride, int add, Share tiles) {
    for (int32_t tile = tiles.begin; tile < tiles.end; tile++) {
        int32_t wide = w->outputs - tile * LANES;
        for (int32_t first = 0; first < count;) {
            float made[MOST * LANES];
            int few = count - first >= 4 ? 4 : count - first >= 2 ? 2 : 1;
            if (few == 4) tile_of(w, own, tile, first, 4, made);
            else if (few == 2) tile_of(w, own, tile, first, 2, made);
            else tile_of(w, own, tile, first, 1, made);
            for (int m = 0; m < few; m++) {
                float *to = y + (first + m) * stride + (int64_t)tile * LANES;
                for (int i = 0; i < (wide < LANES ? wide : LANES); i++) to[i] = add ? to[i] + made[m * LANES + i] : made[m * LANES + i];
            }
            first += few;
        }
    }
}

void product(Team *team, int thread, const Matrix *w, Vectors from, float *y, int64_t stride, int add) {
    Own *own = &team->own[thread];
    Share mine;
    for (int ready = 0; claim(team, thread, w->tiles, &mine); ready = 1) {
        if (!ready) prepare(own, w, from);
        multiply(own, w, from.count, y, stride, add, mine);
    }
}
