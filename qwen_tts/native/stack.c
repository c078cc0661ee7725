#include "stack.h"

static void find_angles(Team *team, const Stack *stack, Share tokens) {
    int32_t half = stack->head_dim / 2;
    for (int32_t m = tokens.begin; m < tokens.end; m++)
        for (int32_t i = 0; i < half; i++) {
            float angle = (float)team->positions[m] * stack->frequencies[i];
            team->cosines[m * half + i] = cosf(angle);
            team->sines[m * half + i] = sinf(angle);
        }
}

// RMS norm of one head, then its rotation.
static void turn(const Stack *stack, const float *x, const float *norm, const float *cosines, const float *sines, float *to) {
    int32_t size = stack->head_dim, half = size / 2;
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int32_t i = 0; i < size; i++) squares += x[i] * x[i];
    float factor = 1 / sqrtf(squares / size + stack->eps);
    for (int32_t i = 0; i < half; i++) {
        float left = norm[i] * (x[i] * factor), right = norm[half + i] * (x[half + i] * factor);
        to[i] = left * cosines[i] - right * sines[i];
        to[half + i] = right * cosines[i] + left * sines[i];
    }
}

static int64_t place(const Stack *stack, const Cache *cache, int32_t layer, int32_t row, int32_t head) {
    return layer * cache->layer_stride + row * cache->row_stride + head * cache->slots * stack->head_dim;
}

// Keys and values of one head of one token go into the cache.
static void remember(Team *team, const Stack *s, const Cache *cache, int32_t layer, int32_t token, int32_t head) {
    int32_t size = s->head_dim, half = size / 2, wide = (s->heads + 2 * s->kv_heads) * size;
    const float *key = team->qkv + (int64_t)token * wide + (s->heads + head) * size, *value = key + s->kv_heads * size;
    int64_t at = place(s, cache, layer, team->rows[token], head) + (int64_t)team->positions[token] * size;
    turn(s, key, s->layer[layer].k_norm, team->cosines + token * half, team->sines + token * half, cache->keys + at);
    memcpy(cache->values + at, value, size * sizeof(float));
}

static void soften(float *scores, int32_t count) {
    float greatest = scores[0], total = 0;
    for (int32_t i = 1; i < count; i++) greatest = fmaxf(greatest, scores[i]);
    for (int32_t i = count; i % WIDE; i++) scores[i] = -INFINITY;
    for (int32_t i = 0; i < count; i += WIDE) store(scores + i, exponential(load(scores + i) - greatest));
    for (int32_t i = 0; i < count; i++) total += scores[i];
    for (int32_t i = 0; i < count; i++) scores[i] /= total;
}

// The query heads of one token that share a head of keys and values.
static void attend(Team *team, const Stack *s, const Cache *cache, int32_t layer, int32_t token, int32_t head, float *scores) {
    int32_t size = s->head_dim, half = size / 2, wide = (s->heads + 2 * s->kv_heads) * size, sharing = s->heads / s->kv_heads;
    int32_t seen = team->positions[token] + 1;
    int64_t at = place(s, cache, layer, team->rows[token], head);
    const float *keys = cache->keys + at, *values = cache->values + at;
    float *queries = team->qkv + (int64_t)token * wide + head * sharing * size, factor = 1 / sqrtf((float)size);
    for (int32_t q = 0; q < sharing; q++) {
        float *query = queries + q * size, turned[256];
        turn(s, query, s->layer[layer].q_norm, team->cosines + token * half, team->sines + token * half, turned);
        for (int32_t p = 0; p < seen; p++) {
            const float *key = keys + (int64_t)p * size;
            float score = 0;
#pragma omp simd reduction(+ : score)
            for (int32_t i = 0; i < size; i++) score += turned[i] * key[i];
            scores[p] = score * factor;
        }
        soften(scores, seen);
        float *out = team->attended + (int64_t)token * s->heads * size + (head * sharing + q) * size;
        float mixed[256] = {0};
        for (int32_t p = 0; p < seen; p++) {
            const float *value = values + (int64_t)p * size, weight = scores[p];
#pragma omp simd
            for (int32_t i = 0; i < size; i++) mixed[i] += weight * value[i];
        }
        memcpy(out, mixed, size * sizeof(float));
    }
}

// silu(gate) * up for tiles that this thread has just made: [gate 16][up 16]... -> [16]...
static void gate(Team *team, const Stack *s, int32_t count, Share pairs) {
    int64_t wide = (int64_t)s->layer[0].gate_up.tiles * LANES;
    float *joined = team->inner, *out = team->inner + (int64_t)team->tokens * wide;
    for (int32_t m = 0; m < count; m++)
        for (int32_t pair = pairs.begin; pair < pairs.end; pair++) {
            const float *from = joined + m * wide + pair * 2 * LANES;
            float *to = out + m * (wide / 2) + pair * LANES;
            for (int i = 0; i < LANES; i += WIDE) {
                floats left = load(from + i);
                store(to + i, left / (1.0f + exponential(-left)) * load(from + LANES + i));
            }
        }
}

static void run_layer(Team *team, const Stack *s, const Cache *cache, int32_t layer, int32_t count, int thread) {
    const Layer *w = &s->layer[layer];
    Own *own = &team->own[thread];
    int32_t size = s->head_dim;
    int64_t wide = (s->heads + 2 * s->kv_heads) * size, inner = (int64_t)w->gate_up.tiles / 2 * LANES;
    float *gated = team->inner + team->tokens * 2 * inner;
    Share mine;
    Vectors hidden = {team->hidden, count, s->width, s->width, w->input_norm, s->eps};
    Vectors attended = {team->attended, count, s->heads * size, s->heads * size, 0, 0};
    Vectors inside = {gated, count, s->ffn, inner, 0, 0};
    product(team, thread, &w->qkv, hidden, team->qkv, wide, 0);
    while (claim(team, thread, s->kv_heads, &mine))
        for (int32_t head = mine.begin; head < mine.end; head++) {
            for (int32_t m = 0; m < count; m++) remember(team, s, cache, layer, m, head);
            for (int32_t m = 0; m < count; m++) attend(team, s, cache, layer, m, head, own->scores);
        }
    product(team, thread, &w->o, attended, team->hidden, s->width, 1);
    hidden.norm = w->post_norm;
    for (int ready = 0; claim(team, thread, w->gate_up.tiles / 2, &mine); ready = 1) {
        if (!ready) prepare(own, &w->gate_up, hidden);
        multiply(own, &w->gate_up, count, team->inner, 2 * inner, 0, (Share){2 * mine.begin, 2 * mine.end});
        gate(team, s, count, mine);
    }
    product(team, thread, &w->down, inside, team->hidden, s->width, 1);
}

void run_layers(Team *team, const Stack *stack, const Cache *cache, int32_t count, int thread) {
    Share mine;
    while (claim(team, thread, count, &mine)) find_angles(team, stack, mine);
    for (int32_t layer = 0; layer < stack->layers; layer++) run_layer(team, stack, cache, layer, count, thread);
}
