#include "agent/committer.h"

#include <stdio.h>

#include "agent/checkpoint_state.h"
#include "agent/chunk_list.h"
#include "agent/committer_table.h"
#include "agent/compactor.h"
#include "agent/writer.h"
#include "base/failpoint.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/paths.h"

#define TICK_MS 200
#define LOOK_EVERY_MS 5000u
#define CHECKPOINTS_KEPT 2
#define DRAIN_MAX_MS 7000u
#define ALL_ASIDE "every table is set aside"

void committer_init(struct committer *c, struct pipeline *p)
{
    c->p = p;
    c->chunks = MEM_ARRAY(struct chunk_list, p->route_count + 1);
    c->parking = MEM_ARRAY(struct position *, p->route_count + 1);
    c->parking_reason = mem_array(p->route_count + 1, sizeof *c->parking_reason);
    c->pins = MEM_ARRAY(struct pin, p->route_count + 1);
    c->expirers = MEM_ARRAY(struct expirer, p->route_count + 1);
}

static void discard_flushed(const struct committer *c, const struct flushed *f)
{
    for (size_t i = 0; i < f->count; i++) {
        writer_discard(c->p->routes[f->items[i].route].table, &f->items[i]);
    }
}

static void drop_chunk(struct committer *c, struct copy_chunk *chunk)
{
    copy_chunk_discard(c->p, chunk);
    copy_chunk_free(chunk);
}

static void drop_chunks(struct committer *c, size_t route)
{
    struct chunk_list *pending = &c->chunks[route];
    for (size_t i = 0; i < pending->count; i++) {
        drop_chunk(c, pending->items[i]);
    }
    pending->count = 0;
}

static void event_discard(struct committer *c, struct event *e)
{
    if (e->flushed != NULL) {
        discard_flushed(c, e->flushed);
        mark_list_free_flushed(e->flushed);
    }
    if (e->chunk != NULL) {
        drop_chunk(c, e->chunk);
    }
    if (e->compaction != NULL) {
        compactor_discard(e->compaction);
    }
    if (e->expiry != NULL) {
        expirer_discard(e->expiry);
    }
    position_free(e->position);
    mem_free(e);
}

void committer_release(struct committer *c)
{
    void *item = NULL;
    while (queue_pop(c->p->events, &item, 0) == QUEUE_OK) {
        event_discard(c, item);
    }
    for (size_t i = 0; i < c->marks.count; i++) {
        for (size_t k = 0; k < c->marks.items[i].count; k++) {
            discard_flushed(c, c->marks.items[i].flushed[k]);
        }
    }
    for (size_t i = 0; i < c->p->route_count; i++) {
        drop_chunks(c, i);
        chunk_list_release(&c->chunks[i]);
        position_free(c->parking[i]);
    }
    mark_list_release(&c->marks);
    mem_free(c->chunks);
    mem_free(c->parking);
    mem_free(c->parking_reason);
    mem_free(c->pins);
    mem_free(c->expirers);
}

/* ---- setting aside ---- */

void committer_park(struct committer *c, size_t route, enum fail code, const char *reason)
{
    struct route *r = &c->p->routes[route];
    atomic_store(&r->closed, true);
    if (r->table->state == TABLE_PARKED) {
        return;
    }
    table_park(r->table, code, reason);
    drop_chunks(c, route);
    progress_pause(c->progress);
    LOG_ERROR("table-parked", "table=%s code=%s reason=%s", LOG_Q(r->table->label),
              error_name(code), LOG_Q(reason));
}

static bool all_parked(const struct committer *c)
{
    for (size_t i = 0; i < c->p->route_count; i++) {
        if (!route_is_parked(&c->p->routes[i])) {
            return false;
        }
    }
    return true;
}

bool committer_parks(enum fail code)
{
    return code == FAIL_DIVERGED || code == FAIL_SCHEMA || code == FAIL_CORRUPT ||
           code == FAIL_LIMIT || code == FAIL_DENIED;
}

int64_t committer_identifier(const struct committer *c, int64_t mark)
{
    return c->epoch->number * ((int64_t)1 << 40) + mark;
}

/* ---- checkpoint file ---- */

bool committer_checkpoint(struct committer *c, struct error *err)
{
    struct arena a = {0};
    struct checkpoint k = {.epoch = c->epoch->number,
                           /* a number that failed may stand all the same */
                           .number = ++c->checkpoint,
                           .mark = c->mark,
                           .time_ms = instant_wall_ms()};
    checkpoint_state_fill(c->p, &a, &k);
    bool ok = epoch_check(c->epoch, err) && checkpoint_write(c->p->fs, c->folder, &k, err);
    if (ok) {
        c->checkpoint_ms = instant_mono_ms();
        checkpoint_prune(c->p->fs, c->folder, k.epoch, k.number, CHECKPOINTS_KEPT);
    }
    arena_release(&a);
    return ok;
}

void committer_unpin(struct committer *c)
{
    for (size_t i = 0; i < c->p->route_count; i++) {
        const struct table *t = c->p->routes[i].table;
        if (t != NULL && t->state != TABLE_PARKED) {
            pin_remove(t, c->p->owner->job);
        }
    }
}

/* ---- one mark ---- */

static void update_stall(struct committer *c)
{
    bool stalled = false;
    for (size_t i = 0; i < c->p->route_count && !stalled; i++) {
        const struct route *r = &c->p->routes[i];
        size_t count = route_is_parked(r) ? 0 : r->table->buckets.count;
        for (size_t b = 0; b < count && !stalled; b++) {
            stalled = compactor_behind(r->table, r->table->buckets.items[b]);
        }
    }
    atomic_store(&c->p->stalled, stalled);
}

static bool finish_mark(struct committer *c, const struct pending_mark *m, struct error *err)
{
    c->mark = m->number;
    if (!committer_checkpoint(c, err)) {
        return false;
    }
    bool ok = c->p->source_ops->ack(c->p->source, m->position, err);
    atomic_store(&c->p->marks_settled, m->number);
    update_stall(c);
    return ok;
}

static bool commit_mark(struct committer *c, struct pending_mark *m, struct error *err)
{
    bool ok = true;
    if (!FAILPOINT("mark.before-commit")) {
        return error_os(err, "failpoint");
    }
    for (size_t i = 0; ok && i < c->p->route_count; i++) {
        if (route_is_parked(&c->p->routes[i])) {
            continue;
        }
        ok = committer_table_commit(c, i, m, err);
        if (ok && !FAILPOINT("mark.after-table")) {
            ok = error_os(err, "failpoint");
        }
    }
    return ok && finish_mark(c, m, err);
}

/* ---- events ---- */

/* Files of tables that were set aside before they could be listed. */
static void discard_parked(struct committer *c, struct flushed *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (route_is_parked(&c->p->routes[f->items[i].route])) {
            writer_discard(c->p->routes[f->items[i].route].table, &f->items[i]);
            f->items[i].data.count = 0;
            f->items[i].changelog.count = 0;
        }
    }
}

/* Changes newer than a chunk's snapshot must not be listed before the chunk: a mark waits for every
 * chunk that may have been read before it was made. */
static bool chunks_ended(const struct committer *c, const struct pending_mark *m)
{
    for (size_t i = 0; i < c->p->route_count; i++) {
        const struct route *r = &c->p->routes[i];
        if (!route_is_parked(r) && r->table->state == TABLE_COPYING &&
            c->chunks[i].all_ended < m->begun[i]) {
            return false;
        }
    }
    return true;
}

static bool flushed_for(const struct pending_mark *m, size_t route)
{
    for (size_t i = 0; i < m->count; i++) {
        for (size_t k = 0; k < m->flushed[i]->count; k++) {
            if (m->flushed[i]->items[k].route == route) {
                return true;
            }
        }
    }
    return false;
}

/* A mark in the moment between what a chunk certainly shows and what it may show: only the next
 * one can tell. After the lane's last there is no next one: then the chunk is never listed. */
static bool is_held(const struct committer *c, const struct pending_mark *m)
{
    if (c->lane_ended && m->number == c->last_mark) {
        return false;
    }
    for (size_t i = 0; i < c->p->route_count; i++) {
        const struct route *r = &c->p->routes[i];
        if (!route_is_parked(r) && r->table->state == TABLE_COPYING && flushed_for(m, i) &&
            chunk_list_holds(&c->chunks[i], m->position)) {
            return true;
        }
    }
    return false;
}

/* False when the next mark is not there yet. */
static bool join_next(struct committer *c)
{
    atomic_store(&c->p->marks_settled, c->marks.items[0].number);
    if (c->marks.count < 2) {
        atomic_store(&c->p->mark_now, true);
        return false;
    }
    mark_list_join(&c->marks);
    return true;
}

static bool commit_ready_marks(struct committer *c, struct error *err)
{
    while (c->marks.count > 0) {
        struct pending_mark *m = &c->marks.items[0];
        if (m->awaited > 0 || !chunks_ended(c, m)) {
            return true;
        }
        if (is_held(c, m)) {
            if (!join_next(c)) {
                return true;
            }
            continue;
        }
        for (size_t i = 0; i < m->count; i++) {
            discard_parked(c, m->flushed[i]);
        }
        if (!commit_mark(c, m, err)) {
            return false;
        }
        mark_list_pop(&c->marks);
    }
    return true;
}

static void on_mark(struct committer *c, struct event *e)
{
    uint64_t *begun = MEM_ARRAY(uint64_t, c->p->route_count + 1);
    for (size_t i = 0; i < c->p->route_count; i++) {
        begun[i] = atomic_load(&c->p->routes[i].chunks_begun);
    }
    mark_list_add(&c->marks, e->mark, e->position, c->p->threads, begun);
    e->position = NULL;
}

static void on_chunk(struct committer *c, struct event *e)
{
    struct chunk_list *list = &c->chunks[e->route];
    chunk_list_ended(list, e->chunk->order);
    if (route_is_parked(&c->p->routes[e->route]) || e->chunk->failed) {
        return; /* event_discard drops it; what follows it is not listed */
    }
    chunk_list_add(list, e->chunk);
    e->chunk = NULL;
}

static void on_park(struct committer *c, struct event *e)
{
    struct route *r = &c->p->routes[e->route];
    if (route_is_parked(r)) {
        return;
    }
    if (e->position == NULL || r->table->state != TABLE_LIVE) {
        committer_park(c, e->route, e->error.code, e->error.text);
        return;
    }
    c->parking[e->route] = e->position;
    (void)snprintf(c->parking_reason[e->route], sizeof c->parking_reason[e->route], "%s",
                   e->error.text);
    e->position = NULL;
    atomic_store(&c->p->mark_now, true);
}

static bool on_compacted(struct committer *c, struct event *e, struct error *err)
{
    uint32_t route = e->route;
    struct table *t = c->p->routes[route].table;
    int64_t identifier = committer_identifier(c, c->mark);
    bool ok = compactor_finish(c->p, e->compaction, identifier, err);
    e->compaction = NULL;
    if (!ok && committer_parks(err->code)) {
        committer_park(c, route, err->code, err->text);
        ok = true;
    }
    if (ok && t->state == TABLE_LIVE) {
        ok = compactor_consider_table(c->p, route, err);
    }
    update_stall(c);
    return ok;
}

static bool handle(struct committer *c, struct event *e, struct error *err)
{
    switch (e->kind) {
    case EVENT_MARK:
        on_mark(c, e);
        return commit_ready_marks(c, err);
    case EVENT_FLUSHED:
        mark_list_flushed(&c->marks, e->flushed);
        e->flushed = NULL;
        return commit_ready_marks(c, err);
    case EVENT_CHUNK:
        on_chunk(c, e);
        return commit_ready_marks(c, err);
    case EVENT_COPY_END:
        c->copy_ended = !stop_requested(c->p->drain) && !stop_requested(c->p->stop);
        atomic_store(&c->p->copying, false);
        atomic_store(&c->p->mark_now, true);
        return true;
    case EVENT_COMPACTED:
        return on_compacted(c, e, err);
    case EVENT_EXPIRED:
        expirer_finish(&c->expirers[e->route], c->p, e->expiry);
        e->expiry = NULL;
        return true;
    case EVENT_PARK:
        on_park(c, e);
        return commit_ready_marks(c, err);
    case EVENT_LANE_END:
        c->lane_ended = true;
        c->last_mark = e->mark;
        return commit_ready_marks(c, err);
    case EVENT_FAILED:
        *err = e->error;
        return false;
    }
    return true;
}

/* ---- timers ---- */

static bool is_copying(const struct committer *c)
{
    for (size_t i = 0; i < c->p->route_count; i++) {
        if (!route_is_parked(&c->p->routes[i]) && c->p->routes[i].table->state == TABLE_COPYING) {
            return true;
        }
    }
    return false;
}

/* Once the copy is listed, the lane's end is the source's position of now. */
static bool set_target(struct committer *c, struct error *err)
{
    struct position *target = NULL;
    if (!c->until_caught_up || atomic_load(&c->p->target) != NULL || is_copying(c)) {
        return true;
    }
    bool ok = c->p->source_ops->current_position(c->p->source, &target, err);
    if (ok) {
        atomic_store(&c->p->target, target);
    }
    return ok;
}

/* A complete chunk waits for a mark that contains its high mark: ask for marks while the stream is
 * quiet. */
static void ask_for_marks(struct committer *c)
{
    bool waiting = c->copy_ended && is_copying(c);
    if (waiting && c->marks.count == 0) {
        atomic_store(&c->p->mark_now, true);
    }
}

static bool look_at_tables(struct committer *c, struct error *err)
{
    uint64_t now = instant_mono_ms();
    if (c->look_ms != 0 && now - c->look_ms < LOOK_EVERY_MS) {
        return true;
    }
    c->look_ms = now;
    for (size_t i = 0; i < c->p->route_count; i++) {
        struct route *r = &c->p->routes[i];
        if (route_is_parked(r)) {
            continue;
        }
        if (commit_look(r->table, c->p->owner, err)) {
            expirer_consider(&c->expirers[i], &c->pins[i], c->p, (uint32_t)i);
            continue;
        }
        if (!committer_parks(err->code)) {
            return false;
        }
        committer_park(c, i, err->code, err->text);
    }
    return true;
}

/* A drain waits for what is under way, but not for ever: a server may have stalled in the middle of
 * an answer. What is not committed is read again by the next run. */
static bool drain_lasts(struct committer *c)
{
    uint64_t now = instant_mono_ms();
    if (!stop_requested(c->p->drain)) {
        return false;
    }
    c->drain_ms = c->drain_ms == 0 ? now : c->drain_ms;
    return now - c->drain_ms > DRAIN_MAX_MS;
}

static bool tick(struct committer *c, struct error *err)
{
    if (drain_lasts(c)) {
        return error_set(err, FAIL_STOPPED, "the drain took too long");
    }
    progress_tick(c->progress, c->p);
    ask_for_marks(c);
    if (all_parked(c)) {
        return error_set(err, FAIL_DIVERGED, ALL_ASIDE);
    }
    if (!set_target(c, err) || !look_at_tables(c, err)) {
        return false;
    }
    /* Others see by it that this agent lives. */
    if (instant_mono_ms() - c->checkpoint_ms >= c->p->checkpoint_interval_ms) {
        return committer_checkpoint(c, err);
    }
    return true;
}

static bool wait_event(struct committer *c, struct event **out)
{
    void *item = NULL;
    *out = NULL;
    if (queue_pop(c->p->events, &item, TICK_MS) == QUEUE_OK) {
        *out = item;
    }
    return *out != NULL;
}

static bool step(struct committer *c, struct error *err)
{
    struct event *e = NULL;
    bool ok = true;
    if (wait_event(c, &e)) {
        ok = handle(c, e, err);
        event_discard(c, e);
    }
    return ok && tick(c, err);
}

static bool is_compacting(const struct committer *c)
{
    for (size_t i = 0; i < c->p->route_count; i++) {
        const struct route *r = &c->p->routes[i];
        size_t count = route_is_parked(r) ? 0 : r->table->buckets.count;
        for (size_t b = 0; b < count; b++) {
            if (r->table->buckets.items[b]->task_running) {
                return true;
            }
        }
    }
    return false;
}

static void resume_compactions(struct committer *c)
{
    for (size_t i = 0; i < c->p->route_count; i++) {
        struct error err = {0};
        if (!route_is_parked(&c->p->routes[i]) && !compactor_resume(c->p, (uint32_t)i, &err)) {
            committer_park(c, i, err.code, err.text);
        }
    }
}

bool committer_run(struct committer *c, struct error *err)
{
    resume_compactions(c);
    while (!c->lane_ended || c->mark < c->last_mark) {
        if (!step(c, err)) {
            return false;
        }
    }
    /* A job that ends here leaves its tables compacted as far as the picking asks for, and their
     * changelogs whole. */
    if (c->until_caught_up && !stop_requested(c->p->drain)) {
        resume_compactions(c);
    }
    while (c->until_caught_up && is_compacting(c) && !stop_requested(c->p->drain)) {
        if (!step(c, err)) {
            return false;
        }
    }
    /* What others did since the last look is said now, not at the next start. */
    c->look_ms = 0;
    return look_at_tables(c, err) && (!all_parked(c) || error_set(err, FAIL_DIVERGED, ALL_ASIDE)) &&
           committer_checkpoint(c, err);
}

/* ---- the shared copy ---- */

bool committer_shared_copy(struct committer *c, const struct position *snapshot, struct error *err)
{
    while (!c->copy_ended) {
        if (stop_requested(c->p->drain)) {
            return error_set(err, FAIL_STOPPED, "stopped in the shared copy");
        }
        if (!step(c, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < c->p->route_count; i++) {
        struct route *r = &c->p->routes[i];
        if (!route_is_parked(r) && r->copy && r->shared &&
            !committer_table_list(c, i, snapshot, err)) {
            return false;
        }
    }
    c->copy_ended = false;
    return committer_checkpoint(c, err);
}
