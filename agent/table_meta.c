#include "agent/table_meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/table_view.h"
#include "sink/schema_file.h"
#include "sink/table_option.h"

enum { META_SNAPSHOT };
const struct cli_flag table_meta_flags[] = {
    [META_SNAPSHOT] = {"--snapshot", "N", "Of snapshot N (default: the newest)."},
    {NULL, NULL, NULL}};

static bool put_line(struct buf *line, struct error *err)
{
    buf_put_byte(line, '\n');
    return buf_ok(line, "a line", err) && (fwrite(line->ptr, 1, line->len, stdout) == line->len ||
                                           error_os(err, "write standard output"));
}

enum exit_code table_meta_schema(const struct cli_args *args)
{
    struct table_view v = {0};
    struct buf text = BUF_INIT(TABLE_VIEW_TEXT_MAX);
    struct error err = {0};
    bool ok = table_view_schema(args, &v, &err);
    if (ok) {
        schema_file_print(v.schema, &text);
        ok = put_line(&text, &err);
    }
    buf_release(&text);
    return table_view_end(&v, ok, &err);
}

/* ---- snapshots ---- */

static bool print_snapshot(const struct snapshot *s, struct error *err)
{
    static const char *const kinds[] = {"APPEND", "COMPACT", "OVERWRITE", "ANALYZE"};
    struct buf line = BUF_INIT(TABLE_VIEW_TEXT_MAX);
    buf_printf(&line,
               "{\"id\":%" PRId64 ",\"schemaId\":%" PRId64 ",\"commitKind\":\"%s\",\"commitUser\":",
               s->id, s->schema_id, kinds[s->kind]);
    buf_put_json(&line, s->commit_user);
    buf_printf(&line,
               ",\"commitIdentifier\":%" PRId64 ",\"timeMillis\":%" PRId64
               ",\"totalRecordCount\":%" PRId64 ",\"deltaRecordCount\":%" PRId64,
               s->commit_identifier, s->time_ms, s->total_rows, s->delta_rows);
    if (s->changelog_rows >= 0) {
        buf_printf(&line, ",\"changelogRecordCount\":%" PRId64, s->changelog_rows);
    }
    if (s->watermark != INT64_MIN) {
        buf_printf(&line, ",\"watermark\":%" PRId64, s->watermark);
    }
    buf_put_cstr(&line, ",\"properties\":{");
    for (size_t i = 0; i < s->property_count; i++) {
        buf_put_cstr(&line, i == 0 ? "" : ",");
        buf_put_json(&line, s->properties[i].key);
        buf_put_byte(&line, ':');
        buf_put_json(&line, s->properties[i].value);
    }
    buf_put_cstr(&line, "}}");
    bool ok = put_line(&line, err);
    buf_release(&line);
    return ok;
}

enum exit_code table_meta_snapshots(const struct cli_args *args)
{
    struct table_view v = {0};
    struct error err = {0};
    int64_t first = 0;
    int64_t last = 0;
    bool ok = table_view_schema(args, &v, &err) &&
              snapshot_earliest_id(v.fs, v.path, &first, &err) &&
              snapshot_latest_id(v.fs, v.path, &last, &err);
    for (int64_t id = first; ok && id > 0 && id <= last; id++) {
        struct arena a = {0};
        struct snapshot s;
        bool found = false;
        ok = snapshot_read(v.fs, v.path, id, &a, &s, &found, &err) &&
             (!found || print_snapshot(&s, &err));
        arena_release(&a);
    }
    return table_view_end(&v, ok, &err);
}

/* ---- files, manifests ---- */

static bool print_file(const struct table_view *v, const struct manifest_entry *e,
                       struct error *err)
{
    struct buf line = BUF_INIT(TABLE_VIEW_TEXT_MAX);
    const struct data_file *f = e->file;
    buf_put_cstr(&line, "{\"partition\":");
    bool ok = partition_print_json(&v->partition, e->partition, &line, err);
    buf_printf(&line, ",\"bucket\":%" PRId32 ",\"level\":%" PRId32 ",\"file\":", e->bucket,
               f->level);
    buf_put_json(&line, f->name);
    buf_printf(&line,
               ",\"bytes\":%" PRId64 ",\"rows\":%" PRId64 ",\"deletes\":%" PRId64
               ",\"minSequence\":%" PRId64 ",\"maxSequence\":%" PRId64 ",\"schemaId\":%" PRId64 "}",
               f->size_bytes, f->row_count, f->delete_rows, f->min_sequence, f->max_sequence,
               f->schema_id);
    ok = ok && put_line(&line, err);
    buf_release(&line);
    return ok;
}

enum exit_code table_meta_files(const struct cli_args *args)
{
    struct table_view v = {0};
    struct error err = {0};
    bool ok = table_view_files(args, args->values[META_SNAPSHOT], &v, &err);
    for (size_t i = 0; ok && i < v.entries.count; i++) {
        ok = print_file(&v, &v.entries.items[i], &err);
    }
    return table_view_end(&v, ok, &err);
}

static bool print_list(const struct table_view *v, const char *which, struct str list,
                       struct error *err)
{
    struct arena a = {0};
    struct manifest_metas metas = {0};
    bool ok = list.len == 0 || manifest_list_read(v->fs, v->path, list, &a, &metas, err);
    for (size_t i = 0; ok && i < metas.count; i++) {
        const struct manifest_meta *m = &metas.items[i];
        struct buf line = BUF_INIT(TABLE_VIEW_TEXT_MAX);
        buf_printf(&line, "{\"list\":\"%s\",\"manifest\":", which);
        buf_put_json(&line, m->name);
        buf_printf(&line,
                   ",\"bytes\":%" PRId64 ",\"added\":%" PRId64 ",\"deleted\":%" PRId64
                   ",\"schemaId\":%" PRId64 "}",
                   m->size_bytes, m->added, m->deleted, m->schema_id);
        ok = put_line(&line, err);
        buf_release(&line);
    }
    arena_release(&a);
    return ok;
}

enum exit_code table_meta_manifests(const struct cli_args *args)
{
    struct table_view v = {0};
    struct error err = {0};
    bool ok = table_view_snapshot(args, args->values[META_SNAPSHOT], &v, &err) &&
              print_list(&v, "base", v.snapshot.base_list, &err) &&
              print_list(&v, "delta", v.snapshot.delta_list, &err) &&
              print_list(&v, "changelog", v.snapshot.changelog_list, &err);
    return table_view_end(&v, ok, &err);
}

/* ---- partitions, buckets ---- */

static int compare_place(const void *left, const void *right)
{
    const struct manifest_entry *a = left;
    const struct manifest_entry *b = right;
    int order = str_compare(a->partition, b->partition);
    return order != 0 ? order : (a->bucket > b->bucket) - (a->bucket < b->bucket);
}

struct sums {
    size_t buckets;
    size_t files;
    size_t runs; /* of one bucket */
    int64_t rows, deletes, bytes;
};

static struct sums add_up(const struct manifest_entry *entries, size_t count)
{
    struct sums s = {.files = count};
    uint64_t levels = 0;
    for (size_t i = 0; i < count; i++) {
        const struct data_file *f = entries[i].file;
        s.buckets += i == 0 || entries[i].bucket != entries[i - 1].bucket ? 1 : 0;
        s.runs += f->level == 0 ? 1 : 0;
        levels |= f->level > 0 && f->level < 64 ? UINT64_C(1) << f->level : 0;
        s.rows += f->row_count;
        s.deletes += f->delete_rows > 0 ? f->delete_rows : 0;
        s.bytes += f->size_bytes;
    }
    for (; levels != 0; levels &= levels - 1) {
        s.runs++;
    }
    return s;
}

static bool print_place(const struct table_view *v, const struct manifest_entry *entries,
                        size_t count, bool bucket, struct error *err)
{
    struct buf line = BUF_INIT(TABLE_VIEW_TEXT_MAX);
    struct sums s = add_up(entries, count);
    buf_put_cstr(&line, "{\"partition\":");
    bool ok = partition_print_json(&v->partition, entries[0].partition, &line, err);
    if (bucket) {
        buf_printf(&line, ",\"bucket\":%" PRId32 ",\"totalBuckets\":%" PRId32 ",\"runs\":%zu",
                   entries[0].bucket, entries[0].total_buckets, s.runs);
    } else {
        buf_printf(&line, ",\"buckets\":%zu", s.buckets);
    }
    buf_printf(&line,
               ",\"files\":%zu,\"rows\":%" PRId64 ",\"deletes\":%" PRId64 ",\"bytes\":%" PRId64 "}",
               s.files, s.rows, s.deletes, s.bytes);
    ok = ok && put_line(&line, err);
    buf_release(&line);
    return ok;
}

static enum exit_code print_places(const struct cli_args *args, bool bucket)
{
    struct table_view v = {0};
    struct error err = {0};
    bool ok = table_view_files(args, args->values[META_SNAPSHOT], &v, &err);
    struct manifest_entry *e = v.entries.items;
    size_t count = ok ? v.entries.count : 0;
    if (count > 1) {
        qsort(e, count, sizeof *e, compare_place);
    }
    for (size_t first = 0; ok && first < count;) {
        size_t end = first + 1;
        while (end < count && str_eq(e[end].partition, e[first].partition) &&
               (!bucket || e[end].bucket == e[first].bucket)) {
            end++;
        }
        ok = print_place(&v, &e[first], end - first, bucket, &err);
        first = end;
    }
    return table_view_end(&v, ok, &err);
}

enum exit_code table_meta_partitions(const struct cli_args *args)
{
    return print_places(args, false);
}

enum exit_code table_meta_buckets(const struct cli_args *args)
{
    return print_places(args, true);
}

/* ---- options ---- */

static const char *stance_of(struct str key, struct str value, const char **note)
{
    struct table_option o;
    struct error ignored;
    *note = NULL;
    if (!table_option_find(key, &o)) {
        return "unknown";
    }
    *note = o.note;
    if (!table_option_check(key, value, &ignored)) {
        return "refused";
    }
    switch (o.stance) {
    case TABLE_OPTION_HONOURED:
    case TABLE_OPTION_VALUE:
    case TABLE_OPTION_NOT_TRUE:
    case TABLE_OPTION_REFUSED:
        return "honoured";
    case TABLE_OPTION_OWN:
        return "own";
    case TABLE_OPTION_IGNORED:
        return "ignored";
    case TABLE_OPTION_KEPT:
        break;
    }
    return "kept";
}

static bool print_option(struct str key, struct str value, struct error *err)
{
    struct buf line = BUF_INIT(TABLE_VIEW_TEXT_MAX);
    const char *note = NULL;
    const char *stance = stance_of(key, value, &note);
    const char *def = table_option_default(key);
    buf_put_cstr(&line, "{\"option\":");
    buf_put_json(&line, key);
    buf_put_cstr(&line, ",\"value\":");
    if (value.ptr == NULL) {
        buf_put_cstr(&line, "null");
    } else {
        buf_put_json(&line, value);
    }
    buf_put_cstr(&line, ",\"default\":");
    if (def == NULL) {
        buf_put_cstr(&line, "null");
    } else {
        buf_put_json(&line, str_of(def));
    }
    buf_printf(&line, ",\"stance\":\"%s\"", stance);
    if (note != NULL) {
        buf_put_cstr(&line, ",\"note\":");
        buf_put_json(&line, str_of(note));
    }
    buf_put_byte(&line, '}');
    bool ok = put_line(&line, err);
    buf_release(&line);
    return ok;
}

static int compare_option(const void *left, const void *right)
{
    return str_compare(((const struct schema_option *)left)->key,
                       ((const struct schema_option *)right)->key);
}

/* What the table says, then what it leaves to the defaults that inlet acts on. */
enum exit_code table_meta_options(const struct cli_args *args)
{
    struct table_view v = {0};
    struct error err = {0};
    bool ok = table_view_schema(args, &v, &err);
    if (ok && v.schema->option_count > 1) {
        qsort(v.schema->options, v.schema->option_count, sizeof *v.schema->options, compare_option);
    }
    for (size_t i = 0; ok && i < v.schema->option_count; i++) {
        ok = print_option(v.schema->options[i].key, v.schema->options[i].value, &err);
    }
    for (size_t i = 0; ok && i < table_option_names_count(); i++) {
        struct table_option o = table_option_names_at(i);
        struct str key = str_of(o.name);
        if (o.stance == TABLE_OPTION_HONOURED && table_option_default(key) != NULL &&
            schema_option(v.schema, key).ptr == NULL) {
            ok = print_option(key, (struct str){NULL, 0}, &err);
        }
    }
    return table_view_end(&v, ok, &err);
}
