// What Python calls, from all threads of a team at once.

#include "sampling.h"
#include "stack.h"

// Tokens [count][width] at (row, position) go through the stack into the cache. `hidden`, unless null, gets the hidden states
// after the final norm.
void run_stack(Team *team, const Stack *stack, const Cache *cache, int32_t count, const int32_t *rows, const int32_t *positions,
               const float *x, float *hidden, int thread) {
    Own *own = &team->own[thread];
    int32_t width = stack->width;
    Share mine;
    while (claim(team, thread, 1, &mine)) {
        memcpy(team->rows, rows, count * sizeof(int32_t));
        memcpy(team->positions, positions, count * sizeof(int32_t));
        memcpy(team->hidden, x, (size_t)count * width * sizeof(float));
    }
    run_layers(team, stack, cache, count, thread);
    Matrix plain = {.bits = 32, .groups = (width + GROUP - 1) / GROUP};
    while (hidden && claim(team, thread, count, &mine)) {
        const float *from = team->hidden + (int64_t)mine.begin * width;
        prepare(own, &plain, (Vectors){from, mine.end - mine.begin, width, width, stack->norm, stack->eps});
        for (int32_t m = mine.begin; m < mine.end; m++)
            memcpy(hidden + (int64_t)m * width, own->normed + (int64_t)(m - mine.begin) * plain.groups * GROUP, width * sizeof(float));
    }
}

// y = W x for vectors [count][size].
void run_product(Team *team, const Matrix *w, int32_t count, const float *x, int32_t size, float *y, int thread) {
    product(team, thread, w, (Vectors){x, count, size, size, 0, 0}, y, w->outputs, 0);
}

static void embed(const Table *table, int64_t id, int32_t width, float *to, int add) {
    for (int32_t i = 0; i < width; i++) {
        float x;
        if (table->bf16) {
            uint32_t bits = (uint32_t)((const uint16_t *)table->rows)[id * width + i] << 16;
            memcpy(&x, &bits, 4);
        } else {
            x = ((const float *)table->rows)[id * width + i];
        }
        to[i] = add ? to[i] + x : x;
    }
}

// Where frame g's text is: see EngineState.text.
static const float *text_of(const Frame *f, int32_t row, int32_t width) {
    int64_t place = f->frame[row] < f->last[row] ? f->frame[row] : f->last[row];
    return f->text + row * f->text_stride + place * width;
}

static void first_code(Team *team, const Model *model, const Frame *f, int thread) {
    const Stack *t = &model->talker;
    Own *own = &team->own[thread];
    int32_t width = t->width, held = model->head.groups * GROUP;
    Share mine;
    while (claim(team, thread, f->count, &mine))
        for (int32_t m = mine.begin; m < mine.end; m++) {
            int32_t row = team->rows[m] = f->rows[m];
            team->positions[m] = (int32_t)f->position[row];
            const float *text = text_of(f, row, width), *pending = f->pending + (int64_t)row * width;
            for (int32_t i = 0; i < width; i++) team->hidden[(int64_t)m * width + i] = pending[i] + text[i];
        }
    run_layers(team, t, &f->cache, f->count, thread);
    for (int ready = 0; claim(team, thread, model->head.tiles, &mine); ready = 1) {
        if (!ready) prepare(own, &model->head, (Vectors){team->hidden, f->count, width, width, t->norm, t->eps});
        if (mine.begin == 0)
            for (int32_t m = 0; m < f->count; m++)
                memcpy(team->given + 2 * (int64_t)m * width, own->normed + (int64_t)m * held, width * sizeof(float));
        multiply(own, &model->head, f->count, team->logits, model->head.outputs, 0, mine);
    }
    while (claim(team, thread, f->count, &mine))
        for (int32_t m = mine.begin; m < mine.end; m++) {
            int32_t row = f->rows[m], count = model->head.outputs;
            float *logits = team->logits + (int64_t)m * count;
            uint8_t *seen = f->seen + (int64_t)row * count;
            int silent = f->frame[row] < model->quiet_frames;
            constrain(logits, count, seen, f->talker.penalty[row], model->acoustic, model->eos, silent);
            int32_t code = draw(logits, count, &f->talker, row, f->uniforms[(int64_t)row * model->groups]);
            seen[code] = 1;
            f->codes[(int64_t)row * model->groups] = code;
            embed(&model->tables[0], code, width, team->given + (2 * (int64_t)m + 1) * width, 0);
        }
}

// Brings team->given [count][talker's width] to team->hidden [count][predictor's width].
static void project(Team *team, const Model *model, int32_t count, int thread) {
    const Matrix *w = &model->projection;
    Own *own = &team->own[thread];
    int32_t from = model->talker.width, to = model->predictor.width;
    Share mine;
    for (int ready = 0; w->tiles && claim(team, thread, w->tiles, &mine); ready = 1) {
        if (!ready) prepare(own, w, (Vectors){team->given, count, from, from, 0, 0});
        multiply(own, w, count, team->hidden, to, 0, mine);
        for (int32_t m = 0; m < count; m++)
            for (int32_t i = mine.begin * LANES; i < mine.end * LANES && i < to; i++)
                team->hidden[(int64_t)m * to + i] += model->projection_bias[i];
    }
    while (!w->tiles && claim(team, thread, 1, &mine)) memcpy(team->hidden, team->given, (size_t)count * to * sizeof(float));
}

// Code `group` of all rows, from the next position of the predictor (or, for the first one, its first two).
static void next_code(Team *team, const Model *model, const Frame *f, int32_t group, int thread) {
    const Stack *p = &model->predictor;
    const Matrix *head = &model->heads[group - 1];
    int32_t tokens = group == 1 ? 2 : 1, count = f->count * tokens;
    Vectors ends = {team->hidden + (tokens - 1) * p->width, f->count, p->width, (int64_t)tokens * p->width, p->norm, p->eps};
    Share mine;
    while (claim(team, thread, count, &mine))
        for (int32_t m = mine.begin; m < mine.end; m++) {
            team->rows[m] = f->rows[m / tokens];
            team->positions[m] = group == 1 ? m % 2 : group;
        }
    project(team, model, count, thread);
    run_layers(team, p, &f->predictor_cache, count, thread);
    product(team, thread, head, ends, team->logits, head->outputs, 0);
    while (claim(team, thread, f->count, &mine))
        for (int32_t m = mine.begin; m < mine.end; m++) {
            int32_t row = f->rows[m], most = head->outputs;
            int64_t at = (int64_t)row * model->groups + group;
            int32_t code = draw(team->logits + (int64_t)m * most, most, &f->predictor, row, f->uniforms[at]);
            f->codes[at] = code;
            embed(&model->tables[group], code, model->talker.width, team->given + (int64_t)m * model->talker.width, 0);
        }
}

// The next frame of the given rows: their codes, and all that the state remembers of it.
void run_frame(Team *team, const Model *model, const Frame *f, int thread) {
    int32_t width = model->talker.width;
    Share mine;
    first_code(team, model, f, thread);
    for (int32_t group = 1; group < model->groups; group++) next_code(team, model, f, group, thread);
    while (claim(team, thread, f->count, &mine))
        for (int32_t m = mine.begin; m < mine.end; m++) {
            int32_t row = f->rows[m];
            float *pending = f->pending + (int64_t)row * width;
            for (int32_t group = 0; group < model->groups; group++)
                embed(&model->tables[group], f->codes[(int64_t)row * model->groups + group], width, pending, group > 0);
            f->frame[row]++;
            f->position[row]++;
        }
}

// For Python to see that both sides mean the same by Matrix, Layer, Stack, Table, Model, Cache, Sampling, Frame.
void measure(int32_t sizes[8]) {
    int32_t own[8] = {sizeof(Matrix), sizeof(Layer), sizeof(Stack), sizeof(Table), sizeof(Model), sizeof(Cache), sizeof(Sampling), sizeof(Frame)};
    memcpy(sizes, own, sizeof own);
}
