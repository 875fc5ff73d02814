#include "agent/table_verbs.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/instant.h"
#include "sink/expire.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/snapshot.h"
#include "sink/table_scan.h"

#define TEXT_MAX_BYTES (256u << 20)

enum { SCAN_SNAPSHOT, SCAN_UNSORTED };
const struct cli_flag table_verbs_scan_flags[] = {
    [SCAN_SNAPSHOT] = {"--snapshot", "N", "The table as of snapshot N (default: the newest)."},
    [SCAN_UNSORTED] = {"--unsorted", NULL, "Bucket after bucket instead of in key order."},
    {NULL, NULL, NULL}};

/* A table opened for reading. */
struct opened {
    struct arena arena;
    struct fs fs;
    const char *path;
    struct schema *schema;
    struct snapshot snapshot; /* id 0: the table has none */
    struct manifest_entries entries;
};

static enum exit_code complain(const struct error *err)
{
    (void)fprintf(stderr, "inlet: %s\n", err->text);
    return err->code == FAIL_CONFIG ? CODE_USAGE : retry_exit(err->code);
}

static void opened_close(struct opened *o)
{
    schema_free(o->schema);
    if (o->fs.ops != NULL) {
        fs_close(&o->fs);
    }
    arena_release(&o->arena);
}

static bool open_path(const struct cli_args *args, struct opened *o, struct error *err)
{
    const char *root;
    struct str name = str_of(args->words[1]);
    size_t dot = str_find(name, '.');
    if (dot == name.len) {
        return error_set(err, FAIL_CONFIG, "'%s' is not DB.TABLE", args->words[1]);
    }
    struct str table = str_slice(name, dot + 1, name.len);
    if (!fs_open(str_of(args->words[0]), &o->arena, &o->fs, &root, err) ||
        !paths_check_name(str_slice(name, 0, dot), "database", err) ||
        !paths_check_name(table, "table", err)) {
        return false;
    }
    o->path = paths_table(&o->arena, root, str_slice(name, 0, dot), table);
    return true;
}

static bool pick_snapshot(const struct cli_args *args, struct opened *o, struct error *err)
{
    int64_t id = 0;
    bool found = true;
    if (args->values[SCAN_SNAPSHOT] != NULL) {
        if (!str_to_i64(str_of(args->values[SCAN_SNAPSHOT]), &id) || id < 1) {
            return error_set(err, FAIL_CONFIG, "--snapshot '%s' is no snapshot id",
                             args->values[SCAN_SNAPSHOT]);
        }
    } else if (!snapshot_latest_id(o->fs, o->path, &id, err)) {
        return false;
    }
    if (id == 0) {
        return true;
    }
    return snapshot_read(o->fs, o->path, id, &o->arena, &o->snapshot, &found, err) &&
           (found || error_set(err, FAIL_CONFIG, "there is no snapshot %lld", (long long)id));
}

static bool need_schema(const struct cli_args *args, struct opened *o, struct error *err)
{
    return schema_file_latest(o->fs, o->path, &o->schema, err) &&
           (o->schema != NULL ||
            error_set(err, FAIL_CONFIG, "there is no table %s (%s has no schema)", args->words[1],
                      o->path));
}

static bool open_scan(const struct cli_args *args, struct opened *o, struct error *err)
{
    return open_path(args, o, err) && need_schema(args, o, err) && pick_snapshot(args, o, err) &&
           (o->snapshot.id == 0 ||
            table_scan_plan(o->fs, o->path, &o->snapshot, &o->arena, &o->entries, err));
}

/* Calls `each` for every row; false from it ends the scan as failed. */
static bool scan(const struct cli_args *args, bool sorted,
                 bool (*each)(void *self, const struct opened *o, const struct value *values),
                 void *self, struct error *err)
{
    struct opened o = {0};
    struct table_scan *s = NULL;
    const struct value *values;
    enum next next = NEXT_END;
    bool ok = open_scan(args, &o, err);
    if (ok) {
        struct table_scan_options options = {.fs = o.fs,
                                             .table_path = o.path,
                                             .schema = o.schema,
                                             .entries = o.entries.items,
                                             .entry_count = o.entries.count,
                                             .snapshot = &o.snapshot,
                                             .sorted = sorted};
        ok = table_scan_check(o.schema, err) && table_scan_open(&options, &s, err);
    }
    while (ok && (next = table_scan_next(s, &values, err)) == NEXT_ROW) {
        ok = each(self, &o, values) || error_os(err, "write the rows");
    }
    ok = ok && next != NEXT_FAIL;
    table_scan_close(s);
    opened_close(&o);
    return ok;
}

/* ---- read, count, checksum ---- */

static bool print_row(void *self, const struct opened *o, const struct value *values)
{
    struct buf *line = self;
    buf_reset(line);
    row_print_json(o->schema->fields, o->schema->field_count, values, line);
    buf_put_byte(line, '\n');
    return !line->failed && fwrite(line->ptr, 1, line->len, stdout) == line->len;
}

enum exit_code table_verbs_read(const struct cli_args *args)
{
    struct buf line = BUF_INIT(TEXT_MAX_BYTES);
    struct error err = {0};
    bool ok = scan(args, args->values[SCAN_UNSORTED] == NULL, print_row, &line, &err);
    ok = (fflush(stdout) == 0 || !ok || error_os(&err, "write the rows")) && ok;
    buf_release(&line);
    return ok ? CODE_DONE : complain(&err);
}

static bool count_row(void *self, const struct opened *o, const struct value *values)
{
    (void)o;
    (void)values;
    (*(uint64_t *)self)++;
    return true;
}

enum exit_code table_verbs_count(const struct cli_args *args)
{
    uint64_t rows = 0;
    struct error err = {0};
    if (!scan(args, false, count_row, &rows, &err)) {
        return complain(&err);
    }
    (void)printf("{\"rows\":%llu}\n", (unsigned long long)rows);
    return CODE_DONE;
}

struct digest {
    struct buf line;
    uint64_t rows;
    uint64_t sum;
};

static bool sum_row(void *self, const struct opened *o, const struct value *values)
{
    struct digest *d = self;
    buf_reset(&d->line);
    row_print_json(o->schema->fields, o->schema->field_count, values, &d->line);
    d->rows++;
    d->sum += hash_row(buf_str(&d->line));
    return !d->line.failed;
}

enum exit_code table_verbs_checksum(const struct cli_args *args)
{
    struct digest d = {.line = BUF_INIT(TEXT_MAX_BYTES)};
    struct error err = {0};
    bool ok = scan(args, false, sum_row, &d, &err);
    buf_release(&d.line);
    if (!ok) {
        return complain(&err);
    }
    (void)printf("{\"rows\":%llu,\"sum\":\"%016llx\"}\n", (unsigned long long)d.rows,
                 (unsigned long long)d.sum);
    return CODE_DONE;
}

/* ---- metadata ---- */

enum exit_code table_verbs_schema(const struct cli_args *args)
{
    struct opened o = {0};
    struct buf text = BUF_INIT(TEXT_MAX_BYTES);
    struct error err = {0};
    bool ok = open_path(args, &o, &err) && need_schema(args, &o, &err);
    if (ok) {
        schema_file_print(o.schema, &text);
        ok = buf_ok(&text, "schema", &err);
    }
    if (ok) {
        (void)printf("%.*s\n", STR_FMT(buf_str(&text)));
    }
    buf_release(&text);
    opened_close(&o);
    return ok ? CODE_DONE : complain(&err);
}

static const char *kind_name(enum snapshot_kind k)
{
    static const char *const names[] = {"APPEND", "COMPACT", "OVERWRITE", "ANALYZE"};
    return names[k];
}

static void print_snapshot(const struct snapshot *s)
{
    struct buf line = BUF_INIT(TEXT_MAX_BYTES);
    buf_printf(&line, "{\"id\":%lld,\"schemaId\":%lld,\"commitKind\":\"%s\",\"commitUser\":",
               (long long)s->id, (long long)s->schema_id, kind_name(s->kind));
    buf_put_json(&line, s->commit_user);
    buf_printf(&line,
               ",\"commitIdentifier\":%lld,\"timeMillis\":%lld,\"totalRecordCount\":%lld,"
               "\"deltaRecordCount\":%lld",
               (long long)s->commit_identifier, (long long)s->time_ms, (long long)s->total_rows,
               (long long)s->delta_rows);
    if (s->changelog_rows >= 0) {
        buf_printf(&line, ",\"changelogRecordCount\":%lld", (long long)s->changelog_rows);
    }
    buf_put_cstr(&line, ",\"properties\":{");
    for (size_t i = 0; i < s->property_count; i++) {
        buf_put_cstr(&line, i == 0 ? "" : ",");
        buf_put_json(&line, s->properties[i].key);
        buf_put_byte(&line, ':');
        buf_put_json(&line, s->properties[i].value);
    }
    buf_put_cstr(&line, "}}\n");
    (void)fwrite(line.ptr, 1, line.len, stdout);
    buf_release(&line);
}

enum exit_code table_verbs_snapshots(const struct cli_args *args)
{
    struct opened o = {0};
    struct error err = {0};
    int64_t first = 0;
    int64_t last = 0;
    bool ok = open_path(args, &o, &err) && need_schema(args, &o, &err) &&
              snapshot_earliest_id(o.fs, o.path, &first, &err) &&
              snapshot_latest_id(o.fs, o.path, &last, &err);
    for (int64_t id = first; ok && id > 0 && id <= last; id++) {
        struct arena a = {0};
        struct snapshot s;
        bool found = false;
        ok = snapshot_read(o.fs, o.path, id, &a, &s, &found, &err);
        if (ok && found) {
            print_snapshot(&s);
        }
        arena_release(&a);
    }
    opened_close(&o);
    return ok ? CODE_DONE : complain(&err);
}

enum exit_code table_verbs_files(const struct cli_args *args)
{
    struct opened o = {0};
    struct error err = {0};
    bool ok = open_scan(args, &o, &err);
    for (size_t i = 0; ok && i < o.entries.count; i++) {
        const struct manifest_entry *e = &o.entries.items[i];
        struct buf name = BUF_INIT(TEXT_MAX_BYTES);
        buf_put_json(&name, e->file->name);
        (void)printf("{\"bucket\":%d,\"level\":%d,\"file\":%s,\"bytes\":%lld,\"rows\":%lld,"
                     "\"deletes\":%lld,\"minSequence\":%lld,\"maxSequence\":%lld,"
                     "\"schemaId\":%lld}\n",
                     e->bucket, e->file->level, buf_cstr(&name), (long long)e->file->size_bytes,
                     (long long)e->file->row_count, (long long)e->file->delete_rows,
                     (long long)e->file->min_sequence, (long long)e->file->max_sequence,
                     (long long)e->file->schema_id);
        buf_release(&name);
    }
    opened_close(&o);
    return ok ? CODE_DONE : complain(&err);
}

/* ---- expire ---- */

enum { EXPIRE_MIN, EXPIRE_MAX, EXPIRE_TIME };
const struct cli_flag table_verbs_expire_flags[] = {
    [EXPIRE_MIN] = {"--retain-min", "N", "Instead of `snapshot.num-retained.min`."},
    [EXPIRE_MAX] = {"--retain-max", "N", "Instead of `snapshot.num-retained.max`."},
    [EXPIRE_TIME] = {"--time-retained", "DURATION", "Instead of `snapshot.time-retained`."},
    {NULL, NULL, NULL}};

/* The table's options with those of the command line over them. */
static bool expire_options(const struct cli_args *args, struct opened *o,
                           struct expire_options *out, struct error *err)
{
    static const char *const names[] = {"snapshot.num-retained.min", "snapshot.num-retained.max",
                                        "snapshot.time-retained"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (args->values[i] != NULL) {
            schema_set_option(o->schema, str_of(names[i]), str_of(args->values[i]));
        }
    }
    return expire_options_parse(o->schema, out, err);
}

enum exit_code table_verbs_expire(const struct cli_args *args)
{
    struct opened o = {0};
    struct error err = {0};
    struct expire_options options;
    struct expire_result result = {.more = true};
    int64_t snapshots = 0;
    int64_t changelogs = 0;
    uint64_t files = 0;
    struct partition_layout partition;
    bool ok = open_path(args, &o, &err) && need_schema(args, &o, &err) &&
              expire_options(args, &o, &options, &err) &&
              partition_layout(o.schema, &o.arena, &partition, &err);
    while (ok && result.more) {
        ok = expire_run(o.fs, o.path, &options, &partition, instant_wall_ms(), NULL, &result, &err);
        snapshots += result.snapshots;
        changelogs += result.changelogs;
        files += result.files;
    }
    if (ok) {
        (void)printf("{\"snapshots\":%lld,\"changelogs\":%lld,\"files\":%llu,\"earliest\":%lld}\n",
                     (long long)snapshots, (long long)changelogs, (unsigned long long)files,
                     (long long)result.earliest);
    }
    if (ok && result.holder[0] != '\0') {
        (void)fprintf(stderr, "inlet: the consumer '%s' keeps older snapshots\n", result.holder);
    }
    opened_close(&o);
    return ok ? CODE_DONE : complain(&err);
}
