#include "sink/table_follow.h"

#include "base/hash.h"
#include "base/mem.h"
#include "sink/paths.h"

#define SNAPSHOT_MAX_BYTES (32u << 20)

/* One step to the next snapshot. */
struct step {
    struct table *t;
    struct buf text;   /* of the snapshot's file */
    struct arena next; /* the base's, if the delta does */
    struct arena scratch;
    struct snapshot snapshot;
    struct manifest_metas metas;
    struct manifest_entries delta;
};

static bool read_snapshot(struct step *s, int64_t id, struct error *err)
{
    struct table *t = s->t;
    const char *path = paths_snapshot(&s->scratch, t->path, id);
    bool found = false;
    return t->fs.ops->read(t->fs.self, path, &s->text, &found, err) &&
           (found || error_set(err, FAIL_CONFLICT, "snapshot-%lld is gone", (long long)id)) &&
           snapshot_parse(buf_str(&s->text), &s->next, &s->snapshot, err);
}

static bool read_delta(struct step *s, struct error *err)
{
    struct table *t = s->t;
    size_t base = 0;
    if (!manifest_list_read(t->fs, t->path, s->snapshot.base_list, &s->next, &s->metas, err)) {
        return false;
    }
    base = s->metas.count;
    if (!manifest_list_read(t->fs, t->path, s->snapshot.delta_list, &s->next, &s->metas, err)) {
        return false;
    }
    for (size_t i = base; i < s->metas.count; i++) {
        if (!manifest_read(t->fs, t->path, &s->metas.items[i], &s->scratch, &s->delta, err)) {
            return false;
        }
    }
    return true;
}

static int64_t rows_of(const struct table *t)
{
    int64_t rows = 0;
    for (size_t i = 0; i < t->buckets.count; i++) {
        const struct table_bucket *b = t->buckets.items[i];
        for (size_t f = 0; f < b->count; f++) {
            rows += b->files[f]->file->row_count;
        }
    }
    return rows;
}

static void raise_sequences(struct table *t, const struct manifest_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        const struct manifest_entry *e = &entries->items[i];
        struct table_bucket *b = table_bucket_find(&t->buckets, e->partition, e->bucket);
        if (b != NULL && e->kind == MANIFEST_ADD && e->file->max_sequence > b->max_sequence) {
            b->max_sequence = e->file->max_sequence;
        }
    }
}

/* *out_done = false: the snapshot is to be read whole. */
static bool apply_delta(struct step *s, bool *out_done, struct error *err)
{
    struct table *t = s->t;
    *out_done = false;
    if (s->snapshot.kind == SNAPSHOT_OVERWRITE || s->snapshot.id != t->base.id + 1) {
        return true;
    }
    if (!read_delta(s, err)) {
        return false;
    }
    if (!table_apply(t, s->delta.items, s->delta.count, err)) {
        return err->code == FAIL_CONFLICT;
    }
    if (rows_of(t) != s->snapshot.total_rows) {
        return true;
    }
    raise_sequences(t, &s->delta);
    arena_release(&t->base_arena);
    t->base_arena = s->next;
    s->next = (struct arena){0};
    t->base = s->snapshot;
    t->base_digest = hash_row(buf_str(&s->text));
    t->metas = s->metas;
    *out_done = true;
    return true;
}

static bool note_copy(struct table *t, const struct snapshot *s, bool *out_says, struct error *err)
{
    struct arena a = {0};
    struct stamp stamp;
    bool ok = stamp_parse(s, &a, &stamp, out_says, err);
    if (ok && *out_says) {
        t->in_copy = stamp.backfill.state == STAMP_COPYING;
    }
    arena_release(&a);
    return ok;
}

bool table_follow(struct table *t, int64_t snapshot_id, struct error *err)
{
    struct step s = {.t = t, .text = BUF_INIT(SNAPSHOT_MAX_BYTES)};
    bool done = false;
    bool says = false;
    bool ok = read_snapshot(&s, snapshot_id, err) && note_copy(t, &s.snapshot, &says, err) &&
              apply_delta(&s, &done, err);
    buf_release(&s.text);
    arena_release(&s.next);
    arena_release(&s.scratch);
    if (!ok) {
        return error_in(err, "snapshot-%lld", (long long)snapshot_id);
    }
    return done || table_load(t, snapshot_id, err);
}

/* The base is still what it was; with none, there still is none. */
static bool base_stands(struct table *t, bool *out, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct arena a = {0};
    bool found = false;
    bool ok =
        t->base.id == 0 ||
        t->fs.ops->read(t->fs.self, paths_snapshot(&a, t->path, t->base.id), &text, &found, err);
    *out = t->base.id > 0 && found && hash_row(buf_str(&text)) == t->base_digest;
    buf_release(&text);
    arena_release(&a);
    return ok;
}

static bool same_schema_file(const struct table *t, struct error *err)
{
    uint64_t digest = 0;
    return table_schema_digest(t, &digest, err) &&
           (digest == t->schema_digest ||
            error_set(err, FAIL_DIVERGED, "the table was dropped%s by somebody else",
                      digest == 0 ? "" : " and made again"));
}

static bool next_exists(const struct table *t, bool *out, struct error *err)
{
    struct arena a = {0};
    uint64_t bytes = 0;
    bool ok =
        t->fs.ops->size(t->fs.self, paths_snapshot(&a, t->path, t->base.id + 1), &bytes, out, err);
    arena_release(&a);
    return ok;
}

bool table_follow_newest(struct table *t, bool *out_moved, struct error *err)
{
    bool stands = false;
    bool more = true;
    int64_t latest = 0;
    *out_moved = false;
    if (!same_schema_file(t, err) || !base_stands(t, &stands, err)) {
        return false;
    }
    if (!stands) {
        if (!snapshot_latest_id(t->fs, t->path, &latest, err)) {
            return false;
        }
        *out_moved = latest > 0 || t->base.id > 0;
        return !*out_moved || (table_load(t, latest, err) && table_follow_copy(t, err));
    }
    while (more) {
        if (!next_exists(t, &more, err) || (more && !table_follow(t, t->base.id + 1, err))) {
            return false;
        }
        *out_moved = *out_moved || more;
    }
    return true;
}

bool table_follow_copy(struct table *t, struct error *err)
{
    bool says = false;
    bool found = true;
    t->in_copy = false;
    for (int64_t id = t->base.id; id > 0 && found && !says; id--) {
        struct arena a = {0};
        struct snapshot s;
        bool ok = snapshot_read(t->fs, t->path, id, &a, &s, &found, err) &&
                  (!found || note_copy(t, &s, &says, err));
        arena_release(&a);
        if (!ok) {
            return false;
        }
    }
    return true;
}
