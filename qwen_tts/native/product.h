// Matrix times vectors, for weights of 32, 8, 6 or 4 bits.
#ifndef QWEN_TTS_PRODUCT_H
#define QWEN_TTS_PRODUCT_H

#include "team.h"

// `count` vectors of `size` numbers, `stride` apart. With `norm`, they are meant after an RMS norm.
typedef struct {
    const float *x;
    int32_t count, size;
    int64_t stride;
    const float *norm;
    float eps;
} Vectors;

// Puts vectors where `multiply` looks for them, as the weights of `w` want them. Every thread does this for itself: it costs
// less than to wait for it.
void prepare(Own *own, const Matrix *w, Vectors from);

// y = W x, or y += W x, for the given tiles of 16 outputs of vectors that are prepared.
void multiply(const Own *own, const Matrix *w, int32_t count, float *y, int64_t stride, int add, Share tiles);

// Both, as a phase of all threads.
void product(Team *team, int thread, const Matrix *w, Vectors from, float *y, int64_t stride, int add);

#endif
