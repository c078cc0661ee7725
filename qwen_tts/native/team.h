// Threads that compute together, and the memory they share.
#ifndef QWEN_TTS_TEAM_H
#define QWEN_TTS_TEAM_H

#include "model.h"

typedef struct { int32_t begin, end; } Share;

typedef struct {
    float *normed;       // [tokens][widest]
    int8_t *small;       // the same, in 8 bits
    float *small_scale;  // [tokens][groups]
    int32_t *small_sum;  // minus the sums of groups
    float *scores;       // [slots]
    uint32_t phase;      // where this thread is; from call to call
    int32_t held;        // things of the phase that it is at work on
} Own;

typedef struct {
    int32_t threads, tokens, widest;
    const int32_t *taken;  // cores that are kept busy by others
    uint64_t next;         // high half: the phase that is under way; low half: what nobody has begun of it
    int32_t finished;      // things of this phase
    float *hidden, *qkv, *attended, *inner, *logits, *given;
    float *cosines, *sines;     // [tokens][half a head]
    int32_t *rows, *positions;  // [tokens]
    Own *own;
    void *memory;
} Team;

// All threads of a team go through the same phases in the same order, in every call. A phase is `count` things, and over when each of them is done, by
// whoever came to do it: a thread that is kept from its core holds up nobody, unless in the midst of a thing.
//     Share mine;
//     while (claim(team, thread, count, &mine)) ...   // things mine.begin .. mine.end - 1
// What the team shares may be read and written between a claim and the next only.
int claim(Team *team, int thread, int32_t count, Share *mine);

#endif
