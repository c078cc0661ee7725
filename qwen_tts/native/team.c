#include "team.h"

#include <stdlib.h>
#if defined(_WIN32)
#include <windows.h>
#define nap() Sleep(1)
#else
#include <time.h>
static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 50000}, 0); }
#endif

enum { SPINS = 4000 };  // things take a few microseconds, so threads wait awake; after so long, somebody has lost its core

static int invited(const Team *team, int thread) {
    return !thread || thread < team->threads - __atomic_load_n(team->taken, __ATOMIC_RELAXED);
}

int claim(Team *team, int thread, int32_t count, Share *mine) {
    Own *own = &team->own[thread];
    uint64_t following = (uint64_t)(own->phase + 1) << 32;
    if (own->held && __atomic_add_fetch(&team->finished, own->held, __ATOMIC_ACQ_REL) == count) {
        __atomic_store_n(&team->finished, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&team->next, following, __ATOMIC_RELEASE);
    }
    own->held = 0;
    for (int spins = 0;; spins++) {
        uint64_t next = __atomic_load_n(&team->next, __ATOMIC_ACQUIRE);
        if ((uint32_t)(next >> 32) != own->phase) break;
        int32_t begin = (int32_t)next, left = count - begin, part = left / (2 * team->threads);
        if (team->threads == 1) part = left;
        if (part < 1) part = 1;
        if (left > 0 && invited(team, thread)) {
            if (!__atomic_compare_exchange_n(&team->next, &next, next + part, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
            own->held = part;
            *mine = (Share){begin, begin + part};
            return 1;
        }
#if defined(__x86_64__)
        _mm_pause();
#endif
        if (spins > SPINS || left > 0) nap();
    }
    own->phase++;
    return 0;
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
    team->given = (float *)take(&next, rows * team->widest);
    team->cosines = (float *)take(&next, rows * half);
    team->sines = (float *)take(&next, rows * half);
    team->rows = (int32_t *)take(&next, rows);
    team->positions = (int32_t *)take(&next, rows);
    Own *all_own = (Own *)take(&next, team->threads * sizeof(Own)), spare;
    team->own = all_own;
    int32_t groups = team->widest / GROUP;
    for (int i = 0; i < team->threads; i++) {
        Own *own = start ? &all_own[i] : &spare;
        own->normed = (float *)take(&next, rows * team->widest);
        own->small = (int8_t *)take(&next, narrow * team->widest);
        own->small_scale = (float *)take(&next, rows * groups);
        own->small_sum = (int32_t *)take(&next, rows * groups);
        own->scores = (float *)take(&next, sizeof(float) * (slots + LANES));
    }
    return next - start;
}

// `slots`: the longest past that will be looked at. `taken`: cores that others keep busy; so many threads, but not the first,
// do nothing meanwhile. Returns null where there is no memory.
Team *new_team(const Model *model, int32_t threads, int32_t tokens, int32_t slots, const int32_t *taken) {
    Team *team = calloc(1, sizeof(Team));
    if (!team) return 0;
    int32_t widest = 0;
    const Stack *stacks[] = {&model->talker, &model->predictor};
    for (int i = 0; i < 2; i++) {
        widest = most(widest, most(stacks[i]->width, stacks[i]->heads * stacks[i]->head_dim));
        widest = most(widest, stacks[i]->ffn);
    }
    team->threads = threads;
    team->taken = taken;
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
