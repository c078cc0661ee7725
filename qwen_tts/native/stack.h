// A stack of Qwen3 blocks over tokens of any rows and positions.
#ifndef QWEN_TTS_STACK_H
#define QWEN_TTS_STACK_H

#include "product.h"

// Runs team->hidden [count][width] through all layers, in place. Token m is of row team->rows[m] at team->positions[m]; tokens
// of a row come in order, and see each other. The final norm is left to whoever reads the result.
void run_layers(Team *team, const Stack *stack, const Cache *cache, int32_t count, int thread);

#endif
