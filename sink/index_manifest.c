#include "sink/index_manifest.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sink/format/avro_writer.h"
#include "sink/index_record.h"
#include "sink/manifest_record.h"
#include "sink/paths.h"

#define INDEX_MANIFEST_BLOCK 64000 /* Java's, before compression */
#define INDEX_MANIFEST_ZSTD_LEVEL 1

void index_manifest_add(struct index_manifest_entries *list, struct arena *arena,
                        const struct index_manifest_entry *entry)
{
    if (list->count == list->cap) { /* in the arena, like all they point to */
        size_t cap = list->cap == 0 ? 16 : list->cap * 2;
        struct index_manifest_entry *more = ARENA_ARRAY(arena, struct index_manifest_entry, cap);
        if (list->count > 0) {
            memcpy(more, list->items, list->count * sizeof(*more));
        }
        list->items = more;
        list->cap = cap;
    }
    list->items[list->count++] = *entry;
}

/* ---- the file ------------------------------------------------------------------------------ */

bool index_manifest_read(struct fs fs, const char *table_path, struct str name, struct arena *arena,
                         struct index_manifest_entries *out, struct error *err)
{
    if (name.len == 0) {
        return true;
    }
    const char *path = paths_manifest(arena, table_path, name);
    uint64_t bytes = 0;
    bool found = false;
    if (!fs.ops->size(fs.self, path, &bytes, &found, err)) {
        return false;
    }
    if (!found) {
        return error_set(err, FAIL_CORRUPT,
                         "%s is missing, though a snapshot names it; was it removed by hand or "
                         "expired by another program?",
                         path);
    }
    struct index_manifest_entries read = *out;
    if (!manifest_read_records(fs, path, bytes, &index_record, arena, &read, err)) {
        return false;
    }
    *out = read;
    return true;
}

bool index_manifest_write(struct fs fs, const char *table_path, struct str name,
                          const struct index_manifest_entries *entries, struct error *err)
{
    struct arena arena = {0};
    struct avro_writer *w = NULL;
    uint64_t bytes = 0;
    bool with_global = false;
    for (size_t i = 0; i < entries->count; i++) {
        must(entries->items[i].kind == MANIFEST_ADD);
        with_global = with_global || entries->items[i].global != NULL;
    }
    bool ok = avro_writer_open(fs, paths_manifest(&arena, table_path, name),
                               index_record_schema(with_global), COMPRESS_ZSTD,
                               INDEX_MANIFEST_ZSTD_LEVEL, INDEX_MANIFEST_BLOCK, &w, err);
    arena_release(&arena);
    if (!ok) {
        return false;
    }
    for (size_t i = 0; i < entries->count; i++) {
        index_record_put(avro_writer_block(w), &entries->items[i], with_global);
        if (!buf_ok(avro_writer_block(w), "an index manifest's block", err) ||
            !avro_writer_row(w, err)) {
            avro_writer_abandon(w);
            return false;
        }
    }
    return avro_writer_finish(w, &bytes, err);
}

/* ---- combining ----------------------------------------------------------------------------- */

static bool is_vectors(const struct index_manifest_entry *e)
{
    return str_eq(e->type, STR(INDEX_MANIFEST_VECTORS));
}

static bool goes_by_bucket(const struct index_manifest_entry *e, bool bucketed)
{
    return str_eq(e->type, STR(INDEX_MANIFEST_HASH)) || (is_vectors(e) && bucketed);
}

static bool same_place(const struct index_manifest_entry *a, const struct index_manifest_entry *b,
                       bool bucketed)
{
    if (!str_eq(a->type, b->type)) {
        return false;
    }
    return goes_by_bucket(a, bucketed)
               ? a->bucket == b->bucket && str_eq(a->partition, b->partition)
               : str_eq(a->file_name, b->file_name);
}

/* The entry of each place; a place keeps its slot when its entry is gone. */
struct places {
    const struct index_manifest_entry **keys; /* who made the slot; NULL: free */
    const struct index_manifest_entry **live; /* NULL: nothing is there now */
    size_t *order;                            /* slots as they were made */
    size_t count, mask;
    bool bucketed;
};

static size_t place_of(struct places *p, const struct index_manifest_entry *e)
{
    uint64_t h = hash_bytes(e->type) * 31;
    if (goes_by_bucket(e, p->bucketed)) {
        h += hash_bytes(e->partition) + (uint64_t)(uint32_t)e->bucket * 1000003;
    } else {
        h += hash_bytes(e->file_name);
    }
    for (size_t at = (size_t)(h ^ h >> 32) & p->mask;; at = (at + 1) & p->mask) {
        if (p->keys[at] == NULL) {
            p->keys[at] = e;
            p->order[p->count++] = at;
            return at;
        }
        if (same_place(p->keys[at], e, p->bucketed)) {
            return at;
        }
    }
}

/* Append tables (GlobalCombiner): in the order given, nothing twice, nothing unseen. */
static bool change_by_name(struct places *p, const struct index_manifest_entry *e,
                           struct error *err)
{
    size_t at = place_of(p, e);
    bool add = e->kind == MANIFEST_ADD;
    if (add == (p->live[at] != NULL)) {
        return error_set(err, FAIL_CONFLICT, "index file %.*s is %s", STR_FMT(e->file_name),
                         add ? "already listed: another commit was first"
                             : "not listed any more: another commit removed it");
    }
    p->live[at] = add ? e : NULL;
    return true;
}

static bool apply(struct places *p, const struct index_manifest_entries *changes, struct error *err)
{
    /* DELETEs first, so that they do not remove what is new (BucketedCombiner). */
    for (size_t i = 0; i < changes->count; i++) {
        const struct index_manifest_entry *e = &changes->items[i];
        bool strict = is_vectors(e) && !p->bucketed;
        if (!strict && e->kind == MANIFEST_DELETE) {
            p->live[place_of(p, e)] = NULL;
        }
    }
    for (size_t i = 0; i < changes->count; i++) {
        const struct index_manifest_entry *e = &changes->items[i];
        if (is_vectors(e) && !p->bucketed) {
            if (!change_by_name(p, e, err)) {
                return false;
            }
        } else if (e->kind == MANIFEST_ADD) {
            p->live[place_of(p, e)] = e;
        }
    }
    return true;
}

bool index_manifest_combine(const struct index_manifest_entries *previous,
                            const struct index_manifest_entries *changes, bool bucketed,
                            struct arena *arena, struct index_manifest_entries *out,
                            struct error *err)
{
    if (previous->unknown_field.len > 0) {
        return error_set(err, FAIL_SCHEMA,
                         "the index manifest has a field %.*s, which inlet does not know and would "
                         "lose: the table was written by a newer Paimon",
                         STR_FMT(previous->unknown_field));
    }
    size_t all = previous->count + changes->count;
    size_t cap = 16;
    while (cap < all * 2) {
        cap *= 2;
    }
    struct places p = {.keys = MEM_ARRAY(const struct index_manifest_entry *, cap),
                       .live = MEM_ARRAY(const struct index_manifest_entry *, cap),
                       .order = MEM_ARRAY(size_t, all),
                       .mask = cap - 1,
                       .bucketed = bucketed};
    bool ok = true;
    for (size_t i = 0; i < previous->count && ok; i++) {
        const struct index_manifest_entry *e = &previous->items[i];
        ok = e->kind == MANIFEST_ADD ||
             error_set(err, FAIL_CORRUPT, "an index manifest with a DELETE entry (%.*s)",
                       STR_FMT(e->file_name));
        if (ok) {
            p.live[place_of(&p, e)] = e;
        }
    }
    ok = ok && apply(&p, changes, err);
    if (ok) {
        struct index_manifest_entries result = {0};
        for (size_t i = 0; i < p.count; i++) {
            if (p.live[p.order[i]] != NULL) {
                index_manifest_add(&result, arena, p.live[p.order[i]]);
            }
        }
        *out = result;
    }
    mem_free(p.keys);
    mem_free(p.live);
    mem_free(p.order);
    return ok;
}

/* ---- looking ------------------------------------------------------------------------------- */

const struct index_manifest_entry *index_manifest_next(const struct index_manifest_entries *list,
                                                       size_t *at, const char *type,
                                                       struct str partition, int32_t bucket)
{
    while (*at < list->count) {
        const struct index_manifest_entry *e = &list->items[(*at)++];
        if (e->bucket == bucket && str_eq(e->type, str_of(type)) &&
            str_eq(e->partition, partition)) {
            return e;
        }
    }
    return NULL;
}

bool index_manifest_file_path(const struct index_manifest_place *place,
                              const struct index_manifest_entry *entry, struct arena *arena,
                              const char **out, struct error *err)
{
    if (entry->external_path.ptr != NULL) {
        return error_set(err, FAIL_SCHEMA,
                         "index file %.*s lies outside the table (external paths): not supported "
                         "yet",
                         STR_FMT(entry->file_name));
    }
    const char *folder =
        place->in_bucket_folders
            ? paths_bucket(arena, place->table_path, place->partition_path, entry->bucket)
            : paths_join(arena, place->table_path, STR("index"));
    *out = paths_join(arena, folder, entry->file_name);
    return true;
}

void index_manifest_remove(const struct index_manifest_place *place,
                           const struct index_manifest_entries *unlisted)
{
    struct arena arena = {0};
    for (size_t i = 0; i < unlisted->count; i++) {
        const char *path = NULL;
        struct error ignored = {0};
        if (index_manifest_file_path(place, &unlisted->items[i], &arena, &path, &ignored)) {
            (void)place->fs.ops->remove(place->fs.self, path, &ignored);
        }
    }
    arena_release(&arena);
}
