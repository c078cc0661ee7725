// From logits to one token: the filters and the inverse distribution function of sampling.py, for one row.
#ifndef QWEN_TTS_SAMPLING_H
#define QWEN_TTS_SAMPLING_H

#include "model.h"

// Repetition penalty and forbidden ids of code 0. `seen`: of the row; ids from `acoustic` on are forbidden but `eos`, and
// that too while `silent`.
void constrain(float *logits, int32_t count, const uint8_t *seen, float penalty, int32_t acoustic, int32_t eos, int silent);

// Draws a token; the logits are changed. `count` is at most MOST_TOKENS.
int32_t draw(float *logits, int32_t count, const Sampling *rows, int32_t row, float uniform);

enum { MOST_TOKENS = 16384 };

#endif
