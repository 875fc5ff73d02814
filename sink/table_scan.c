#include "sink/table_scan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sink/data_file.h"
#include "sink/deletion_vector.h"
#include "sink/index_manifest.h"
#include "sink/interval.h"
#include "sink/merge.h"
#include "sink/partition.h"
#include "sink/paths.h"
#include "sink/run_reader.h"

bool table_scan_plan(struct fs fs, const char *table_path, const struct snapshot *snapshot,
                     struct arena *arena, struct manifest_entries *out, struct error *err)
{
    struct manifest_metas metas = {0};
    struct manifest_entries all = {0};
    if ((snapshot->base_list.len > 0 &&
         !manifest_list_read(fs, table_path, snapshot->base_list, arena, &metas, err)) ||
        (snapshot->delta_list.len > 0 &&
         !manifest_list_read(fs, table_path, snapshot->delta_list, arena, &metas, err))) {
        return false;
    }
    for (size_t i = 0; i < metas.count; i++) {
        if (!manifest_read(fs, table_path, &metas.items[i], arena, &all, err)) {
            return false;
        }
    }
    struct manifest_entries live = {0};
    manifest_fold(&all, false, arena, &live);
    *out = live;
    return true;
}

static bool refuse(const char *what, struct str value, struct error *err)
{
    return error_set(err, FAIL_SCHEMA, "%s = %.*s: reading such a table is not supported yet", what,
                     STR_FMT(value));
}

/* A boolean option, false when it is not there. */
static bool is_on(const struct schema *schema, const char *name, bool *out, struct error *err)
{
    struct str value = schema_option(schema, str_of(name));
    *out = str_eq_nocase(value, STR("true"));
    return *out || value.ptr == NULL || str_eq_nocase(value, STR("false")) ||
           error_set(err, FAIL_SCHEMA, "%s = %.*s: true or false was expected", name,
                     STR_FMT(value));
}

/* What of a bucket a batch reader sees, and how (DataTableBatchScan, MergeTreeSplitGenerator). */
struct view {
    bool vectors;           /* deletion-vectors.enabled */
    bool level0;            /* seen */
    bool real_buckets;      /* postpone: what lies in bucket-postpone is not seen */
    bool in_bucket_folders; /* index-file-in-data-file-dir */
};

static bool view_of(const struct schema *schema, const struct merge_rule *rule, struct view *out,
                    struct error *err)
{
    struct view v = {0};
    bool merge_on_read = false;
    if (!is_on(schema, "deletion-vectors.enabled", &v.vectors, err) ||
        !is_on(schema, "deletion-vectors.merge-on-read", &merge_on_read, err) ||
        !is_on(schema, "index-file-in-data-file-dir", &v.in_bucket_folders, err)) {
        return false;
    }
    v.level0 = v.vectors ? merge_on_read : !merge_rule_hides_level0(rule);
    v.real_buckets = str_eq(str_trim(schema_option(schema, STR("bucket"))), STR("-2"));
    *out = v;
    return true;
}

bool table_scan_check(const struct schema *schema, struct error *err)
{
    if (schema->primary_key_count == 0) {
        return error_set(err, FAIL_SCHEMA,
                         "a table without a primary key: reading it is not supported yet");
    }
    /* Each of these, when on, changes which records of a key count. */
    static const char *const off[] = {"sequence.snapshot-ordering", "pk-clustering-override",
                                      "chain-table.enabled", "data-evolution.enabled"};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        struct str value = schema_option(schema, str_of(off[i]));
        if (value.ptr != NULL && !str_eq_nocase(value, STR("false"))) {
            return refuse(off[i], value, err);
        }
    }
    /* Data files lie elsewhere than in their buckets. */
    struct str folder = schema_option(schema, STR("data-file.path-directory"));
    if (str_trim(folder).len > 0) {
        return refuse("data-file.path-directory", folder, err);
    }
    struct merge_rule *rule = NULL;
    struct view view;
    bool ok = merge_rule_new(schema, &rule, err) && view_of(schema, rule, &view, err);
    merge_rule_free(rule);
    return ok;
}

/* The rows of one bucket: its sections merged one after another, or its files straight. */
struct bucket_stream {
    const struct data_file_layout *whole;
    struct value *key; /* the whole primary key of a row */
    struct run_origin origin;
    struct merge_options options;
    struct interval_sections sections;
    size_t at;
    struct merge *merge; /* of sections.items[at]; NULL between sections */

    const struct index_manifest_entries *index; /* NULL: no deletion vectors */
    struct index_manifest_place place;
    struct str partition;
    int32_t bucket;
    struct deletion_vector_set *deleted; /* loaded with the first row */
    struct data_file **files;            /* straight: one after another */
    size_t file_count;                   /* 0: merged */
    struct run_reader *reader;           /* of files[at]; NULL between files */
};

static bool load_vectors(struct bucket_stream *b, struct error *err)
{
    if (b->index == NULL || b->deleted != NULL) {
        return true;
    }
    b->deleted = deletion_vector_set_new(DELETION_VECTOR_32);
    b->origin.deleted = b->deleted;
    return deletion_vector_set_load(b->deleted, &b->place, b->index, b->partition, b->bucket, err);
}

static enum next straight_next(struct bucket_stream *b, struct run_row *out, struct error *err)
{
    while (b->at < b->file_count) {
        if (b->options.stop != NULL && b->reader == NULL && stop_requested(b->options.stop)) {
            error_set(err, FAIL_STOPPED, "scan stopped");
            return NEXT_FAIL;
        }
        if (b->reader == NULL && !run_reader_open(&b->origin, b->files[b->at], &b->reader, err)) {
            b->reader = NULL;
            return NEXT_FAIL;
        }
        enum next next = run_reader_next(b->reader, out, err);
        if (next != NEXT_END) {
            return next;
        }
        run_reader_close(b->reader);
        b->reader = NULL;
        b->at++;
    }
    return NEXT_END;
}

static enum next merged_next(struct bucket_stream *b, struct run_row *out, struct error *err)
{
    while (b->at < b->sections.count) {
        if (b->merge == NULL && !merge_open_runs(&b->options, &b->origin, &b->sections.items[b->at],
                                                 NULL, 0, &b->merge, err)) {
            b->merge = NULL;
            return NEXT_FAIL;
        }
        enum next next = merge_next(b->merge, out, err);
        if (next != NEXT_END) {
            return next;
        }
        merge_close(b->merge);
        b->merge = NULL;
        b->at++;
    }
    return NEXT_END;
}

static void bucket_close(void *self);

static enum next bucket_next(void *self, struct run_row *out, struct error *err)
{
    struct bucket_stream *b = self;
    enum next next = NEXT_FAIL;
    if (load_vectors(b, err)) {
        next = b->file_count > 0 ? straight_next(b, out, err) : merged_next(b, out, err);
    }
    if (next == NEXT_FAIL) {
        error_in(err, "%s", b->origin.folder);
    } else if (next == NEXT_END) {
        bucket_close(b);
    }
    return next;
}

/* Rows of several partitions are one order only by the whole primary key: in one partition the two
 * orders are the same. */
static enum next whole_next(void *self, struct run_row *out, struct error *err)
{
    struct bucket_stream *b = self;
    enum next next = bucket_next(b, out, err);
    if (next == NEXT_ROW) {
        for (size_t i = 0; i < b->whole->key_count; i++) {
            b->key[i] = out->values[b->whole->key_columns[i]];
        }
        out->key = b->key;
    }
    return next;
}

/* The stream itself lives in the scan's arena. Only its end is left. */
static void bucket_close(void *self)
{
    struct bucket_stream *b = self;
    merge_close(b->merge);
    run_reader_close(b->reader);
    deletion_vector_set_free(b->deleted);
    b->merge = NULL;
    b->reader = NULL;
    b->deleted = NULL;
    b->index = NULL;
    b->at = b->file_count > 0 ? b->file_count : b->sections.count;
}

struct table_scan {
    struct arena arena;
    struct data_file_layout layout;
    struct partition_layout partition;
    struct data_file_layout whole; /* as if there were no partitions: whole primary keys */
    struct run_schemas schemas;
    struct merge_rule *rule;
    struct view view;
    struct index_manifest_entries index;
    struct bucket_stream *buckets;
    size_t count;
    size_t at;           /* unsorted: the bucket being read */
    struct merge *merge; /* sorted: over all buckets */
};

static int compare_bucket(const void *left, const void *right)
{
    const struct manifest_entry *a = *(const struct manifest_entry *const *)left;
    const struct manifest_entry *b = *(const struct manifest_entry *const *)right;
    int order = str_compare(a->partition, b->partition);
    return order != 0 ? order : a->bucket < b->bucket ? -1 : a->bucket > b->bucket;
}

/* Files of a table with deletion vectors hold one living row of each key, unless there are deletes
 * among them (from before the vectors) or level 0 is seen: then they are merged. Where the vectors
 * were switched on over files of several levels a key may come twice: Paimon gives both until the
 * bucket is compacted, so we do too. */
static bool reads_straight(const struct view *view, struct data_file *const *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (files[i]->level == 0 || files[i]->delete_rows > 0) {
            return false;
        }
    }
    return view->vectors;
}

static bool add_bucket(struct table_scan *s, const struct table_scan_options *o,
                       const struct manifest_entry *const *entries, size_t count, struct error *err)
{
    struct data_file **files = ARENA_ARRAY(&s->arena, struct data_file *, count);
    size_t seen = 0;
    if (s->view.real_buckets && entries[0]->bucket < 0) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->file->level > 0 || s->view.level0) {
            files[seen++] = entries[i]->file;
        }
    }
    struct bucket_stream *b = &s->buckets[s->count];
    const char *partition = NULL;
    if (!partition_path(&s->partition, entries[0]->partition, &s->arena, &partition, err)) {
        return false;
    }
    const char *folder = paths_bucket(&s->arena, o->table_path, partition, entries[0]->bucket);
    *b = (struct bucket_stream){
        .whole = &s->whole,
        .key = ARENA_ARRAY(&s->arena, struct value, s->whole.key_count),
        .place = {o->fs, o->table_path, s->view.in_bucket_folders, partition},
        .bucket = entries[0]->bucket,
        .origin = {.fs = o->fs,
                   .folder = folder,
                   .schema = o->schema,
                   .layout = &s->layout,
                   .schemas = &s->schemas},
        .options = {.layout = &s->layout, .rule = s->rule, .drop_deletes = true, .stop = o->stop},
        .index = s->view.vectors && seen > 0 ? &s->index : NULL,
        .partition = entries[0]->partition};
    b->options.every = reads_straight(&s->view, files, seen);
    if (b->options.every && !o->sorted) {
        b->files = files;
        b->file_count = seen;
    } else if (!interval_partition(&s->layout, files, seen, &s->arena, &b->sections, err)) {
        return error_in(err, "%s", folder);
    }
    s->count++;
    return true;
}

/* Which files hold deletion vectors, when the table has some. */
static bool read_index(struct table_scan *s, const struct table_scan_options *o, struct error *err)
{
    if (!s->view.vectors || o->entry_count == 0) {
        return true;
    }
    must(o->snapshot != NULL); /* without it dead rows would be read as living */
    return index_manifest_read(o->fs, o->table_path, o->snapshot->index_manifest, &s->arena,
                               &s->index, err);
}

static bool scan_init(struct table_scan *s, const struct table_scan_options *o, struct error *err)
{
    data_file_layout(o->schema, &s->arena, &s->layout);
    run_reader_schemas_init(&s->schemas, o->fs, o->table_path, o->schema);
    if (!merge_rule_new(o->schema, &s->rule, err) || !view_of(o->schema, s->rule, &s->view, err) ||
        !read_index(s, o, err) || !partition_layout(o->schema, &s->arena, &s->partition, err)) {
        return false;
    }
    struct schema whole = *o->schema;
    whole.partition_key_count = 0;
    data_file_layout(&whole, &s->arena, &s->whole);
    const struct manifest_entry **sorted =
        ARENA_ARRAY(&s->arena, const struct manifest_entry *, o->entry_count);
    for (size_t i = 0; i < o->entry_count; i++) {
        sorted[i] = &o->entries[i];
    }
    if (o->entry_count > 1) {
        qsort(sorted, o->entry_count, sizeof(const struct manifest_entry *), compare_bucket);
    }
    s->buckets = ARENA_ARRAY(&s->arena, struct bucket_stream, o->entry_count);
    for (size_t first = 0; first < o->entry_count;) {
        size_t end = first + 1;
        while (end < o->entry_count && compare_bucket(&sorted[end], &sorted[first]) == 0) {
            end++;
        }
        if (!add_bucket(s, o, sorted + first, end - first, err)) {
            return false;
        }
        first = end;
    }
    if (!o->sorted) {
        return true;
    }
    struct merge_input *inputs = MEM_ARRAY(struct merge_input, s->count);
    for (size_t i = 0; i < s->count; i++) {
        inputs[i] = (struct merge_input){whole_next, bucket_close, &s->buckets[i]};
    }
    struct merge_options options = {.layout = &s->whole, .every = s->view.vectors, .stop = o->stop};
    bool ok = merge_open(&options, inputs, s->count, &s->merge, err);
    mem_free(inputs);
    return ok;
}

bool table_scan_open(const struct table_scan_options *o, struct table_scan **out, struct error *err)
{
    if (!table_scan_check(o->schema, err)) {
        return false;
    }
    struct table_scan *s = MEM_NEW(struct table_scan);
    if (!scan_init(s, o, err)) {
        s->merge = NULL;
        table_scan_close(s);
        return error_in(err, "read %s", o->table_path);
    }
    *out = s;
    return true;
}

enum next table_scan_next(struct table_scan *s, const struct value **out_values, struct error *err)
{
    struct run_row row;
    enum next next = NEXT_END;
    if (s->merge != NULL) {
        next = merge_next(s->merge, &row, err);
    } else {
        while (s->at < s->count) {
            next = bucket_next(&s->buckets[s->at], &row, err);
            if (next != NEXT_END) {
                break;
            }
            s->at++;
        }
    }
    if (next == NEXT_ROW) {
        *out_values = row.values;
    }
    return next;
}

void table_scan_close(struct table_scan *s)
{
    if (s == NULL) {
        return;
    }
    merge_close(s->merge);
    for (size_t i = 0; i < s->count; i++) {
        bucket_close(&s->buckets[i]);
    }
    run_reader_schemas_release(&s->schemas);
    merge_rule_free(s->rule);
    arena_release(&s->arena);
    mem_free(s);
}
