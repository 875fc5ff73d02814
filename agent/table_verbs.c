#include "agent/table_verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/table_view.h"
#include "base/hash.h"
#include "sink/run_reader.h"
#include "sink/table_scan.h"

enum { SCAN_SNAPSHOT, SCAN_UNSORTED };
const struct cli_flag table_verbs_scan_flags[] = {
    [SCAN_SNAPSHOT] = {"--snapshot", "N", "The table as of snapshot N (default: the newest)."},
    [SCAN_UNSORTED] = {"--unsorted", NULL, "Bucket after bucket instead of in key order."},
    {NULL, NULL, NULL}};

/* Calls `each` for every row; false from it ends the scan as failed. */
static bool scan(const struct cli_args *args, struct table_view *v, bool sorted,
                 bool (*each)(void *self, const struct schema *s, const struct value *values),
                 void *self, struct error *err)
{
    struct table_scan *s = NULL;
    const struct value *values;
    enum next next = NEXT_END;
    bool ok = table_view_files(args, args->values[SCAN_SNAPSHOT], v, err);
    if (ok) {
        struct table_scan_options options = {.fs = v->fs,
                                             .table_path = v->path,
                                             .schema = v->schema,
                                             .entries = v->entries.items,
                                             .entry_count = v->entries.count,
                                             .snapshot = &v->snapshot,
                                             .sorted = sorted};
        ok = table_scan_check(v->schema, err) && table_scan_open(&options, &s, err);
    }
    while (ok && (next = table_scan_next(s, &values, err)) == NEXT_ROW) {
        ok = each(self, v->schema, values) || error_os(err, "write the rows");
    }
    table_scan_close(s);
    return ok && next != NEXT_FAIL;
}

/* ---- read, count, checksum ---- */

static bool print_row(void *self, const struct schema *s, const struct value *values)
{
    struct buf *line = self;
    buf_reset(line);
    row_print_json(s->fields, s->field_count, values, line);
    buf_put_byte(line, '\n');
    return !line->failed && fwrite(line->ptr, 1, line->len, stdout) == line->len;
}

enum exit_code table_verbs_read(const struct cli_args *args)
{
    struct table_view v = {0};
    struct buf line = BUF_INIT(TABLE_VIEW_TEXT_MAX);
    struct error err = {0};
    bool ok = scan(args, &v, args->values[SCAN_UNSORTED] == NULL, print_row, &line, &err);
    buf_release(&line);
    return table_view_end(&v, ok, &err);
}

static bool count_row(void *self, const struct schema *s, const struct value *values)
{
    (void)s;
    (void)values;
    (*(uint64_t *)self)++;
    return true;
}

enum exit_code table_verbs_count(const struct cli_args *args)
{
    struct table_view v = {0};
    uint64_t rows = 0;
    struct error err = {0};
    bool ok = scan(args, &v, false, count_row, &rows, &err);
    if (ok) {
        (void)printf("{\"rows\":%" PRIu64 "}\n", rows);
    }
    return table_view_end(&v, ok, &err);
}

struct digest {
    struct buf line;
    uint64_t rows;
    uint64_t sum;
};

static bool sum_row(void *self, const struct schema *s, const struct value *values)
{
    struct digest *d = self;
    buf_reset(&d->line);
    row_print_json(s->fields, s->field_count, values, &d->line);
    d->rows++;
    d->sum += hash_row(buf_str(&d->line));
    return !d->line.failed;
}

enum exit_code table_verbs_checksum(const struct cli_args *args)
{
    struct table_view v = {0};
    struct digest d = {.line = BUF_INIT(TABLE_VIEW_TEXT_MAX)};
    struct error err = {0};
    bool ok = scan(args, &v, false, sum_row, &d, &err);
    buf_release(&d.line);
    if (ok) {
        (void)printf("{\"rows\":%" PRIu64 ",\"sum\":\"%016" PRIx64 "\"}\n", d.rows, d.sum);
    }
    return table_view_end(&v, ok, &err);
}

/* ---- changelog ---- */

enum { CHANGELOG_FROM, CHANGELOG_TO };
const struct cli_flag table_verbs_changelog_flags[] = {
    [CHANGELOG_FROM] = {"--from", "N", "From snapshot N on (default: the oldest there is)."},
    [CHANGELOG_TO] = {"--to", "N", "Up to snapshot N (default: the newest)."},
    {NULL, NULL, NULL}};

struct changelog {
    struct table_view *view;
    bool deltas; /* no changelog is kept: the rows that writers added stand for it */
    struct data_file_layout layout;
    struct run_schemas schemas;
    struct buf line;
};

static bool print_change(struct changelog *c, int64_t snapshot, const struct run_row *row)
{
    static const char *const kinds[] = {"+I", "-U", "+U", "-D"};
    const struct schema *s = c->view->schema;
    buf_reset(&c->line);
    buf_printf(&c->line, "{\"s\":%" PRId64 ",\"k\":\"%s\",\"r\":", snapshot, kinds[row->kind]);
    row_print_json(s->fields, s->field_count, row->values, &c->line);
    buf_put_cstr(&c->line, "}\n");
    return !c->line.failed && fwrite(c->line.ptr, 1, c->line.len, stdout) == c->line.len;
}

static bool print_file(struct changelog *c, int64_t snapshot, const struct manifest_entry *e,
                       struct error *err)
{
    struct arena a = {0};
    const struct table_view *v = c->view;
    struct run_origin origin = {
        .fs = v->fs, .schema = v->schema, .layout = &c->layout, .schemas = &c->schemas};
    struct run_reader *reader = NULL;
    struct run_row row;
    enum next next = NEXT_END;
    bool ok = partition_bucket(&v->partition, v->path, e->partition, e->bucket, &a, &origin.folder,
                               err) &&
              run_reader_open(&origin, e->file, &reader, err);
    while (ok && (next = run_reader_next(reader, &row, err)) == NEXT_ROW) {
        ok = print_change(c, snapshot, &row) || error_os(err, "write the changes");
    }
    run_reader_close(reader);
    arena_release(&a);
    return ok && next != NEXT_FAIL;
}

/* As streaming readers have it (ChangelogFollowUpScanner, DeltaFollowUpScanner): a changelog's own
 * files, whoever made them, or the files of APPENDs. Overwrites are passed over. */
static bool print_snapshot(struct changelog *c, const struct snapshot *s, struct error *err)
{
    struct arena a = {0};
    struct manifest_metas metas = {0};
    struct manifest_entries entries = {0};
    const struct table_view *v = c->view;
    struct str list = c->deltas ? s->delta_list : s->changelog_list;
    bool ok = true;
    if (list.len > 0 && (!c->deltas || s->kind == SNAPSHOT_APPEND)) {
        ok = manifest_list_read(v->fs, v->path, list, &a, &metas, err);
    }
    for (size_t i = 0; ok && i < metas.count; i++) {
        ok = manifest_read(v->fs, v->path, &metas.items[i], &a, &entries, err);
    }
    for (size_t i = 0; ok && i < entries.count; i++) {
        bool seen = entries.items[i].kind == MANIFEST_ADD && entries.items[i].bucket >= 0;
        ok = !seen || print_file(c, s->id, &entries.items[i], err);
    }
    arena_release(&a);
    return ok || error_in(err, "snapshot %" PRId64, s->id);
}

/* A snapshot, or what is kept of it as a changelog. */
static bool read_either(const struct table_view *v, int64_t id, struct arena *a,
                        struct snapshot *out, bool *out_found, struct error *err)
{
    return snapshot_read(v->fs, v->path, id, a, out, out_found, err) &&
           (*out_found || snapshot_read_changelog(v->fs, v->path, id, a, out, out_found, err));
}

static bool range(const struct cli_args *args, const struct table_view *v, int64_t *from,
                  int64_t *to, struct error *err)
{
    const char *first = args->values[CHANGELOG_FROM];
    const char *last = args->values[CHANGELOG_TO];
    int64_t kept = 0;
    int64_t kept_last = 0;
    int64_t latest = 0;
    if (!snapshot_latest_id(v->fs, v->path, &latest, err) ||
        !snapshot_earliest_id(v->fs, v->path, from, err) ||
        !snapshot_changelog_ids(v->fs, v->path, &kept, &kept_last, err)) {
        return false;
    }
    *from = kept > 0 && kept < *from ? kept : *from;
    *to = latest;
    if ((first != NULL && !table_view_number("--from", first, 1, from, err)) ||
        (last != NULL && !table_view_number("--to", last, 1, to, err))) {
        return false;
    }
    *to = *to > latest ? latest : *to;
    return true;
}

static bool print_all(const struct cli_args *args, struct changelog *c, struct error *err)
{
    int64_t from = 0;
    int64_t to = 0;
    bool ok = range(args, c->view, &from, &to, err);
    for (int64_t id = from; ok && id > 0 && id <= to; id++) {
        struct arena a = {0};
        struct snapshot s;
        bool found = false;
        ok = read_either(c->view, id, &a, &s, &found, err) &&
             (found ||
              error_set(err, FAIL_CONFIG, "snapshot %" PRId64 " is not there any more", id)) &&
             print_snapshot(c, &s, err);
        arena_release(&a);
    }
    return ok;
}

enum exit_code table_verbs_changelog(const struct cli_args *args)
{
    struct table_view v = {0};
    struct changelog c = {.view = &v, .line = BUF_INIT(TABLE_VIEW_TEXT_MAX)};
    struct error err = {0};
    bool ok = table_view_schema(args, &v, &err) && table_scan_check(v.schema, &err) &&
              partition_layout(v.schema, &v.arena, &v.partition, &err);
    if (ok) {
        struct str producer = str_trim(schema_option(v.schema, STR("changelog-producer")));
        c.deltas = producer.len == 0 || str_eq_nocase(producer, STR("none"));
        data_file_layout(v.schema, &v.arena, &c.layout);
        run_reader_schemas_init(&c.schemas, v.fs, v.path, v.schema);
        ok = print_all(args, &c, &err);
        run_reader_schemas_release(&c.schemas);
    }
    buf_release(&c.line);
    return table_view_end(&v, ok, &err);
}
