// What Python hands over. The structures of engine/bindings.py mirror these, field by field.
#ifndef QWEN_TTS_MODEL_H
#define QWEN_TTS_MODEL_H

#include "simd.h"

// y = W x. Rows lie in tiles of 16, inputs in groups of 32 (both filled up with zeros):
//     bits 32   [tile][input][16] floats
//     bits 8    [tile][group][8][16][4] bytes, each the weight + 128
//     bits 4    [tile][group][4][16][4] bytes, each two weights + 8: inputs 8 j .. 8 j + 3 low, 8 j + 4 .. 8 j + 7 high
//     bits 6    [tile][group][6][16][4] bytes, weights + 32: their lower 4 bits as above, then two bits of four weights each,
//               the lowest pair of inputs 16 h .. 16 h + 3, the next of 16 h + 4 .. 16 h + 7, and so on
typedef struct {
    int32_t bits, tiles, groups, outputs;
    const void *weights;
    const uint16_t *scales;  // bfloat16, [tile][group][16]
} Matrix;

typedef struct {
    const float *input_norm, *post_norm, *q_norm, *k_norm;
    Matrix qkv, o, gate_up, down;  // gate_up: a tile of gate, a tile of up, and so on
} Layer;

typedef struct {
    int32_t width, ffn, layers, heads, kv_heads, head_dim;
    float eps;
    const float *frequencies;  // of the rotation, [head_dim / 2]
    const float *norm;
    const Layer *layer;
} Stack;

typedef struct {
    const void *rows;  // as the checkpoint has them
    int32_t bf16;
} Table;

typedef struct {
    Stack talker, predictor;
    Matrix head;          // code 0
    const Matrix *heads;  // codes 1 ..
    Matrix projection;    // from the talker's width to the predictor's; no tiles: none is needed
    const float *projection_bias;
    const Table *tables;  // embeddings of code 0, 1 ..
    int32_t groups, acoustic, eos, quiet_frames;
} Model;

typedef struct {
    float *keys, *values;                     // [layer][row][head][slot][head_dim]
    int64_t layer_stride, row_stride, slots;  // strides in numbers
} Cache;

typedef struct {
    const uint8_t *do_sample;
    const int64_t *top_k;
    const float *temperature, *top_p, *penalty;
} Sampling;

// One frame of `count` rows; arrays are of all rows of the state.
typedef struct {
    int32_t count;
    const int32_t *rows;
    Cache cache, predictor_cache;
    float *pending;
    const float *text;
    int64_t text_stride;
    const int64_t *last;
    int64_t *frame, *position;
    uint8_t *seen;
    const float *uniforms;
    int64_t *codes;
    Sampling talker, predictor;
} Frame;

#endif
