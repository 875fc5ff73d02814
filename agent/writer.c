#include "agent/writer.h"

#include "base/failpoint.h"
#include "base/mem.h"
#include "sink/sort_buffer.h"

struct owned_bucket {
    struct sort_buffer *buffer;
    int64_t next_sequence;
    size_t counted; /* bytes of it in pipeline->buffered */
    uint32_t route;
    const struct slot *slot;
    /* Files flushed since the last mark. */
    struct run_files data;
    struct run_files changelog;
};

/* The buckets of a route by slot, NULL where another writer owns it or nothing came yet. */
struct owned_route {
    struct owned_bucket **buckets;
    size_t cap;
};

struct writer {
    struct pipeline *p;
    size_t index;
    struct owned_route *routes;
    struct owned_bucket **touched; /* all that exist */
    size_t touched_count, touched_cap;
    struct arena files; /* of files flushed since the last mark */
};

void writer_discard(const struct table *t, const struct flushed_files *f)
{
    run_writer_remove(t->fs, f->slot->folder, &f->data);
    run_writer_remove(t->fs, f->slot->folder, &f->changelog);
}

static struct owned_bucket **place_of(struct owned_route *r, uint32_t index)
{
    while (r->cap <= index) {
        size_t cap = r->cap == 0 ? 8 : r->cap * 2;
        r->buckets = mem_grow(r->buckets, cap, sizeof(struct owned_bucket *));
        for (size_t i = r->cap; i < cap; i++) {
            r->buckets[i] = NULL;
        }
        r->cap = cap;
    }
    return &r->buckets[index];
}

static struct owned_bucket *bucket_of(struct writer *w, uint32_t route, const struct slot *slot)
{
    struct owned_bucket **place = place_of(&w->routes[route], slot->index);
    if (*place == NULL) {
        const struct table *t = w->p->routes[route].table;
        struct owned_bucket *b = MEM_NEW(struct owned_bucket);
        b->buffer = sort_buffer_new(t->schema, &t->layout, t->rule);
        b->next_sequence = slot->first_sequence;
        b->route = route;
        b->slot = slot;
        *place = b;
        VEC_ROOM(w->touched, w->touched_count, w->touched_cap);
        w->touched[w->touched_count++] = b;
    }
    return *place;
}

static void recount(struct writer *w, struct owned_bucket *b)
{
    size_t now = sort_buffer_rows(b->buffer) == 0 ? 0 : sort_buffer_bytes(b->buffer);
    if (now >= b->counted) {
        atomic_fetch_add(&w->p->buffered, now - b->counted);
    } else {
        atomic_fetch_sub(&w->p->buffered, b->counted - now);
    }
    b->counted = now;
}

static struct owned_bucket *largest_of(const struct writer *w)
{
    struct owned_bucket *best = NULL;
    for (size_t i = 0; i < w->touched_count; i++) {
        if (w->touched[i]->counted > 0 &&
            (best == NULL || w->touched[i]->counted > best->counted)) {
            best = w->touched[i];
        }
    }
    return best;
}

static void drop_bucket(struct writer *w, struct owned_bucket *b)
{
    sort_buffer_reset(b->buffer);
    recount(w, b);
}

/* What kind of error sets only the table aside. */
static bool is_of_table(const struct error *err)
{
    return err->code == FAIL_SCHEMA || err->code == FAIL_LIMIT || err->code == FAIL_CORRUPT ||
           err->code == FAIL_DENIED;
}

/* Flushes to unlisted files. False: the pipeline must end. */
static bool flush_bucket(struct writer *w, struct owned_bucket *b, struct error *err)
{
    const struct table *t = w->p->routes[b->route].table;
    struct run_target data;
    struct run_target changelog;
    struct sort_buffer_flush flush = {.data = &data};
    if (atomic_load(&w->p->routes[b->route].closed)) {
        drop_bucket(w, b);
        return true;
    }
    pipeline_target(w->p, t, b->slot->folder, false, &data);
    if (t->options.changelog == TABLE_CHANGELOG_INPUT) {
        pipeline_target(w->p, t, b->slot->folder, true, &changelog);
        flush.changelog = &changelog;
    }
    bool ok = sort_buffer_flush(b->buffer, &flush, &w->files, &b->data, &b->changelog, err);
    if (!ok && is_of_table(err)) {
        error_in(err, "%s", t->label);
        pipeline_park(w->p, b->route, err);
        drop_bucket(w, b);
        return true;
    }
    recount(w, b);
    return ok || error_in(err, "flush %s", t->label);
}

/* Keeps the buffers within the budget: the largest goes first, whoever holds it. */
static bool keep_budget(struct writer *w, struct error *err)
{
    struct pipeline *p = w->p;
    size_t limit = pipeline_stream_limit(p);
    struct owned_bucket *mine = largest_of(w);
    atomic_store(&p->largest[w->index], mine == NULL ? 0 : mine->counted);
    while (mine != NULL && atomic_load(&p->buffered) > limit) {
        size_t others = 0;
        for (size_t i = 0; i < p->threads; i++) {
            size_t size = i == w->index ? 0 : atomic_load(&p->largest[i]);
            others = size > others ? size : others;
        }
        /* The other writer flushes when it takes its next hand; do not wait for it beyond an eighth
         * more. */
        if (others > mine->counted && atomic_load(&p->buffered) < limit + limit / 8) {
            break;
        }
        if (!flush_bucket(w, mine, err)) {
            return false;
        }
        mine = largest_of(w);
        atomic_store(&p->largest[w->index], mine == NULL ? 0 : mine->counted);
    }
    return true;
}

static bool take_rows(struct writer *w, const struct hand *h, struct error *err)
{
    struct owned_bucket *last = NULL;
    for (size_t i = 0; i < h->count; i++) {
        const struct hand_row *row = &h->rows[i];
        if (last == NULL || last->route != row->route || last->slot != row->slot) {
            if (last != NULL) {
                recount(w, last);
            }
            last = bucket_of(w, row->route, row->slot);
        }
        if (atomic_load_explicit(&w->p->routes[row->route].closed, memory_order_relaxed)) {
            continue;
        }
        if (!sort_buffer_add(last->buffer, (enum row_kind)row->kind, last->next_sequence,
                             row->values, err)) {
            error_in(err, "%s", w->p->routes[row->route].table->label);
            pipeline_park(w->p, row->route, err);
            drop_bucket(w, last);
            continue;
        }
        last->next_sequence++;
    }
    if (last != NULL) {
        recount(w, last);
    }
    return keep_budget(w, err);
}

static bool flush_all(struct writer *w, struct error *err)
{
    for (size_t i = 0; i < w->touched_count; i++) {
        struct owned_bucket *b = w->touched[i];
        if (sort_buffer_rows(b->buffer) > 0 && !flush_bucket(w, b, err)) {
            return false;
        }
    }
    atomic_store(&w->p->largest[w->index], 0);
    return true;
}

static bool take_mark(struct writer *w, int64_t mark, struct error *err)
{
    if (!flush_all(w, err)) {
        return false;
    }
    if (!FAILPOINT("flush.before-hand-over")) {
        return error_os(err, "failpoint");
    }
    struct flushed *f = MEM_NEW(struct flushed);
    f->mark = mark;
    for (size_t i = 0; i < w->touched_count; i++) {
        struct owned_bucket *b = w->touched[i];
        if (b->data.count + b->changelog.count == 0) {
            continue;
        }
        VEC_ROOM(f->items, f->count, f->cap);
        f->items[f->count++] = (struct flushed_files){
            .route = b->route, .slot = b->slot, .data = b->data, .changelog = b->changelog};
        b->data = (struct run_files){0};
        b->changelog = (struct run_files){0};
    }
    f->arena = w->files; /* the files' descriptions go with them */
    w->files = (struct arena){0};
    bool flushed = f->count > 0;
    pipeline_send(w->p, (struct event){.kind = EVENT_FLUSHED, .mark = mark, .flushed = f});
    if (flushed) {
        mem_trim(); /* hands come and go in blocks that malloc keeps */
    }
    return true;
}

static void release(struct writer *w)
{
    for (size_t i = 0; i < w->touched_count; i++) {
        struct owned_bucket *b = w->touched[i];
        struct flushed_files left = {.slot = b->slot, .data = b->data, .changelog = b->changelog};
        writer_discard(w->p->routes[b->route].table, &left);
        drop_bucket(w, b);
        sort_buffer_free(b->buffer);
        mem_free(b);
    }
    for (size_t i = 0; i < w->p->route_count; i++) {
        mem_free(w->routes[i].buckets);
    }
    mem_free(w->routes);
    mem_free(w->touched);
    arena_release(&w->files);
}

void *writer_run(void *args)
{
    const struct writer_args *a = args;
    struct writer w = {.p = a->pipeline, .index = a->index};
    struct error err = {0};
    void *item = NULL;

    w.routes = MEM_ARRAY(struct owned_route, w.p->route_count);
    while (queue_pop(w.p->hands[w.index], &item, -1) == QUEUE_OK) {
        struct hand *h = item;
        bool ok = !stop_requested(w.p->stop);
        if (ok) {
            ok = h->mark > 0 ? take_mark(&w, h->mark, &err) : take_rows(&w, h, &err);
            if (!ok) {
                pipeline_fail(w.p, &err);
                stop_request(w.p->stop);
            }
        }
        hand_free(h);
    }
    release(&w);
    return NULL;
}
