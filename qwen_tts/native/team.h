// Threads that compute together, and the memory they share.
#ifndef QWEN_TTS_TEAM_H
#define QWEN_TTS_TEAM_H

#include "model.h"

typedef struct {
    float *normed;             // [tokens][widest]
    int8_t *small;             // the same, in 8 bits
    float *small_scale;        // [tokens][groups]
    int32_t *small_sum;        // minus the sums of groups
    float *cosines, *sines;    // [tokens][half a head]
    float *scores;             // [heads that share a key][slots]
    int32_t *rows, *positions; // [tokens]
} Own;

typedef struct {
    int32_t threads, tokens, widest;
    int32_t waiting, round;  // of the barrier
    float *hidden, *qkv, *attended, *inner, *logits, *last, *given;
    Own *own;
    void *memory;
} Team;

typedef struct { int32_t begin, end; } Share;

// The part of `count` things that falls to a thread.
INLINE Share share(const Team *team, int thread, int32_t count) {
    return (Share){(int32_t)((int64_t)count * thread / team->threads), (int32_t)((int64_t)count * (thread + 1) / team->threads)};
}

void meet(Team *team);

#endif
