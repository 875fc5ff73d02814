#include "agent/copy.h"

#include <pthread.h>

#include "agent/writer.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "sink/sort_buffer.h"

#define PLAN_AHEAD 16

/* What the readers share, under one lock. */
struct copy {
    struct pipeline *p;
    bool shared;
    pthread_mutex_t lock;
    pthread_cond_t room; /* a buffer was encoded */
    pthread_t threads[PIPELINE_MAX_THREADS];
    struct reader_args *args;
    size_t readers;
    size_t running;
    unsigned in_flight; /* buffers on workers */
    /* The plan. */
    size_t route; /* being planned */
    struct source_chunk planned[PLAN_AHEAD];
    size_t planned_count, planned_at;
    bool planned_all; /* of this route */
    struct arena plan_arena;
    struct str after; /* id of the last planned chunk */
    uint64_t order;
    const struct str *through;
};

struct reader_args {
    struct copy *copy;
    size_t slot;
};

/* One buffer of a chunk on its way through a worker: a sort buffer for each bucket that has rows.
 */
struct load_bucket {
    const struct slot *slot;
    struct sort_buffer *rows; /* NULL: none */
};
struct load {
    struct copy *copy;
    struct copy_chunk *chunk;
    struct load_bucket *buckets; /* by slot */
    size_t cap;
    size_t bytes;
};

void copy_chunk_free(struct copy_chunk *c)
{
    if (c != NULL) {
        position_free(c->seen.low);
        position_free(c->seen.high);
        mem_free(c->files);
        arena_release(&c->arena);
        mem_free(c);
    }
}

void copy_chunk_discard(const struct pipeline *p, const struct copy_chunk *c)
{
    for (size_t i = 0; i < c->file_count; i++) {
        writer_discard(p->routes[c->route].table, &c->files[i]);
    }
}

/* What one reader thread reads with. */
struct chunk_source {
    size_t slot;
    struct source_reader *reader;
    struct batch batch;
    struct buf scratch;
};

/* ---- plan ---- */

static bool wanted(const struct copy *c, size_t route)
{
    const struct route *r = &c->p->routes[route];
    return r->table != NULL && r->copy && r->shared == c->shared && !atomic_load(&r->closed);
}

static void next_route(struct copy *c)
{
    c->route++;
    c->planned_count = 0;
    c->planned_at = 0;
    c->planned_all = false;
    c->order = 0;
    arena_reset(&c->plan_arena);
    c->after = (struct str){0};
}

/* Fills the plan of the current route further. Locked. */
static bool plan_more(struct copy *c, struct error *err)
{
    struct pipeline *p = c->p;
    struct arena next = {0};
    struct source_chunk after = {.table = (uint32_t)c->route, .id = c->after};
    size_t count = 0;
    bool done = false;
    bool ok = p->source_ops->plan(p->source, p->routes[c->route].source,
                                  c->after.len == 0 ? NULL : &after, PLAN_AHEAD, &next, c->planned,
                                  &count, &done, err);
    if (!ok) {
        arena_release(&next);
        return error_in(err, "plan the copy of %s", p->routes[c->route].table->label);
    }
    arena_release(&c->plan_arena);
    c->plan_arena = next;
    c->planned_count = count;
    c->planned_at = 0;
    c->planned_all = done;
    if (count > 0) {
        c->after = c->planned[count - 1].id;
    }
    return true;
}

static struct copy_chunk *take_planned(struct copy *c)
{
    struct copy_chunk *chunk = MEM_NEW(struct copy_chunk);
    const struct source_chunk *s = &c->planned[c->planned_at++];
    chunk->route = (uint32_t)c->route;
    chunk->order = c->order++;
    atomic_store(&c->p->routes[c->route].chunks_begun, c->order); /* before it is read */
    chunk->id = arena_str(&chunk->arena, s->id);
    chunk->last = c->planned_all && c->planned_at == c->planned_count;
    return chunk;
}

/* The next chunk to read, or NULL with err->code FAIL_NONE at the end. */
static struct copy_chunk *next_chunk(struct copy *c, struct error *err)
{
    struct copy_chunk *chunk = NULL;
    bool ok = true;
    (void)pthread_mutex_lock(&c->lock);
    while (ok && chunk == NULL && c->route < c->p->route_count) {
        if (!wanted(c, c->route)) {
            next_route(c);
            continue;
        }
        if (c->planned_at < c->planned_count) {
            chunk = take_planned(c);
        } else if (c->planned_all) {
            next_route(c);
        } else {
            if (c->order == 0 && c->after.len == 0) {
                c->after = c->through[c->route];
            }
            ok = plan_more(c, err);
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
    return chunk;
}

/* ---- loading ---- */

static struct load *load_new(struct copy *c, struct copy_chunk *chunk)
{
    struct load *l = MEM_NEW(struct load);
    l->copy = c;
    l->chunk = chunk;
    return l;
}

static void load_free(struct load *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < l->cap; i++) {
        sort_buffer_free(l->buckets[i].rows);
    }
    mem_free(l->buckets);
    mem_free(l);
}

static struct sort_buffer *load_rows(struct load *l, const struct slot *slot)
{
    const struct table *t = l->copy->p->routes[l->chunk->route].table;
    while (l->cap <= slot->index) {
        size_t cap = l->cap == 0 ? 4 : l->cap * 2;
        l->buckets = mem_grow(l->buckets, cap, sizeof *l->buckets);
        for (size_t i = l->cap; i < cap; i++) {
            l->buckets[i] = (struct load_bucket){NULL, NULL};
        }
        l->cap = cap;
    }
    struct load_bucket *b = &l->buckets[slot->index];
    if (b->rows == NULL) {
        *b = (struct load_bucket){slot, sort_buffer_new(t->schema, &t->layout, t->rule)};
    }
    return b->rows;
}

/* A complete chunk, or one whose table was set aside, leaves for the committer. Locked. */
static void chunk_settle(struct copy *c, struct copy_chunk *chunk)
{
    if (chunk->read && chunk->flushing == 0) {
        pipeline_send(c->p,
                      (struct event){.kind = EVENT_CHUNK, .route = chunk->route, .chunk = chunk});
    }
}

static bool flush_one(const struct load *l, const struct load_bucket *b, struct arena *arena,
                      struct flushed_files *out, struct error *err)
{
    const struct table *t = l->copy->p->routes[l->chunk->route].table;
    struct run_target data;
    struct run_target changelog;
    struct sort_buffer_flush flush = {.data = &data, .unique_keys = true};
    pipeline_target(l->copy->p, t, b->slot->folder, false, &data);
    if (t->options.changelog == TABLE_CHANGELOG_INPUT) {
        pipeline_target(l->copy->p, t, b->slot->folder, true, &changelog);
        flush.changelog = &changelog;
    }
    out->route = l->chunk->route;
    out->slot = b->slot;
    return sort_buffer_flush(b->rows, &flush, arena, &out->data, &out->changelog, err);
}

/* Adds a flushed bucket's files to the chunk; the descriptions move into its arena. Locked. */
static void add_files(struct copy_chunk *chunk, const struct flushed_files *f)
{
    struct flushed_files copy = {.route = f->route, .slot = f->slot};
    for (size_t i = 0; i < f->data.count; i++) {
        run_files_add(&copy.data, &chunk->arena, data_file_copy(&chunk->arena, f->data.items[i]));
    }
    for (size_t i = 0; i < f->changelog.count; i++) {
        run_files_add(&copy.changelog, &chunk->arena,
                      data_file_copy(&chunk->arena, f->changelog.items[i]));
    }
    VEC_ROOM(chunk->files, chunk->file_count, chunk->file_cap);
    chunk->files[chunk->file_count++] = copy;
}

static void load_failed(struct copy *c, uint32_t route, struct error *err)
{
    error_in(err, "copy %s", c->p->routes[route].table->label);
    if (err->code == FAIL_STOPPED) {
        return; /* drained: the chunk is read again by the next run */
    }
    if (err->code == FAIL_SCHEMA || err->code == FAIL_LIMIT || err->code == FAIL_CORRUPT ||
        err->code == FAIL_DENIED) {
        pipeline_park(c->p, route, err);
    } else {
        pipeline_fail(c->p, err);
        stop_request(c->p->stop);
    }
}

static void chunk_failed(struct copy *c, struct copy_chunk *chunk)
{
    (void)pthread_mutex_lock(&c->lock);
    chunk->failed = true;
    (void)pthread_mutex_unlock(&c->lock);
}

/* On a worker. */
static void load_run(void *arg)
{
    struct load *l = arg;
    struct copy *c = l->copy;
    struct copy_chunk *chunk = l->chunk;
    struct route *r = &c->p->routes[chunk->route];
    struct error err = {0};
    for (size_t i = 0; i < l->cap; i++) {
        struct arena arena = {0};
        struct flushed_files files = {0};
        if (l->buckets[i].rows == NULL) {
            continue;
        }
        if (atomic_load(&r->closed) || stop_requested(c->p->stop)) {
            chunk_failed(c, chunk);
            continue;
        }
        if (flush_one(l, &l->buckets[i], &arena, &files, &err)) {
            (void)pthread_mutex_lock(&c->lock);
            add_files(chunk, &files);
            (void)pthread_mutex_unlock(&c->lock);
        } else {
            load_failed(c, chunk->route, &err);
            chunk_failed(c, chunk);
        }
        arena_release(&arena);
    }
    load_free(l);
    (void)pthread_mutex_lock(&c->lock);
    chunk->flushing--;
    c->in_flight--;
    chunk_settle(c, chunk);
    (void)pthread_cond_broadcast(&c->room);
    (void)pthread_mutex_unlock(&c->lock);
}

/* Gives a full buffer to the workers; waits while too many are there: that is the back-pressure. */
static void load_submit(struct load *l)
{
    struct copy *c = l->copy;
    (void)pthread_mutex_lock(&c->lock);
    while (c->in_flight >= c->p->threads) {
        (void)pthread_cond_wait(&c->room, &c->lock);
    }
    c->in_flight++;
    l->chunk->flushing++;
    (void)pthread_mutex_unlock(&c->lock);
    workers_add(c->p->workers, load_run, l);
}

static bool load_add(struct load *l, const struct batch *batch, struct buf *scratch,
                     struct error *err)
{
    struct route *r = &l->copy->p->routes[l->chunk->route];
    for (size_t i = 0; i < batch->count; i++) {
        const struct value *values = batch->changes[i].values;
        const struct slot *slot = NULL;
        if (!slot_set_find(r->slots, values, scratch, &slot, err) ||
            !sort_buffer_add(load_rows(l, slot), ROW_INSERT, r->copy_sequence, values, err)) {
            return false;
        }
    }
    l->bytes = 0;
    for (size_t i = 0; i < l->cap; i++) {
        l->bytes += l->buckets[i].rows == NULL ? 0 : sort_buffer_bytes(l->buckets[i].rows);
    }
    l->chunk->rows += batch->count;
    atomic_fetch_add_explicit(&r->copied, batch->count, memory_order_relaxed);
    atomic_fetch_add_explicit(&l->copy->p->source_bytes, batch->bytes, memory_order_relaxed);
    return true;
}

static bool read_rows(struct copy *c, struct chunk_source *from, struct copy_chunk *chunk,
                      struct error *err)
{
    struct load *l = load_new(c, chunk);
    enum source_read r = SOURCE_BATCH;
    while (r != SOURCE_END) {
        batch_reset(&from->batch);
        r = c->p->source_ops->chunk_read(from->reader, &from->batch, &chunk->seen, err);
        if (r == SOURCE_FAILED || stop_requested(c->p->stop) || stop_requested(c->p->drain)) {
            if (r != SOURCE_FAILED) {
                error_set(err, FAIL_STOPPED, "stopped");
            }
            load_free(l);
            return false;
        }
        if (!load_add(l, &from->batch, &from->scratch, err)) {
            load_free(l);
            return false;
        }
        if (l->bytes >= pipeline_chunk_limit(c->p)) {
            load_submit(l);
            l = load_new(c, chunk);
        }
    }
    if (l->bytes > 0) {
        load_submit(l);
    } else {
        load_free(l);
    }
    return true;
}

static void finish_chunk(struct copy *c, struct copy_chunk *chunk)
{
    (void)pthread_mutex_lock(&c->lock);
    chunk->read = true;
    chunk_settle(c, chunk);
    (void)pthread_mutex_unlock(&c->lock);
}

/* False: this reader must end. A table that cannot be read is set aside, and the reader goes on
 * with the next, on a connection of its own again. */
static bool read_chunk(struct copy *c, struct chunk_source *from, struct copy_chunk *chunk)
{
    struct pipeline *p = c->p;
    uint32_t route = chunk->route; /* once it is finished, the chunk is the committer's */
    struct error err = {0};
    struct source_chunk planned = {.table = chunk->route, .id = chunk->id};
    bool ok =
        (from->reader != NULL ||
         p->source_ops->chunk_reader(p->source, from->slot, &from->reader, &err)) &&
        p->source_ops->chunk_start(from->reader, p->routes[chunk->route].source, &planned, &err) &&
        read_rows(c, from, chunk, &err);
    if (ok && !FAILPOINT("copy.chunk-read")) {
        ok = error_os(&err, "failpoint");
    }
    if (!ok) {
        load_failed(c, route, &err);
        chunk_failed(c, chunk);
        if (from->reader != NULL) {
            p->source_ops->reader_close(from->reader);
            from->reader = NULL;
        }
    }
    finish_chunk(c, chunk);
    return ok || atomic_load(&p->routes[route].closed);
}

static void reader_ended(struct copy *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool last = --c->running == 0;
    while (last && c->in_flight > 0) {
        (void)pthread_cond_wait(&c->room, &c->lock);
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (last) {
        pipeline_send(c->p, (struct event){.kind = EVENT_COPY_END});
    }
}

static void *reader_run(void *args)
{
    struct reader_args *a = args;
    struct copy *c = a->copy;
    struct pipeline *p = c->p;
    struct chunk_source from = {.slot = a->slot, .scratch = BUF_INIT(1u << 20)};
    struct copy_chunk *chunk = NULL;
    struct error err = {0};
    bool ok = true;

    batch_init(&from.batch);
    while (ok && !stop_requested(p->stop) && !stop_requested(p->drain) &&
           (chunk = next_chunk(c, &err)) != NULL) {
        ok = read_chunk(c, &from, chunk);
    }
    if (err.code != FAIL_NONE) {
        pipeline_fail(p, &err);
        stop_request(p->stop);
    }
    if (from.reader != NULL) {
        p->source_ops->reader_close(from.reader);
    }
    batch_release(&from.batch);
    buf_release(&from.scratch);
    reader_ended(c);
    return NULL;
}

struct copy *copy_start(struct pipeline *p, bool shared, size_t readers, const struct str *through)
{
    struct copy *c = MEM_NEW(struct copy);
    c->p = p;
    c->shared = shared;
    c->through = through;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->room, NULL);
    c->readers = readers;
    c->running = readers;
    c->args = MEM_ARRAY(struct reader_args, readers);
    for (size_t i = 0; i < readers; i++) {
        c->args[i] = (struct reader_args){.copy = c, .slot = i};
        must(pthread_create(&c->threads[i], NULL, reader_run, &c->args[i]) == 0);
    }
    return c;
}

void copy_join(struct copy *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->readers; i++) {
        (void)pthread_join(c->threads[i], NULL);
    }
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_cond_destroy(&c->room);
    arena_release(&c->plan_arena);
    mem_free(c->args);
    mem_free(c);
}
