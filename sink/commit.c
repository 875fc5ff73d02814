#include "sink/commit.h"

#include <stdatomic.h>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/instant.h"
#include "base/mem.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/table_follow.h"

#define SNAPSHOT_MAX_BYTES (32u << 20)
#define COMMIT_TRIES 20

/* One attempt to commit: files made so far, so that a failure can remove them. */
struct attempt {
    struct table *t;
    const struct commit_owner *owner;
    const struct commit_request *request;
    struct arena arena;
    struct str *made; /* manifest and list names */
    size_t made_count, made_cap;
    struct manifest_metas base; /* lists of the snapshot being built; items are the attempt's */
    struct manifest_metas delta;
};

/* What a look at the snapshots after `base` found. */
enum look { LOOK_CLEAR, LOOK_OURS, LOOK_FAILED };

static struct str new_name(struct attempt *a, const char *prefix)
{
    uint64_t n = atomic_fetch_add(a->owner->file_counter, 1);
    struct str name = str_of(paths_file_name(&a->arena, prefix, a->owner->file_uuid, n, ""));
    VEC_ROOM(a->made, a->made_count, a->made_cap);
    a->made[a->made_count++] = name;
    return name;
}

static void remove_made(struct attempt *a)
{
    struct error ignored = {0};
    for (size_t i = 0; i < a->made_count; i++) {
        (void)a->t->fs.ops->remove(a->t->fs.self, paths_manifest(&a->arena, a->t->path, a->made[i]),
                                   &ignored);
    }
    a->made_count = 0;
}

/* ---- the fence ---- */

/* The schema file is the table: a drop may remove it first, or alone while our commit holds the
 * folder. */
static bool check_same_table(const struct table *t, struct error *err)
{
    uint64_t digest;
    return table_schema_digest(t, &digest, err) &&
           (digest == t->schema_digest ||
            error_set(err, FAIL_DIVERGED, "the table was dropped%s by somebody else",
                      digest == 0 ? "" : " and made again"));
}

static bool check_base(struct table *t, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct arena scratch = {0};
    bool found = false;
    bool ok = false;

    if (!check_same_table(t, err)) {
        goto out;
    }
    if (t->base.id == 0) {
        ok = true;
        goto out;
    }
    if (!t->fs.ops->read(t->fs.self, paths_snapshot(&scratch, t->path, t->base.id), &text, &found,
                         err)) {
        goto out;
    }
    if (!found) {
        error_set(
            err, FAIL_DIVERGED,
            "snapshot-%lld, which inlet built on, is gone: the table was rolled back or dropped",
            (long long)t->base.id);
        goto out;
    }
    if (hash_row(buf_str(&text)) != t->base_digest) {
        error_set(
            err, FAIL_DIVERGED,
            "snapshot-%lld is not the one inlet built on: the table was rolled back or made again",
            (long long)t->base.id);
        goto out;
    }
    ok = true;
out:
    buf_release(&text);
    arena_release(&scratch);
    return ok;
}

/* A snapshot by another writer: only compactions and statistics leave us where we are. */
static bool accept_foreign(struct table *t, const struct snapshot *s, struct error *err)
{
    switch (s->kind) {
    case SNAPSHOT_OVERWRITE:
        return error_set(err, FAIL_DIVERGED, "snapshot-%lld of %.*s overwrote the table",
                         (long long)s->id, STR_FMT(s->commit_user));
    case SNAPSHOT_APPEND:
        return error_set(err, FAIL_CONFLICT,
                         "snapshot-%lld of %.*s added rows: the table is read again",
                         (long long)s->id, STR_FMT(s->commit_user));
    case SNAPSHOT_COMPACT:
    case SNAPSHOT_ANALYZE:
        break;
    }
    if (s->schema_id != t->schema->id) {
        return error_set(err, FAIL_CONFLICT,
                         "snapshot-%lld of %.*s has schema %lld: the table is read again",
                         (long long)s->id, STR_FMT(s->commit_user), (long long)s->schema_id);
    }
    return true;
}

static bool is_by_hand(const struct commit_request *r)
{
    return r != NULL && r->position == NULL;
}

/* An answer that was lost is known by the name of its list, which only this process can have made.
 */
static bool is_our_list(const struct attempt *a, struct str list)
{
    struct str uuid = str_of(a->owner->file_uuid);
    struct str prefix = STR("manifest-list-");
    return str_starts(list, prefix) && str_starts(str_slice(list, prefix.len, list.len), uuid);
}

static enum look judge_by_hand(const struct attempt *a, const struct snapshot *s, struct error *err)
{
    const struct commit_request *r = a->request;
    if (is_our_list(a, s->delta_list) && s->commit_identifier == r->identifier &&
        s->kind == r->kind) {
        return LOOK_OURS;
    }
    if (r->kind == SNAPSHOT_COMPACT && s->schema_id == a->t->schema->id) {
        return LOOK_CLEAR; /* its inputs are looked at */
    }
    return accept_foreign(a->t, s, err) ? LOOK_CLEAR : LOOK_FAILED;
}

static enum look judge_snapshot(const struct attempt *a, const struct snapshot *s,
                                const struct stamp *stamp, bool stamped, struct error *err)
{
    const struct commit_owner *o = a->owner;
    bool ours = stamped && str_eq(stamp->job, o->job) && str_eq(s->commit_user, o->user);
    if (is_by_hand(a->request)) {
        return judge_by_hand(a, s, err);
    }
    if (!ours) {
        return accept_foreign(a->t, s, err) ? LOOK_CLEAR : LOOK_FAILED;
    }
    if (stamp->epoch > o->epoch) {
        error_set(
            err, FAIL_OWNED,
            "snapshot-%lld was published by a newer agent of this job (epoch %lld, ours is %lld)",
            (long long)s->id, (long long)stamp->epoch, (long long)o->epoch);
        return LOOK_FAILED;
    }
    if (stamp->epoch == o->epoch && a->request != NULL &&
        s->commit_identifier == a->request->identifier && s->kind == a->request->kind) {
        return LOOK_OURS;
    }
    error_set(err, FAIL_CONFLICT,
              "snapshot-%lld of an earlier agent of this job (epoch %lld) slipped in: the table is "
              "read again",
              (long long)s->id, (long long)stamp->epoch);
    return LOOK_FAILED;
}

/* Looks at every snapshot after `base`. Those of others that change no rows become the new base. */
static enum look look_ahead(struct attempt *a, struct error *err)
{
    struct table *t = a->t;
    if (!check_base(t, err) || !snapshot_check_previous(t->fs, t->path, t->base.id, err)) {
        return LOOK_FAILED;
    }
    for (;;) {
        struct snapshot s;
        struct stamp stamp;
        bool found = false;
        bool stamped = false;
        if (!snapshot_read(t->fs, t->path, t->base.id + 1, &a->arena, &s, &found, err)) {
            return LOOK_FAILED;
        }
        if (!found) {
            return LOOK_CLEAR;
        }
        if (!stamp_parse(&s, &a->arena, &stamp, &stamped, err)) {
            return LOOK_FAILED;
        }
        enum look seen = judge_snapshot(a, &s, &stamp, stamped, err);
        if (seen == LOOK_FAILED || (seen == LOOK_CLEAR && !table_follow(t, s.id, err))) {
            return LOOK_FAILED;
        }
        if (seen == LOOK_OURS) {
            return table_load(t, s.id, err) ? LOOK_OURS : LOOK_FAILED;
        }
    }
}

/* A COMPACT must not drop what somebody else already dropped. */
static bool check_inputs(const struct attempt *a, struct error *err)
{
    for (size_t i = 0; i < a->request->entry_count; i++) {
        const struct manifest_entry *e = &a->request->entries[i];
        if (e->kind != MANIFEST_DELETE) {
            continue;
        }
        const struct table_bucket *bucket =
            table_bucket_find(&a->t->buckets, e->partition, e->bucket);
        if (bucket == NULL || table_bucket_file(bucket, e->file) == SIZE_MAX) {
            return error_set(err, FAIL_CONFLICT,
                             "compaction: input %.*s was compacted by somebody else",
                             STR_FMT(e->file->name));
        }
    }
    return true;
}

/* ---- manifests ---- */

static bool write_manifest(struct attempt *a, const struct manifest_entry *entries, size_t count,
                           struct manifest_metas *into, struct error *err)
{
    struct manifest_meta meta;
    if (!manifest_write(a->t->fs, a->t->path, &a->t->partition, new_name(a, "manifest-"), entries,
                        count, &a->arena, &meta, err)) {
        return false;
    }
    VEC_ROOM(into->items, into->count, into->cap);
    into->items[into->count++] = meta;
    return true;
}

static bool merge_range(struct attempt *a, const struct manifest_meta *metas, size_t count,
                        struct manifest_metas *out, struct error *err)
{
    struct manifest_entries all = {0};
    struct manifest_entries folded = {0};
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = manifest_read(a->t->fs, a->t->path, &metas[i], &a->arena, &all, err);
    }
    if (ok) {
        manifest_fold(&all, true, &a->arena, &folded);
        ok = folded.count == 0 || write_manifest(a, folded.items, folded.count, out, err);
    }
    return ok;
}

static void push_meta(struct manifest_metas *m, const struct manifest_meta *meta)
{
    VEC_ROOM(m->items, m->count, m->cap);
    m->items[m->count++] = *meta;
}

/* The base list of the next snapshot, merged as Paimon's minor merge does (paimon-write-path §6.6):
 * runs of neighbours are folded when they reach the target size, the rest when there are at least
 * merge-min-count of them. Everything is folded into one when the small and the deleting ones
 * together exceed the full threshold. */
static bool merge_manifests(struct attempt *a, struct manifest_metas *out, struct error *err)
{
    const struct table_options *o = &a->t->options;
    const struct manifest_metas *in = &a->t->metas;
    uint64_t must_change = 0;
    uint64_t pending_bytes = 0;
    size_t first = 0;

    for (size_t i = 0; i < in->count; i++) {
        uint64_t size = (uint64_t)in->items[i].size_bytes;
        if (in->items[i].deleted > 0 || size < o->manifest_target_bytes) {
            must_change += size;
        }
    }
    if (must_change >= o->manifest_full_bytes) {
        return merge_range(a, in->items, in->count, out, err);
    }
    for (size_t i = 0; i < in->count; i++) {
        pending_bytes += (uint64_t)in->items[i].size_bytes;
        if (pending_bytes < o->manifest_target_bytes) {
            continue;
        }
        if (i == first) {
            push_meta(out, &in->items[i]);
        } else if (!merge_range(a, &in->items[first], i + 1 - first, out, err)) {
            return false;
        }
        first = i + 1;
        pending_bytes = 0;
    }
    if ((int64_t)(in->count - first) >= o->manifest_merge_min_count) {
        return merge_range(a, &in->items[first], in->count - first, out, err);
    }
    for (size_t i = first; i < in->count; i++) {
        push_meta(out, &in->items[i]);
    }
    return true;
}

static int64_t count_rows(const struct manifest_entry *entries, size_t count)
{
    int64_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += entries[i].kind == MANIFEST_ADD ? entries[i].file->row_count
                                                : -entries[i].file->row_count;
    }
    return rows;
}

/* Schemas other than ours mean that somebody altered the table. */
static bool check_schema(const struct attempt *a, struct error *err)
{
    struct arena scratch = {0};
    uint64_t bytes;
    bool found = false;
    const char *next = paths_schema(&scratch, a->t->path, a->t->schema->id + 1);
    bool ok = a->t->fs.ops->size(a->t->fs.self, next, &bytes, &found, err);
    arena_release(&scratch);
    if (ok && found) {
        return error_set(err, FAIL_CONFLICT,
                         "somebody altered the table (schema-%lld): it is read again",
                         (long long)a->t->schema->id + 1);
    }
    return ok;
}

static void fill_snapshot(struct attempt *a, struct snapshot *s)
{
    const struct table *t = a->t;
    const struct commit_request *r = a->request;
    char *uuid = arena_alloc(&a->arena, 37);
    struct buf position = BUF_INIT(SNAPSHOT_MAX_BYTES);
    int64_t now = instant_wall_ms();

    paths_uuid(uuid);
    s->id = t->base.id + 1;
    s->uuid = str_of(uuid);
    s->schema_id = t->schema->id;
    s->commit_user = a->owner->user;
    s->commit_identifier = r->identifier;
    s->kind = r->kind;
    s->time_ms = now > t->base.time_ms ? now : t->base.time_ms;
    s->delta_rows = count_rows(r->entries, r->entry_count);
    s->total_rows = t->base.total_rows + s->delta_rows;
    s->changelog_rows = count_rows(r->changelog, r->changelog_count);
    s->watermark = t->base.id == 0 ? INT64_MIN : t->base.watermark;
    if (r->watermark != NULL && *r->watermark > s->watermark) {
        s->watermark = *r->watermark; /* they never go back */
    }
    s->statistics = t->base.schema_id == t->schema->id ? t->base.statistics : (struct str){0};
    s->next_row_id = t->base.id == 0 ? -1 : t->base.next_row_id;
    if (is_by_hand(r)) {
        return;
    }
    position_print(r->position, &position);
    struct stamp stamp = {.job = a->owner->job,
                          .epoch = a->owner->epoch,
                          .table_uuid = str_of(t->uuid),
                          .position = arena_str(&a->arena, buf_str(&position)),
                          .backfill = *r->backfill};
    buf_release(&position);
    stamp_print(&stamp, &a->arena, s);
}

/* The snapshot's index manifest: the previous one, or a new one with the changes. */
static bool write_index(struct attempt *a, struct str *out, struct error *err)
{
    const struct table *t = a->t;
    const struct index_manifest_entries *changes = a->request->index;
    struct index_manifest_entries previous = {0};
    struct index_manifest_entries next = {0};
    *out = t->base.index_manifest;
    if (changes == NULL || changes->count == 0) {
        return true;
    }
    if (!index_manifest_read(t->fs, t->path, t->base.index_manifest, &a->arena, &previous, err) ||
        !index_manifest_combine(&previous, changes, true, &a->arena, &next, err)) {
        return false;
    }
    *out = new_name(a, "index-manifest-");
    return index_manifest_write(t->fs, t->path, *out, &next, err);
}

/* Everything but the snapshot file itself. */
static bool prepare(struct attempt *a, struct snapshot *out, struct error *err)
{
    struct manifest_metas changelog = {0};
    const struct commit_request *r = a->request;
    struct table *t = a->t;
    struct snapshot s = {0};
    bool ok = false;

    if (!merge_manifests(a, &a->base, err)) {
        goto out;
    }
    if (r->entry_count > 0 && !write_manifest(a, r->entries, r->entry_count, &a->delta, err)) {
        goto out;
    }
    if (!FAILPOINT("commit.after-manifest") && !error_os(err, "failpoint")) {
        goto out;
    }
    s.base_list = new_name(a, "manifest-list-");
    s.delta_list = new_name(a, "manifest-list-");
    if (!manifest_list_write(t->fs, t->path, s.base_list, a->base.items, a->base.count,
                             &s.base_list_bytes, err) ||
        !manifest_list_write(t->fs, t->path, s.delta_list, a->delta.items, a->delta.count,
                             &s.delta_list_bytes, err)) {
        goto out;
    }
    if (r->changelog_count > 0) {
        s.changelog_list = new_name(a, "manifest-list-");
        if (!write_manifest(a, r->changelog, r->changelog_count, &changelog, err) ||
            !manifest_list_write(t->fs, t->path, s.changelog_list, changelog.items, changelog.count,
                                 &s.changelog_list_bytes, err)) {
            goto out;
        }
    }
    if (!write_index(a, &s.index_manifest, err)) {
        goto out;
    }
    fill_snapshot(a, &s);
    *out = s;
    ok = true;
out:
    mem_free(changelog.items);
    return ok;
}

static void committed(struct attempt *a)
{
    struct table *t = a->t;
    t->last_own_snapshot = t->base.id;
    t->snapshots++;
    if (!is_by_hand(a->request)) {
        table_set_position(t, a->request->position);
        table_set_backfill(t, a->request->backfill);
    }
}

enum step { STEP_DONE, STEP_AGAIN, STEP_FAILED };

/* An answer that was lost, or a file that another fsync has yet to make safe: the next look finds
 * out which. */
static enum step after_publish(struct attempt *a, bool published, const struct snapshot *s,
                               struct error *err)
{
    if (published) {
        a->made_count = 0;
        if (!table_advance(a->t, s, &a->base, &a->delta, a->request->entries,
                           a->request->entry_count, err)) {
            return STEP_FAILED;
        }
        committed(a);
        return STEP_DONE;
    }
    if (err->code == FAIL_CONFLICT) {
        remove_made(a);
        return STEP_AGAIN;
    }
    if (err->code == FAIL_UNKNOWN) {
        a->made_count = 0; /* they may be named by a snapshot that stands */
        return STEP_AGAIN;
    }
    return STEP_FAILED;
}

static enum step try_once(struct attempt *a, struct error *err)
{
    struct snapshot s;
    a->base.count = 0;
    a->delta.count = 0;
    enum look seen = look_ahead(a, err);
    if (seen == LOOK_FAILED) {
        return STEP_FAILED;
    }
    if (seen == LOOK_OURS) {
        committed(a);
        return STEP_DONE;
    }
    if (!check_schema(a, err) || !check_inputs(a, err) || !prepare(a, &s, err)) {
        return STEP_FAILED;
    }
    if (!FAILPOINT("commit.before-publish") && !error_os(err, "failpoint")) {
        return STEP_FAILED;
    }
    /* The base once more, as late as can be: what happened while the manifests were written must be
     * seen. A snapshot that appears after this look takes the name we are about to create. */
    if (!check_base(a->t, err)) {
        return STEP_FAILED;
    }
    bool ok = snapshot_publish(a->t->fs, a->t->path, &s, err);
    if (ok || err->code == FAIL_UNKNOWN) {
        *a->request->out_reached = true;
    }
    if (ok && !FAILPOINT("commit.after-publish")) {
        ok = error_set(err, FAIL_UNKNOWN, "failpoint commit.after-publish");
    }
    return after_publish(a, ok, &s, err);
}

bool commit_publish(struct table *t, const struct commit_owner *owner,
                    const struct commit_request *request, struct error *err)
{
    struct attempt a = {.t = t, .owner = owner, .request = request};
    enum step step = STEP_AGAIN;
    for (int tries = 0; step == STEP_AGAIN && tries < COMMIT_TRIES; tries++) {
        step = try_once(&a, err);
    }
    if (step == STEP_AGAIN) {
        error_set(err, FAIL_IO, "other writers were faster %d times", COMMIT_TRIES);
    }
    if (step != STEP_DONE) {
        remove_made(&a);
    }
    mem_free(a.made);
    mem_free(a.base.items);
    mem_free(a.delta.items);
    arena_release(&a.arena);
    return step == STEP_DONE || error_in(err, "commit %s", t->label);
}

bool commit_look(struct table *t, const struct commit_owner *owner, struct error *err)
{
    struct attempt a = {.t = t, .owner = owner};
    enum look seen = look_ahead(&a, err);
    arena_release(&a.arena);
    return seen != LOOK_FAILED || error_in(err, "look at %s", t->label);
}
