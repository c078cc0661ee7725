// Matrix times vectors, for weights of 32, 8, 6 or 4 bits.
#ifndef QWEN_TTS_PRODUCT_H
#define QWEN_TTS_PRODUCT_H

#include "team.h"

// Puts `count` vectors of `size` numbers where `multiply` looks for them, as the weights of `w` want them.
// With `norm`, they go through an RMS norm on the way. Every thread does this for itself: it costs less than to wait for it.
void prepare(Own *own, const Matrix *w, int32_t count, const float *x, int64_t stride, int32_t size, const float *norm, float eps);

// y = W x, or y += W x, for the given tiles of 16 outputs.
void multiply(const Own *own, const Matrix *w, int32_t count, float *y, int64_t stride, int add, Share tiles);

#endif
