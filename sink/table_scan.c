#include "sink/table_scan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sink/data_file.h"
#include "sink/interval.h"
#include "sink/merge.h"
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

bool table_scan_check(const struct schema *schema, struct error *err)
{
    if (schema->primary_key_count == 0) {
        return error_set(err, FAIL_SCHEMA,
                         "a table without a primary key: reading it is not supported yet");
    }
    if (schema->partition_key_count > 0) {
        return error_set(err, FAIL_SCHEMA, "a partitioned table: reading it is not supported yet");
    }
    /* Each of these, when on, changes which records of a key count. */
    static const char *const off[] = {"deletion-vectors.enabled", "sequence.snapshot-ordering",
                                      "pk-clustering-override", "chain-table.enabled",
                                      "data-evolution.enabled"};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        struct str value = schema_option(schema, str_of(off[i]));
        if (value.ptr != NULL && !str_eq_nocase(value, STR("false"))) {
            return refuse(off[i], value, err);
        }
    }
    struct merge_rule *rule = NULL;
    bool ok = merge_rule_new(schema, &rule, err);
    merge_rule_free(rule);
    return ok;
}

/* The merged rows of one bucket: its sections one after another. */
struct bucket_stream {
    struct run_origin origin;
    struct merge_options options;
    struct interval_sections sections;
    size_t at;
    struct merge *merge; /* of sections.items[at]; NULL between sections */
};

static enum next bucket_next(void *self, struct run_row *out, struct error *err)
{
    struct bucket_stream *b = self;
    while (b->at < b->sections.count) {
        if (b->merge == NULL && !merge_open_runs(&b->options, &b->origin, &b->sections.items[b->at],
                                                 NULL, 0, &b->merge, err)) {
            b->merge = NULL;
            error_in(err, "bucket %d", (int)b->origin.bucket);
            return NEXT_FAIL;
        }
        enum next next = merge_next(b->merge, out, err);
        if (next == NEXT_FAIL) {
            error_in(err, "bucket %d", (int)b->origin.bucket);
        }
        if (next != NEXT_END) {
            return next;
        }
        merge_close(b->merge);
        b->merge = NULL;
        b->at++;
    }
    return NEXT_END;
}

/* The stream itself lives in the scan's arena. */
static void bucket_close(void *self)
{
    struct bucket_stream *b = self;
    merge_close(b->merge);
    b->merge = NULL;
    b->at = b->sections.count;
}

struct table_scan {
    struct arena arena;
    struct data_file_layout layout;
    struct run_schemas schemas;
    struct merge_rule *rule;
    struct bucket_stream *buckets;
    size_t count;
    size_t at;           /* unsorted: the bucket being read */
    struct merge *merge; /* sorted: over all buckets */
};

static int compare_bucket(const void *left, const void *right)
{
    const struct manifest_entry *a = *(const struct manifest_entry *const *)left;
    const struct manifest_entry *b = *(const struct manifest_entry *const *)right;
    return a->bucket < b->bucket ? -1 : a->bucket > b->bucket;
}

static bool add_bucket(struct table_scan *s, const struct table_scan_options *o,
                       const struct manifest_entry *const *entries, size_t count, struct error *err)
{
    struct data_file **files = ARENA_ARRAY(&s->arena, struct data_file *, count);
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->file->level > 0 || !merge_rule_hides_level0(s->rule)) {
            files[seen++] = entries[i]->file;
        }
    }
    struct bucket_stream *b = &s->buckets[s->count];
    *b = (struct bucket_stream){
        .origin = {o->fs, o->table_path, entries[0]->bucket, o->schema, &s->layout, &s->schemas},
        .options = {.layout = &s->layout, .rule = s->rule, .drop_deletes = true, .stop = o->stop}};
    if (!interval_partition(&s->layout, files, seen, &s->arena, &b->sections, err)) {
        return error_in(err, "bucket %d", (int)entries[0]->bucket);
    }
    s->count++;
    return true;
}

static bool scan_init(struct table_scan *s, const struct table_scan_options *o, struct error *err)
{
    data_file_layout(o->schema, &s->arena, &s->layout);
    run_reader_schemas_init(&s->schemas, o->fs, o->table_path, o->schema);
    if (!merge_rule_new(o->schema, &s->rule, err)) {
        return false;
    }
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
        while (end < o->entry_count && sorted[end]->bucket == sorted[first]->bucket) {
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
        inputs[i] = (struct merge_input){bucket_next, bucket_close, &s->buckets[i]};
    }
    struct merge_options options = {.layout = &s->layout, .stop = o->stop};
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
