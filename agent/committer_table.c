#include "agent/committer_table.h"

#include "agent/chunk_list.h"
#include "agent/compactor.h"
#include "agent/listing.h"
#include "agent/sweep.h"
#include "base/instant.h"
#include "base/log.h"
#include "sink/index_manifest.h"

/* Takes the chunks that may be listed with this position off the pending ones, in plan order. */
static void take_chunks(struct committer *c, size_t route, const struct position *position,
                        struct listing *l, struct stamp_backfill *backfill)
{
    struct chunk_list *pending = &c->chunks[route];
    const struct table *t = c->p->routes[route].table;
    while (chunk_list_ready(pending, position)) {
        struct copy_chunk *chunk = pending->items[0];
        listing_add_chunk(l, t, chunk);
        backfill->through = arena_str(&l->arena, chunk->id);
        if (chunk->last) {
            backfill->state = STAMP_DONE;
        }
        chunk_list_pop(pending);
        copy_chunk_free(chunk);
    }
    if (c->copy_ended && pending->count == 0) {
        backfill->state = STAMP_DONE;
    }
}

/* Agents that may only be paused are swept after once a snapshot of ours fences them from the
 * table. */
static void sweep_paused(struct committer *c, size_t route)
{
    struct table *t = c->p->routes[route].table;
    struct arena a = {0};
    struct error err = {0};
    struct epoch_left *left = NULL;
    size_t count = 0;
    size_t removed = 0;
    bool ok = t->snapshots != 1 || epoch_leftovers(c->epoch, &a, &left, &count, &err);
    for (size_t i = 0; ok && i < count; i++) {
        ok = left[i].gone || sweep_table(t, left[i].uuid, &removed, &err);
    }
    if (!ok) {
        LOG_WARN("sweep", "table=%s reason=%s", LOG_Q(t->label), LOG_Q(err.text));
    }
    arena_release(&a);
}

/* Publishes one table's part. False ends the pipeline. */
static bool publish(struct committer *c, size_t route, int64_t mark, struct listing *l,
                    const struct position *position, const struct stamp_backfill *backfill,
                    struct error *err)
{
    struct table *t = c->p->routes[route].table;
    uint64_t began = instant_mono_ms();
    bool reached = false;
    struct commit_request request = {.kind = SNAPSHOT_APPEND,
                                     .out_reached = &reached,
                                     .identifier = committer_identifier(c, mark),
                                     .entries = l->entries,
                                     .entry_count = l->count,
                                     .changelog = l->changelog,
                                     .changelog_count = l->changelog_count,
                                     .position = position,
                                     .backfill = backfill};
    if (l->count + l->changelog_count == 0) {
        table_set_position(t, position);
        table_set_backfill(t, backfill);
        return true;
    }
    struct slot_set *slots = c->p->routes[route].slots;
    struct index_manifest_entries index = {0};
    request.index = &index;
    if (!slot_set_write_index(slots, c->p->owner->file_uuid, c->p->owner->file_counter, &l->arena,
                              &index, err) ||
        !commit_publish(t, c->p->owner, &request, err)) {
        if (!reached) {
            listing_discard(l, t);
            slot_set_unlisted(slots, &index);
        }
        if (committer_parks(err->code)) {
            committer_park(c, route, err->code, err->text);
            return true;
        }
        return false;
    }
    t->committed_rows += l->rows;
    t->written_bytes += l->bytes;
    sweep_paused(c, route);
    progress_commit(c->progress, t, mark, l->rows, l->count, instant_mono_ms() - began);
    pin_move(&c->pins[route], t, c->p->owner->job, false);
    expirer_consider(&c->expirers[route], &c->pins[route], c->p, (uint32_t)route);
    return true;
}

bool committer_table_commit(struct committer *c, size_t route, struct pending_mark *m,
                            struct error *err)
{
    struct route *r = &c->p->routes[route];
    struct table *t = r->table;
    struct listing l = {0};
    struct stamp_backfill backfill = t->backfill;
    bool was_copying = t->state == TABLE_COPYING;
    struct position *position = position_dup(t->position);
    bool ok =
        position_merge(position, c->parking[route] != NULL ? c->parking[route] : m->position, err);

    /* Copied rows first: a reader that takes files as they come must see the newer ones last. */
    if (ok && was_copying) {
        take_chunks(c, route, position, &l, &backfill);
    }
    for (size_t i = 0; ok && i < m->count; i++) {
        for (size_t k = 0; k < m->flushed[i]->count; k++) {
            struct flushed_files *f = &m->flushed[i]->items[k];
            if (f->route == route) {
                listing_add(&l, t, f);
                f->data.count = 0; /* the listing's now */
                f->changelog.count = 0;
            }
        }
    }
    ok = ok && publish(c, route, m->number, &l, position, &backfill, err);
    if (ok && t->state == TABLE_COPYING && t->backfill.state == STAMP_DONE) {
        t->state = TABLE_LIVE;
        progress_pause(c->progress);
        LOG_INFO("copy-done", "table=%s rows=%llu", LOG_Q(t->label),
                 (unsigned long long)atomic_load(&r->copied));
    }
    bool changed = l.count > 0 || (was_copying && t->state == TABLE_LIVE);
    if (ok && changed && t->state == TABLE_LIVE) {
        compactor_count_commit(t);
    }
    listing_release(&l);
    position_free(position);
    if (ok && c->parking[route] != NULL) {
        position_free(c->parking[route]);
        c->parking[route] = NULL;
        committer_park(c, route, FAIL_SCHEMA, c->parking_reason[route]);
    }
    if (ok && changed && t->state == TABLE_LIVE &&
        !compactor_consider_table(c->p, (uint32_t)route, err)) {
        committer_park(c, route, err->code, err->text);
    }
    return ok;
}

bool committer_table_list(struct committer *c, size_t route, const struct position *snapshot,
                          struct error *err)
{
    struct table *t = c->p->routes[route].table;
    struct listing l = {0};
    struct stamp_backfill backfill = t->backfill;
    take_chunks(c, route, snapshot, &l, &backfill);
    bool ok = publish(c, route, c->mark, &l, snapshot, &backfill, err);
    if (ok && t->state == TABLE_COPYING) {
        t->state = TABLE_LIVE;
        LOG_INFO("copy-done", "table=%s rows=%llu", LOG_Q(t->label),
                 (unsigned long long)atomic_load(&c->p->routes[route].copied));
    }
    listing_release(&l);
    return ok;
}
