#include "sink/manifest.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/col_stats.h"
#include "sink/format/avro_decoder.h"
#include "sink/format/avro_reader.h"
#include "sink/format/avro_writer.h"
#include "sink/manifest_record.h"
#include "sink/paths.h"

#define MANIFEST_BLOCK 64000 /* Java's, before compression */
#define MANIFEST_ZSTD_LEVEL 1
#define MANIFEST_MAX_BLOCK ((size_t)256 << 20)

/* ---- writing ------------------------------------------------------------------------------ */

static bool row_done(struct avro_writer *w, struct error *err)
{
    return buf_ok(avro_writer_block(w), "a manifest's block", err) && avro_writer_row(w, err);
}

static void describe(const struct manifest_entry *entries, size_t count, struct manifest_meta *m)
{
    m->min_bucket = m->max_bucket = m->min_level = m->max_level = INT32_MIN;
    for (size_t i = 0; i < count; i++) {
        const struct manifest_entry *e = &entries[i];
        int32_t level = e->file->level;
        m->added += e->kind == MANIFEST_ADD;
        m->deleted += e->kind == MANIFEST_DELETE;
        m->schema_id = e->file->schema_id > m->schema_id ? e->file->schema_id : m->schema_id;
        m->min_bucket = i == 0 || e->bucket < m->min_bucket ? e->bucket : m->min_bucket;
        m->max_bucket = i == 0 || e->bucket > m->max_bucket ? e->bucket : m->max_bucket;
        m->min_level = i == 0 || level < m->min_level ? level : m->min_level;
        m->max_level = i == 0 || level > m->max_level ? level : m->max_level;
    }
}

/* Bounds of the partitions: whole values, as Paimon keeps them here. */
static bool describe_partitions(const struct partition_layout *p,
                                const struct manifest_entry *entries, size_t count,
                                struct arena *arena, struct simple_stats *out, struct error *err)
{
    if (p->count == 0) {
        *out = (struct simple_stats){.min = binrow_empty, .max = binrow_empty};
        return true;
    }
    struct col_stats *stats = col_stats_new(p->fields, p->count, COL_STATS_FULL, 0);
    struct value *values = ARENA_ARRAY(arena, struct value, p->count + 1);
    struct buf min = BUF_INIT(MANIFEST_MAX_BLOCK);
    struct buf max = BUF_INIT(MANIFEST_MAX_BLOCK);
    struct str last = {NULL, 0};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (str_eq(entries[i].partition, last)) {
            continue;
        }
        last = entries[i].partition;
        ok = binrow_parse(last, p->fields, p->count, arena, values, err) ||
             error_in(err, "the partition of %.*s", STR_FMT(entries[i].file->name));
        if (ok) {
            col_stats_add(stats, values);
        }
    }
    *out = (struct simple_stats){.nulls = ARENA_ARRAY(arena, int64_t, p->count),
                                 .null_count = p->count};
    col_stats_finish(stats, &min, &max, out->nulls);
    ok = ok && buf_ok(&min, "partition bounds", err) && buf_ok(&max, "partition bounds", err);
    if (ok) {
        out->min = arena_str(arena, buf_str(&min));
        out->max = arena_str(arena, buf_str(&max));
    }
    buf_release(&min);
    buf_release(&max);
    col_stats_free(stats);
    return ok;
}

bool manifest_write(struct fs fs, const char *table_path, const struct partition_layout *partition,
                    struct str name, const struct manifest_entry *entries, size_t count,
                    struct arena *arena, struct manifest_meta *out, struct error *err)
{
    struct avro_writer *w;
    uint64_t bytes;
    struct simple_stats partitions;
    if (!describe_partitions(partition, entries, count, arena, &partitions, err) ||
        !avro_writer_open(fs, paths_manifest(arena, table_path, name), manifest_record_entry.schema,
                          COMPRESS_ZSTD, MANIFEST_ZSTD_LEVEL, MANIFEST_BLOCK, &w, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        manifest_record_put_entry(avro_writer_block(w), &entries[i]);
        if (!row_done(w, err)) {
            avro_writer_abandon(w);
            return false;
        }
    }
    if (!avro_writer_finish(w, &bytes, err)) {
        return false;
    }
    *out = (struct manifest_meta){.name = arena_str(arena, name),
                                  .size_bytes = (int64_t)bytes,
                                  .partition_stats = partitions};
    describe(entries, count, out);
    return true;
}

bool manifest_list_write(struct fs fs, const char *table_path, struct str name,
                         const struct manifest_meta *metas, size_t count, int64_t *out_bytes,
                         struct error *err)
{
    struct arena arena = {0};
    struct avro_writer *w;
    uint64_t bytes;
    bool ok =
        avro_writer_open(fs, paths_manifest(&arena, table_path, name), manifest_record_meta.schema,
                         COMPRESS_ZSTD, MANIFEST_ZSTD_LEVEL, MANIFEST_BLOCK, &w, err);
    arena_release(&arena);
    if (!ok) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        manifest_record_put_meta(avro_writer_block(w), &metas[i]);
        if (!row_done(w, err)) {
            avro_writer_abandon(w);
            return false;
        }
    }
    if (!avro_writer_finish(w, &bytes, err)) {
        return false;
    }
    *out_bytes = (int64_t)bytes;
    return true;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_rows(struct avro_reader *file, const struct avro_decoder *decoder,
                      const struct manifest_record *record, struct arena *arena, void *into,
                      struct error *err)
{
    struct arena scratch = {0};
    struct value *row = MEM_ARRAY(struct value, record->width);
    struct reader block = reader_over((struct str){"", 0}, "manifest");
    uint64_t rows = 0;
    bool ok = true;
    while (ok) {
        ok = avro_reader_next(file, &rows, &block, err);
        if (!ok || rows == 0) {
            break;
        }
        for (uint64_t i = 0; i < rows && ok; i++) {
            arena_reset(&scratch);
            avro_decoder_row(decoder, &block, &scratch, row);
            ok = reader_ok(&block, err) && record->take(arena, row, into, err);
        }
        ok = ok && reader_end(&block, err);
    }
    mem_free(row);
    arena_release(&scratch);
    return ok;
}

bool manifest_read_records(struct fs fs, const char *path, uint64_t file_bytes,
                           const struct manifest_record *record, struct arena *arena, void *into,
                           struct error *err)
{
    struct avro_reader *file = NULL;
    struct avro_decoder *decoder = NULL;
    if (!avro_reader_open(fs, path, file_bytes, MANIFEST_MAX_BLOCK, &file, err)) {
        return false;
    }
    if (record->look != NULL) {
        record->look(avro_reader_schema(file), arena, into);
    }
    bool ok =
        avro_decoder_new(avro_reader_schema(file), record->fields, record->width, &decoder, err) &&
        read_rows(file, decoder, record, arena, into, err);
    if (!ok && strstr(err->text, path) == NULL) {
        (void)error_in(err, "%s", path);
    }
    avro_decoder_free(decoder);
    avro_reader_close(file);
    return ok;
}

bool manifest_read(struct fs fs, const char *table_path, const struct manifest_meta *meta,
                   struct arena *arena, struct manifest_entries *out, struct error *err)
{
    struct manifest_entries read = *out;
    if (!manifest_read_records(fs, paths_manifest(arena, table_path, meta->name),
                               (uint64_t)meta->size_bytes, &manifest_record_entry, arena, &read,
                               err)) {
        return false;
    }
    *out = read;
    return true;
}

bool manifest_list_read(struct fs fs, const char *table_path, struct str name, struct arena *arena,
                        struct manifest_metas *out, struct error *err)
{
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
    struct manifest_metas read = *out;
    if (!manifest_read_records(fs, path, bytes, &manifest_record_meta, arena, &read, err)) {
        return false;
    }
    *out = read;
    return true;
}

/* ---- live files --------------------------------------------------------------------------- */

static bool same_optional(struct str a, struct str b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && str_eq(a, b);
}

bool manifest_same_file(const struct manifest_entry *a, const struct manifest_entry *b)
{
    const struct data_file *f = a->file;
    const struct data_file *g = b->file;
    if (!str_eq(f->name, g->name) || a->bucket != b->bucket || f->level != g->level ||
        !str_eq(a->partition, b->partition) || f->extra_file_count != g->extra_file_count ||
        !same_optional(f->embedded_index, g->embedded_index) ||
        !same_optional(f->external_path, g->external_path)) {
        return false;
    }
    for (size_t i = 0; i < f->extra_file_count; i++) {
        if (!str_eq(f->extra_files[i], g->extra_files[i])) {
            return false;
        }
    }
    return true;
}

/* What is known of one identity. */
struct identity {
    const struct manifest_entry *first; /* NULL: the slot is free */
    bool added, deleted, done;
};

static struct identity *identity_of(struct identity *slots, size_t mask,
                                    const struct manifest_entry *e)
{
    uint64_t h = hash_bytes(e->file->name) + (uint64_t)(uint32_t)e->file->level * 31 +
                 (uint64_t)(uint32_t)e->bucket * 1000003;
    for (size_t at = (size_t)(h ^ h >> 32) & mask;; at = (at + 1) & mask) {
        if (slots[at].first == NULL) {
            slots[at].first = e;
            return &slots[at];
        }
        if (manifest_same_file(slots[at].first, e)) {
            return &slots[at];
        }
    }
}

void manifest_fold(const struct manifest_entries *in, bool keep_deletes, struct arena *arena,
                   struct manifest_entries *out)
{
    size_t cap = 16;
    while (cap < in->count * 2) {
        cap *= 2;
    }
    struct identity *slots = MEM_ARRAY(struct identity, cap);
    struct identity **of = MEM_ARRAY(struct identity *, in->count);
    for (size_t i = 0; i < in->count; i++) {
        of[i] = identity_of(slots, cap - 1, &in->items[i]);
        of[i]->added = of[i]->added || in->items[i].kind == MANIFEST_ADD;
        of[i]->deleted = of[i]->deleted || in->items[i].kind == MANIFEST_DELETE;
    }
    struct manifest_entries live = {.items = ARENA_ARRAY(arena, struct manifest_entry, in->count),
                                    .cap = in->count};
    for (size_t i = 0; i < in->count; i++) {
        bool add = in->items[i].kind == MANIFEST_ADD;
        bool keep = add ? !of[i]->deleted : keep_deletes && !of[i]->added;
        if (keep && !of[i]->done) {
            of[i]->done = true; /* a set: the same file once */
            live.items[live.count++] = in->items[i];
        }
    }
    mem_free(slots);
    mem_free(of);
    *out = live;
}
