#include "agent/lane.h"

#include <stdio.h>

#include "agent/drain.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"

#define HAND_BYTES ((size_t)64 << 10) /* larger blocks would come from mmap, page by page */
#define LANE_WAIT_MS 200u
#define LANE_WAIT_COPY_MS 20u /* chunks that are ready wait for a mark */
#define LANE_NOTICES 16
#define DRAIN_TRANSACTION_MS 5000u
#define MARKS_AHEAD 2

struct lane {
    struct pipeline *p;
    struct source_reader *reader;
    struct batch batch;
    struct hand *open[PIPELINE_MAX_THREADS];
    struct buf scratch;
    struct position *position; /* everything before it was handed over */
    bool *filtered;            /* per route: its resume position is ahead of the start */
    size_t filtered_count;
    bool *noticed; /* per route: set aside, nothing more comes */
    bool in_transaction;
    bool moved; /* position changed since the last mark */
    int64_t mark;
    uint64_t next_mark_ms;
    uint64_t drain_since_ms; /* 0: not draining */
};

/* ---- handing over ---- */

static bool push(struct lane *l, size_t writer, struct hand *h, size_t bytes)
{
    for (;;) {
        enum queue_result r = queue_push(l->p->hands[writer], h, bytes, 200);
        if (r == QUEUE_OK) {
            return true;
        }
        if (r == QUEUE_CLOSED || stop_requested(l->p->stop)) {
            hand_free(h);
            return false;
        }
    }
}

static bool push_open(struct lane *l, size_t writer)
{
    struct hand *h = l->open[writer];
    if (h == NULL) {
        return true;
    }
    l->open[writer] = NULL;
    return push(l, writer, h, arena_used(&h->arena) + h->cap * sizeof *h->rows);
}

static bool hand_over(struct lane *l, uint32_t route, enum row_kind kind,
                      const struct value *values)
{
    struct route *r = &l->p->routes[route];
    const struct slot *slot = NULL;
    struct error err = {0};
    if (!slot_set_find(r->slots, values, &l->scratch, &slot, &err)) {
        pipeline_park(l->p, route, &err);
        return true;
    }
    size_t writer = pipeline_writer(l->p, route, slot);
    const struct schema *schema = r->table->schema;
    if (l->open[writer] == NULL) {
        l->open[writer] = hand_new();
    }
    struct hand *h = l->open[writer];
    VEC_ROOM(h->rows, h->count, h->cap);
    h->rows[h->count++] = (struct hand_row){
        .values = row_copy(&h->arena, schema->fields, schema->field_count, values),
        .route = route,
        .slot = slot,
        .kind = (uint8_t)kind};
    return arena_used(&h->arena) < HAND_BYTES || push_open(l, writer);
}

/* ---- routing ---- */

static bool same_key(const struct route *r, const struct value *a, const struct value *b)
{
    const struct schema *s = r->table->schema;
    for (size_t i = 0; i < s->primary_key_count; i++) {
        size_t column = s->primary_key[i];
        if (!value_equal(&s->fields[column].type, &a[column], &b[column])) {
            return false;
        }
    }
    return true;
}

static bool route_change(struct lane *l, const struct change *c)
{
    struct route *r = &l->p->routes[c->table];
    bool old_images = r->table->options.old_images;
    atomic_fetch_add_explicit(&r->streamed, 1, memory_order_relaxed);
    if (c->kind != ROW_UPDATE_AFTER || c->before == NULL) {
        return hand_over(l, c->table, (enum row_kind)c->kind, c->values);
    }
    if (!same_key(r, c->before, c->values)) {
        return hand_over(l, c->table, ROW_DELETE, c->before) &&
               hand_over(l, c->table, ROW_INSERT, c->values);
    }
    return (!old_images || hand_over(l, c->table, ROW_UPDATE_BEFORE, c->before)) &&
           hand_over(l, c->table, ROW_UPDATE_AFTER, c->values);
}

static bool skips(struct lane *l, uint32_t route, const struct place *place)
{
    return l->filtered[route] && position_has(l->p->routes[route].resume, place);
}

/* Tables that were ahead of the start are no longer, once the lane is where they were. */
static void settle_filters(struct lane *l)
{
    for (size_t i = 0; l->filtered_count > 0 && i < l->p->route_count; i++) {
        if (l->filtered[i] && position_contains(l->position, l->p->routes[i].resume)) {
            l->filtered[i] = false;
            l->filtered_count--;
        }
    }
}

static bool take_transaction(struct lane *l, const struct batch_transaction *t, struct error *err)
{
    for (size_t i = t->first; i < t->first + t->count; i++) {
        const struct change *c = &l->batch.changes[i];
        struct route *r = &l->p->routes[c->table];
        if (r->table == NULL || atomic_load_explicit(&r->closed, memory_order_relaxed) ||
            (l->filtered_count > 0 && skips(l, c->table, &t->place))) {
            continue;
        }
        if (!route_change(l, c)) {
            return error_set(err, FAIL_STOPPED, "stopped");
        }
    }
    l->in_transaction = t->open;
    if (t->open) {
        return true;
    }
    l->moved = true;
    if (t->commit_ms > 0) {
        atomic_store_explicit(&l->p->last_commit_ms, t->commit_ms, memory_order_relaxed);
    }
    struct place from = t->place;
    from.number = t->from;
    return position_add(l->position, &from, t->place.number, err);
}

/* Rows of the table after the notice are not delivered: it is complete up to where the lane is. In
 * the middle of a transaction some rows of it may be on their way: then the table goes back to its
 * last commit, so that no transaction is cut. */
static void take_notice(struct lane *l, const struct source_notice *n)
{
    struct error err = {0};
    if (l->p->routes[n->table].table == NULL || l->noticed[n->table]) {
        return;
    }
    l->noticed[n->table] = true;
    error_set(&err, FAIL_SCHEMA, "%.*s", STR_FMT(n->reason));
    if (l->in_transaction) {
        pipeline_park(l->p, n->table, &err);
    } else {
        pipeline_notice(l->p, n->table, &err, position_dup(l->position));
    }
}

static bool take_batch(struct lane *l, struct error *err)
{
    atomic_fetch_add_explicit(&l->p->source_bytes, l->batch.bytes, memory_order_relaxed);
    for (size_t i = 0; i < l->batch.transaction_count; i++) {
        if (!take_transaction(l, &l->batch.transactions[i], err)) {
            return false;
        }
    }
    settle_filters(l);
    return true;
}

/* ---- marks ---- */

static bool make_mark(struct lane *l)
{
    l->mark++;
    for (size_t i = 0; i < l->p->threads; i++) {
        if (!push_open(l, i)) {
            return false;
        }
    }
    pipeline_send(
        l->p,
        (struct event){.kind = EVENT_MARK, .mark = l->mark, .position = position_dup(l->position)});
    for (size_t i = 0; i < l->p->threads; i++) {
        struct hand *h = hand_new();
        h->mark = l->mark;
        if (!push(l, i, h, sizeof *h)) {
            return false;
        }
    }
    l->moved = false;
    l->next_mark_ms = instant_mono_ms() + l->p->checkpoint_interval_ms;
    return true;
}

static bool mark_due(struct lane *l)
{
    int64_t ahead = l->mark - atomic_load(&l->p->marks_settled);
    if (ahead >= MARKS_AHEAD) {
        return false;
    }
    if (atomic_exchange(&l->p->mark_now, false)) {
        return true;
    }
    return l->moved && instant_mono_ms() >= l->next_mark_ms;
}

static bool reached_target(struct lane *l)
{
    struct position *target = atomic_load(&l->p->target);
    return target != NULL && position_contains(l->position, target);
}

/* True when the lane should end after a last mark. */
static bool finished(struct lane *l)
{
    if (l->in_transaction) {
        return false;
    }
    return stop_requested(l->p->drain) || reached_target(l);
}

static uint32_t wait_of(const struct lane *l)
{
    uint64_t now = instant_mono_ms();
    uint64_t left = l->next_mark_ms > now ? l->next_mark_ms - now : 0;
    uint32_t most = atomic_load(&l->p->copying) ? LANE_WAIT_COPY_MS : LANE_WAIT_MS;
    if (!l->moved || left > most) {
        return most;
    }
    return (uint32_t)left;
}

/* A drain in the middle of a long transaction waits for its end, but not for ever: what is not
 * committed is read again. */
static bool drain_gives_up(struct lane *l)
{
    if (!stop_requested(l->p->drain)) {
        return false;
    }
    if (l->drain_since_ms == 0) {
        l->drain_since_ms = instant_mono_ms();
    }
    return instant_mono_ms() - l->drain_since_ms > DRAIN_TRANSACTION_MS;
}

static bool wait_while_stalled(struct lane *l)
{
    while (atomic_load(&l->p->stalled)) {
        if (stop_wait(l->p->stop, 50) || stop_requested(l->p->drain)) {
            return !stop_requested(l->p->stop);
        }
    }
    return true;
}

static enum source_read read_once(struct lane *l, struct error *err)
{
    struct source_notice notices[LANE_NOTICES];
    size_t notice_count = 0;
    batch_reset(&l->batch);
    enum source_read r = l->p->source_ops->stream_read(l->reader, wait_of(l), &l->batch, notices,
                                                       &notice_count, err);
    if (r == SOURCE_FAILED) {
        return r;
    }
    if (!take_batch(l, err)) {
        return SOURCE_FAILED;
    }
    for (size_t i = 0; i < notice_count; i++) {
        take_notice(l, &notices[i]);
    }
    return r;
}

static bool follow(struct lane *l, struct error *err)
{
    for (;;) {
        if (finished(l) || drain_gives_up(l)) {
            /* In the middle of a transaction nothing may be marked: the rows handed over are thrown
             * away. */
            if (!l->in_transaction && !make_mark(l)) {
                return error_set(err, FAIL_STOPPED, "stopped");
            }
            pipeline_send(l->p, (struct event){.kind = EVENT_LANE_END, .mark = l->mark});
            return true;
        }
        if (!wait_while_stalled(l)) {
            return error_set(err, FAIL_STOPPED, "stopped");
        }
        if (read_once(l, err) == SOURCE_FAILED) {
            return false;
        }
        if (!l->in_transaction && mark_due(l) && !make_mark(l)) {
            return error_set(err, FAIL_STOPPED, "stopped");
        }
    }
}

static void lane_init(struct lane *l, const struct lane_args *a)
{
    struct pipeline *p = a->pipeline;
    *l = (struct lane){.p = p, .mark = a->first_mark - 1, .scratch = BUF_INIT(1u << 20)};
    batch_init(&l->batch);
    l->position = position_dup(p->start);
    l->filtered = MEM_ARRAY(bool, p->route_count + 1);
    l->noticed = MEM_ARRAY(bool, p->route_count + 1);
    for (size_t i = 0; i < p->route_count; i++) {
        const struct route *r = &p->routes[i];
        l->filtered[i] = r->resume != NULL && !position_contains(p->start, r->resume);
        l->filtered_count += l->filtered[i] ? 1 : 0;
    }
    l->next_mark_ms = instant_mono_ms() + p->checkpoint_interval_ms;
}

static void lane_release(struct lane *l)
{
    if (l->reader != NULL) {
        l->p->source_ops->reader_close(l->reader);
    }
    for (size_t i = 0; i < l->p->threads; i++) {
        hand_free(l->open[i]);
    }
    batch_release(&l->batch);
    buf_release(&l->scratch);
    position_free(l->position);
    mem_free(l->filtered);
    mem_free(l->noticed);
}

static void tell_tables(struct lane *l)
{
    const struct source_ops *ops = l->p->source_ops;
    for (size_t i = 0; ops->stream_table != NULL && i < l->p->route_count; i++) {
        const struct route *r = &l->p->routes[i];
        if (r->resume != NULL) {
            ops->stream_table(l->reader, (uint32_t)i, l->filtered[i] ? r->resume : NULL, r->empty);
        }
    }
}

void *lane_run(void *args)
{
    struct lane l;
    struct error err = {0};
    lane_init(&l, args);
    struct drain_watch *watch = drain_watch(l.p->drain, l.p->stop);
    bool ok = l.p->source_ops->stream_open(l.p->source, l.p->start, &l.reader, &err);
    drain_unwatch(watch);
    if (ok) {
        tell_tables(&l);
        ok = follow(&l, &err);
    }
    if (!ok) {
        pipeline_fail(l.p, &err);
        stop_request(l.p->stop);
    }
    lane_release(&l);
    return NULL;
}
