#include "sampling.h"

#include <stdlib.h>

void constrain(float *logits, int32_t count, const uint8_t *seen, float penalty, int32_t acoustic, int32_t eos, int silent) {
    for (int32_t i = 0; i < count; i++)
        if (seen[i]) logits[i] = logits[i] < 0 ? logits[i] * penalty : logits[i] / penalty;
    for (int32_t i = acoustic; i < count; i++)
        if (i != eos || silent) logits[i] = -INFINITY;
}

// A whole number that is ordered as the float is.
static int32_t ordered(float x) {
    int32_t bits;
    memcpy(&bits, &x, 4);
    return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}

// What is below the k-th greatest becomes minus infinity. The k-th is found bit by bit.
static void keep_greatest(float *logits, int32_t count, int64_t k) {
    if (k <= 0 || k >= count) return;
    int32_t keys[MOST_TOKENS], least = INT32_MIN;
    for (int32_t i = 0; i < count; i++) keys[i] = ordered(logits[i]);
    for (int bit = 31; bit >= 0; bit--) {
        int32_t tried = (int32_t)((uint32_t)least + (1u << bit)), above = 0;
        for (int32_t i = 0; i < count; i++) above += keys[i] >= tried;
        if (above >= k) least = tried;
    }
    for (int32_t i = 0; i < count; i++) logits[i] = keys[i] < least ? -INFINITY : logits[i];
}

typedef struct { float value; int32_t id; } Ranked;

static int ascending(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

// The least likely become minus infinity as long as they are within 1 - top_p together; one always stays.
static void keep_likely(float *logits, int32_t count, float greatest, float top_p) {
    Ranked order[MOST_TOKENS];
    int32_t left = 0;
    float total = 0, below = 0;
    for (int32_t i = 0; i < count; i++)
        if (logits[i] > -INFINITY) order[left++] = (Ranked){logits[i], i};
    qsort(order, left, sizeof(Ranked), ascending);
    for (int32_t i = 0; i < left; i++) total += expf(order[i].value - greatest);
    for (int32_t i = 0; i < left - 1; i++) {
        below += expf(order[i].value - greatest) / total;
        if (!(below <= 1 - top_p)) break;
        logits[order[i].id] = -INFINITY;
    }
}

int32_t draw(float *logits, int32_t count, const Sampling *rows, int32_t row, float uniform) {
    int32_t likeliest = 0;
    for (int32_t i = 1; i < count; i++)
        if (logits[i] > logits[likeliest]) likeliest = i;
    if (!rows->do_sample[row]) return likeliest;
    for (int32_t i = 0; i < count; i++) logits[i] /= rows->temperature[row];
    keep_greatest(logits, count, rows->top_k[row]);
    float greatest = logits[likeliest];
    if (rows->top_p[row] < 1) keep_likely(logits, count, greatest, rows->top_p[row]);
    double total = 0, sum = 0;
    for (int32_t i = 0; i < count; i++) {
        logits[i] = logits[i] > -INFINITY ? expf(logits[i] - greatest) : 0;
        total += logits[i];
    }
    double point = (double)uniform * total;
    int32_t last = likeliest;
    for (int32_t i = 0; i < count; i++) {
        if (logits[i] <= 0) continue;
        sum += logits[i];
        last = i;
        if (sum > point) return i;
    }
    return last;
}
