#include "sink/table_edit.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "sink/bucket_compact.h"
#include "sink/commit.h"
#include "sink/paths.h"
#include "sink/slot.h"
#include "sink/snapshot.h"
#include "sink/sort_buffer.h"

/* One bucket that rows came for. */
struct edited {
    const struct slot *slot;
    struct sort_buffer *buffer;
    int64_t next_sequence;
    /* Flushed, not committed; in table_edit.files. */
    struct run_files data;
    struct run_files changelog;
};

struct table_edit {
    struct table *table;
    struct slot_set *slots;
    struct edited **edited; /* by slot index; NULL: no row came for it yet */
    size_t edited_cap;
    size_t buffered; /* bytes of all buffers */
    uint64_t memory_bytes;
    bool dirty;
    struct arena files;
    struct buf scratch;
    struct str user;
    struct arena arena;
    char uuid[37];
    atomic_uint_fast64_t counter;
    const struct stop *stop;
};

static struct bucket_compact_writer writer_of(struct table_edit *e)
{
    return (struct bucket_compact_writer){.uuid = e->uuid, .counter = &e->counter, .stop = e->stop};
}

bool table_edit_open(const struct table_edit_place *place, struct table_edit **out,
                     struct error *err)
{
    struct table *t = NULL;
    struct slot_set *slots = NULL;
    if (!table_open_edit(place->fs, place->root, place->database, place->name, &t, err)) {
        return false;
    }
    if (!slot_set_new(t, 0, &slots, err)) {
        table_free(t);
        return false;
    }
    struct table_edit *e = MEM_NEW(struct table_edit);
    e->table = t;
    e->slots = slots;
    e->memory_bytes = place->memory_bytes;
    e->stop = place->stop;
    e->scratch = BUF_INIT((size_t)1 << 20);
    e->user = arena_str(&e->arena, place->user);
    paths_uuid(e->uuid);
    *out = e;
    return true;
}

static void discard(struct table_edit *e)
{
    for (size_t i = 0; i < e->edited_cap; i++) {
        struct edited *b = e->edited[i];
        if (b != NULL) {
            run_writer_remove(e->table->fs, b->slot->folder, &b->data);
            run_writer_remove(e->table->fs, b->slot->folder, &b->changelog);
            sort_buffer_free(b->buffer);
            mem_free(b);
        }
    }
}

void table_edit_close(struct table_edit *e)
{
    if (e == NULL) {
        return;
    }
    discard(e);
    mem_free(e->edited);
    slot_set_free(e->slots);
    table_free(e->table);
    buf_release(&e->scratch);
    arena_release(&e->files);
    arena_release(&e->arena);
    mem_free(e);
}

const struct table *table_edit_table(const struct table_edit *e)
{
    return e->table;
}

bool table_edit_is_dirty(const struct table_edit *e)
{
    return e->dirty;
}

bool table_edit_next_identifier(const struct table_edit *e, int64_t *out, struct error *err)
{
    const struct table *t = e->table;
    int64_t first = 0;
    if (t->base.id == 0) {
        *out = 0;
        return true;
    }
    if (!snapshot_earliest_id(t->fs, t->path, &first, err)) {
        return false;
    }
    for (int64_t id = t->base.id; id >= first && id > 0; id--) {
        struct arena a = {0};
        struct snapshot s;
        bool found = false;
        bool ok = snapshot_read(t->fs, t->path, id, &a, &s, &found, err);
        bool ours = ok && found && str_eq(s.commit_user, e->user);
        arena_release(&a);
        if (!ok || !found) {
            *out = 0;
            return ok;
        }
        if (ours && s.commit_identifier < INT64_MAX) { /* what batch writers use */
            *out = s.commit_identifier + 1;
            return true;
        }
    }
    *out = 0;
    return true;
}

/* ---- rows ---- */

/* Sequence numbers follow those of others, too: a compaction may have gone on over their rows. */
static void raise_sequence(const struct table_edit *e, struct edited *b)
{
    const struct table_bucket *has =
        table_bucket_find(&e->table->buckets, b->slot->partition, b->slot->bucket);
    if (has != NULL && has->max_sequence >= b->next_sequence) {
        b->next_sequence = has->max_sequence + 1;
    }
}

static struct edited *edited_of(struct table_edit *e, const struct slot *slot)
{
    while (e->edited_cap <= slot->index) {
        size_t cap = e->edited_cap == 0 ? 8 : e->edited_cap * 2;
        e->edited = mem_grow(e->edited, cap, sizeof(struct edited *));
        for (size_t i = e->edited_cap; i < cap; i++) {
            e->edited[i] = NULL;
        }
        e->edited_cap = cap;
    }
    struct edited **place = &e->edited[slot->index];
    if (*place == NULL) {
        *place = MEM_NEW(struct edited);
        (*place)->slot = slot;
        (*place)->buffer = sort_buffer_new(e->table->schema, &e->table->layout, e->table->rule);
        (*place)->next_sequence = slot->first_sequence;
        raise_sequence(e, *place);
    }
    return *place;
}

static size_t bytes_of(const struct edited *b)
{
    return sort_buffer_rows(b->buffer) == 0 ? 0 : sort_buffer_bytes(b->buffer);
}

/* To files that nobody lists yet. */
static bool flush_all(struct table_edit *e, bool changelog, struct error *err)
{
    struct bucket_compact_writer writer = writer_of(e);
    bool ok = true;
    for (size_t i = 0; ok && i < e->edited_cap; i++) {
        struct edited *b = e->edited[i];
        if (b == NULL || sort_buffer_rows(b->buffer) == 0) {
            continue;
        }
        struct run_target data;
        struct run_target log;
        struct sort_buffer_flush flush = {.data = &data};
        bucket_compact_target(e->table, b->slot->folder, false, &writer, &data);
        if (changelog) {
            bucket_compact_target(e->table, b->slot->folder, true, &writer, &log);
            flush.changelog = &log;
        }
        ok = sort_buffer_flush(b->buffer, &flush, &e->files, &b->data, &b->changelog, err);
    }
    e->buffered = ok ? 0 : e->buffered;
    return ok || error_in(err, "%s", e->table->label);
}

static bool has_changelog(const struct table_edit *e)
{
    return e->table->options.changelog == TABLE_CHANGELOG_INPUT;
}

bool table_edit_row(struct table_edit *e, enum row_kind kind, const struct value *values,
                    struct error *err)
{
    const struct slot *slot = NULL;
    if (!slot_set_find(e->slots, values, &e->scratch, &slot, err)) {
        return false;
    }
    struct edited *b = edited_of(e, slot);
    size_t before = bytes_of(b);
    if (!sort_buffer_add(b->buffer, kind, b->next_sequence, values, err)) {
        return false;
    }
    b->next_sequence++;
    e->buffered += bytes_of(b) - before;
    e->dirty = true;
    return e->buffered <= e->memory_bytes || flush_all(e, has_changelog(e), err);
}

/* ---- commits ---- */

static void list_files(const struct table_edit *e, const struct edited *b,
                       const struct run_files *files, struct arena *arena,
                       struct manifest_entries *out)
{
    for (size_t i = 0; i < files->count; i++) {
        manifest_entries_add(out, arena,
                             (struct manifest_entry){.kind = MANIFEST_ADD,
                                                     .partition = b->slot->partition,
                                                     .bucket = b->slot->bucket,
                                                     .total_buckets = e->table->options.buckets,
                                                     .file = files->items[i]});
    }
}

/* The snapshot may stand: what it lists is not ours to remove any more. */
static void forget_files(struct table_edit *e)
{
    for (size_t i = 0; i < e->edited_cap; i++) {
        if (e->edited[i] != NULL) {
            e->edited[i]->data = (struct run_files){0};
            e->edited[i]->changelog = (struct run_files){0};
        }
    }
    arena_reset(&e->files);
}

static bool publish(struct table_edit *e, struct commit_request *request, struct error *err)
{
    struct commit_owner owner = {
        .user = e->user, .file_uuid = e->uuid, .file_counter = &e->counter};
    return commit_publish(e->table, &owner, request, err);
}

/* All that was flushed, with the entries that come before it. */
static bool commit_files(struct table_edit *e, struct commit_request request,
                         struct manifest_entries *entries, struct arena *arena, struct error *err)
{
    struct manifest_entries changelog = {0};
    struct index_manifest_entries index = {0};
    bool reached = false;
    for (size_t i = 0; i < e->edited_cap; i++) {
        if (e->edited[i] != NULL) {
            list_files(e, e->edited[i], &e->edited[i]->data, arena, entries);
            list_files(e, e->edited[i], &e->edited[i]->changelog, arena, &changelog);
        }
    }
    request.out_reached = &reached;
    request.entries = entries->items;
    request.entry_count = entries->count;
    request.changelog = changelog.items;
    request.changelog_count = changelog.count;
    request.index = &index;
    bool ok = slot_set_write_index(e->slots, e->uuid, &e->counter, arena, &index, err) &&
              publish(e, &request, err);
    if (ok || reached) {
        forget_files(e);
    } else {
        slot_set_unlisted(e->slots, &index);
    }
    e->dirty = e->dirty && !ok;
    return ok;
}

bool table_edit_commit(struct table_edit *e, int64_t identifier, const int64_t *watermark,
                       struct error *err)
{
    struct arena a = {0};
    struct manifest_entries entries = {0};
    struct commit_request request = {
        .kind = SNAPSHOT_APPEND, .identifier = identifier, .watermark = watermark};
    bool ok = flush_all(e, has_changelog(e), err) && commit_files(e, request, &entries, &a, err);
    arena_release(&a);
    return ok;
}

/* ---- overwrite ---- */

static bool has_rows(const struct table_edit *e, struct str partition)
{
    for (size_t i = 0; i < e->edited_cap; i++) {
        if (e->edited[i] != NULL && e->edited[i]->data.count > 0 &&
            str_eq(e->edited[i]->slot->partition, partition)) {
            return true;
        }
    }
    return false;
}

bool table_edit_overwrite(struct table_edit *e, int64_t identifier, struct error *err)
{
    const struct table *t = e->table;
    struct str dynamic = schema_option(t->schema, STR("dynamic-partition-overwrite"));
    bool all = t->partition.count == 0 || str_eq_nocase(str_trim(dynamic), STR("false"));
    struct arena a = {0};
    struct manifest_entries entries = {0};
    struct commit_request request = {.kind = SNAPSHOT_OVERWRITE, .identifier = identifier};
    if (t->options.buckets == TABLE_DYNAMIC) {
        return error_set(err, FAIL_SCHEMA,
                         "%s has dynamic buckets: overwriting it is not supported yet", t->label);
    }
    bool ok = flush_all(e, false, err);
    for (size_t i = 0; ok && i < t->buckets.count; i++) {
        const struct table_bucket *b = t->buckets.items[i];
        for (size_t f = 0; f < b->count && (all || has_rows(e, b->partition)); f++) {
            struct manifest_entry gone = {.kind = MANIFEST_DELETE,
                                          .partition = b->partition,
                                          .bucket = b->number,
                                          .total_buckets = t->options.buckets,
                                          .file = data_file_copy(&a, b->files[f]->file)};
            manifest_entries_add(&entries, &a, gone);
        }
    }
    ok = ok && commit_files(e, request, &entries, &a, err);
    arena_release(&a);
    return ok;
}

/* ---- compaction ---- */

/* The compactions of one commit. */
struct compactions {
    struct bucket_compact **items;
    size_t count, cap;
};

static bool compact_bucket(struct table_edit *e, struct table_bucket *b,
                           const struct table_edit_compact *how, struct compactions *all,
                           struct error *err)
{
    struct bucket_compact_writer writer = writer_of(e);
    struct bucket_compact *c = NULL;
    enum bucket_compact_want want = how->full ? BUCKET_COMPACT_FULL : BUCKET_COMPACT_PICK;
    if (b->count == 0 || (how->wanted != NULL && !how->wanted(how->self, b->partition))) {
        return true;
    }
    if (!bucket_compact_plan(e->table, b, want, &writer, &c, err)) {
        return false;
    }
    if (c == NULL) {
        return true;
    }
    if (!bucket_compact_run(c, err)) {
        bucket_compact_free(c);
        return false;
    }
    VEC_ROOM(all->items, all->count, all->cap);
    all->items[all->count++] = c;
    return true;
}

static void count_result(const struct bucket_compact *c, struct table_edit_compacted *out)
{
    out->buckets++;
    out->files_in += c->result.before.count;
    out->files_out += c->result.after.count;
    out->rows_read += c->result.rows_read;
    out->rows_written += c->result.rows_written;
}

static bool commit_compactions(struct table_edit *e, int64_t identifier,
                               const struct compactions *all, struct table_edit_compacted *out,
                               bool *out_reached, struct error *err)
{
    struct arena a = {0};
    struct manifest_entries entries = {0};
    struct manifest_entries changelog = {0};
    for (size_t i = 0; i < all->count; i++) {
        bucket_compact_entries(all->items[i], e->table->options.buckets, &a, &entries, &changelog);
        count_result(all->items[i], out);
    }
    struct commit_request request = {.kind = SNAPSHOT_COMPACT,
                                     .identifier = identifier,
                                     .entries = entries.items,
                                     .entry_count = entries.count,
                                     .changelog = changelog.items,
                                     .changelog_count = changelog.count,
                                     .out_reached = out_reached};
    bool ok = entries.count == 0 || publish(e, &request, err);
    out->snapshot = ok && entries.count > 0 ? e->table->base.id : 0;
    arena_release(&a);
    return ok;
}

bool table_edit_compact(struct table_edit *e, int64_t identifier,
                        const struct table_edit_compact *how, struct table_edit_compacted *out,
                        struct error *err)
{
    struct compactions all = {0};
    bool reached = false;
    bool ok = true;
    must(!e->dirty);
    *out = (struct table_edit_compacted){0};
    if (how->beside && e->table->options.write_only) {
        return true;
    }
    for (size_t i = 0; ok && i < e->table->buckets.count; i++) {
        ok = compact_bucket(e, e->table->buckets.items[i], how, &all, err);
    }
    ok = ok && commit_compactions(e, identifier, &all, out, &reached, err);
    for (size_t i = 0; i < e->edited_cap; i++) {
        if (e->edited[i] != NULL) {
            raise_sequence(e, e->edited[i]);
        }
    }
    for (size_t i = 0; i < all.count; i++) {
        if (!ok && !reached) {
            bucket_compact_abandon(all.items[i]);
        }
        bucket_compact_free(all.items[i]);
    }
    mem_free(all.items);
    return ok;
}
