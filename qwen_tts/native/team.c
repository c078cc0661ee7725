#include "team.h"

#include <stdlib.h>
#if defined(_WIN32)
#include <windows.h>
#define give_way() SwitchToThread()
#else
#include <sched.h>
#define give_way() sched_yield()
#endif

// Returns when all threads are here. Steps are a few microseconds long, so threads spin; if one is kept from its core,
// the others give way.
void meet(Team *team) {
    if (team->threads == 1) return;
    int32_t round = __atomic_load_n(&team->round, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&team->waiting, 1, __ATOMIC_ACQ_REL) == team->threads) {
        __atomic_store_n(&team->waiting, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&team->round, round + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int spins = 0; __atomic_load_n(&team->round, __ATOMIC_ACQUIRE) == round; spins++) {
#if defined(__x86_64__)
        _mm_pause();
#endif
        if (spins > 4000) give_way();
    }
}

static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }

static char *take(char **next, size_t bytes) {
    char *here = *next;
    *next += (bytes + 63) / 64 * 64;
    return here;
}

// Lays everything out from `next` on; with a null team it only tells how much there is.
static size_t lay_out(Team *team, const Model *model, int32_t slots, char *next) {
    const Stack *t = &model->talker, *p = &model->predictor;
    Team unused = {.threads = team->threads, .tokens = team->tokens, .widest = team->widest};
    char *start = next;
    if (!next) team = &unused;
    size_t rows = (size_t)team->tokens * sizeof(float), narrow = team->tokens;
    int32_t qkv = 0, outputs = most(model->head.tiles, 1) * LANES, half = most(t->head_dim, p->head_dim) / 2;
    const Stack *stacks[] = {t, p};
    for (int i = 0; i < 2; i++) qkv = most(qkv, (stacks[i]->heads + 2 * stacks[i]->kv_heads) * stacks[i]->head_dim + LANES);
    for (int i = 0; i < model->groups - 1; i++) outputs = most(outputs, model->heads[i].tiles * LANES);
    team->hidden = (float *)take(&next, rows * team->widest);
    team->qkv = (float *)take(&next, rows * qkv);
    team->attended = (float *)take(&next, rows * team->widest);
    team->inner = (float *)take(&next, rows * 3 * team->widest);
    team->logits = (float *)take(&next, rows * outputs);
    team->last = (float *)take(&next, rows * team->widest);
    team->given = (float *)take(&next, rows * team->widest);
    Own *all_own = (Own *)take(&next, team->threads * sizeof(Own)), spare;
    team->own = all_own;
    int32_t sharing = most(t->heads / t->kv_heads, p->heads / p->kv_heads), groups = team->widest / GROUP;
    for (int i = 0; i < team->threads; i++) {
        Own *own = start ? &all_own[i] : &spare;
        own->normed = (float *)take(&next, rows * team->widest);
        own->small = (int8_t *)take(&next, narrow * team->widest);
        own->small_scale = (float *)take(&next, rows * groups);
        own->small_sum = (int32_t *)take(&next, rows * groups);
        own->cosines = (float *)take(&next, rows * half);
        own->sines = (float *)take(&next, rows * half);
        own->scores = (float *)take(&next, sizeof(float) * sharing * (slots + LANES));
        own->rows = (int32_t *)take(&next, rows);
        own->positions = (int32_t *)take(&next, rows);
    }
    return next - start;
}

// `slots`: the longest past that will be looked at. Returns null where there is no memory.
Team *new_team(const Model *model, int32_t threads, int32_t tokens, int32_t slots) {
    Team *team = calloc(1, sizeof(Team));
    if (!team) return 0;
    int32_t widest = 0;
    const Stack *stacks[] = {&model->talker, &model->predictor};
    for (int i = 0; i < 2; i++) {
        widest = most(widest, most(stacks[i]->width, stacks[i]->heads * stacks[i]->head_dim));
        widest = most(widest, stacks[i]->ffn);
    }
    team->threads = threads;
    team->tokens = tokens;
    team->widest = (widest + GROUP - 1) / GROUP * GROUP + GROUP;
    team->memory = calloc(1, lay_out(team, model, slots, 0) + 64);
    if (!team->memory) {
        free(team);
        return 0;
    }
    lay_out(team, model, slots, (char *)(((uintptr_t)team->memory + 63) / 64 * 64));
    return team;
}

void free_team(Team *team) {
    free(team->memory);
    free(team);
}
