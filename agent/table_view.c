#include "agent/table_view.h"

#include <inttypes.h>
#include <stdio.h>

#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/table_scan.h"

enum exit_code table_view_complain(const struct error *err)
{
    (void)fprintf(stderr, "inlet: %s\n", err->text);
    return err->code == FAIL_CONFIG ? CODE_USAGE : retry_exit(err->code);
}

bool table_view_number(const char *flag, const char *text, int64_t least, int64_t *out,
                       struct error *err)
{
    return (str_to_i64(str_of(text), out) && *out >= least) ||
           error_set(err, FAIL_CONFIG, "%s '%s' is no whole number from %" PRId64, flag, text,
                     least);
}

bool table_view_path(const struct cli_args *args, struct table_view *v, struct error *err)
{
    struct str name = str_of(args->words[1]);
    size_t dot = str_find(name, '.');
    if (dot == name.len) {
        return error_set(err, FAIL_CONFIG, "'%s' is not DB.TABLE", args->words[1]);
    }
    v->database = str_slice(name, 0, dot);
    v->name = str_slice(name, dot + 1, name.len);
    if (!fs_open(str_of(args->words[0]), &v->arena, &v->fs, &v->root, err) ||
        !paths_check_name(v->database, "database", err) ||
        !paths_check_name(v->name, "table", err)) {
        return false;
    }
    v->path = paths_table(&v->arena, v->root, v->database, v->name);
    return true;
}

bool table_view_schema(const struct cli_args *args, struct table_view *v, struct error *err)
{
    return table_view_path(args, v, err) && schema_file_latest(v->fs, v->path, &v->schema, err) &&
           (v->schema != NULL ||
            error_set(err, FAIL_CONFIG, "there is no table %s (%s has no schema)", args->words[1],
                      v->path));
}

bool table_view_snapshot(const struct cli_args *args, const char *id, struct table_view *v,
                         struct error *err)
{
    int64_t wanted = 0;
    bool found = true;
    if (!table_view_schema(args, v, err) ||
        !(id != NULL ? table_view_number("--snapshot", id, 1, &wanted, err)
                     : snapshot_latest_id(v->fs, v->path, &wanted, err))) {
        return false;
    }
    if (wanted == 0) {
        return true;
    }
    return snapshot_read(v->fs, v->path, wanted, &v->arena, &v->snapshot, &found, err) &&
           (found || error_set(err, FAIL_CONFIG, "there is no snapshot %" PRId64, wanted));
}

bool table_view_files(const struct cli_args *args, const char *id, struct table_view *v,
                      struct error *err)
{
    return table_view_snapshot(args, id, v, err) &&
           partition_layout(v->schema, &v->arena, &v->partition, err) &&
           (v->snapshot.id == 0 ||
            table_scan_plan(v->fs, v->path, &v->snapshot, &v->arena, &v->entries, err));
}

void table_view_close(struct table_view *v)
{
    schema_free(v->schema);
    if (v->fs.ops != NULL) {
        fs_close(&v->fs);
    }
    arena_release(&v->arena);
    *v = (struct table_view){0};
}

enum exit_code table_view_end(struct table_view *v, bool ok, struct error *err)
{
    if (fflush(stdout) != 0 && ok) {
        ok = error_os(err, "write standard output");
    }
    table_view_close(v);
    return ok ? CODE_DONE : table_view_complain(err);
}
