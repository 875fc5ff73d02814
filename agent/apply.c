#include "agent/apply.h"

#include <inttypes.h>

#include "agent/apply_schema.h"
#include "agent/made_row.h"
#include "agent/row_parse.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/mem.h"
#include "sink/cast.h"
#include "sink/expire.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/snapshot.h"
#include "sink/table_edit.h"
#include "sink/tag.h"

#define LINE_MAX_BYTES ((size_t)256 << 20)
#define ROWS_MAX_BYTES (UINT64_C(128) << 20)
#define BUFFER_BYTES ((size_t)64 << 10)

struct apply {
    const struct apply_options *options;
    struct arena arena; /* path, user */
    const char *path;
    struct str user;
    struct table_edit *edit; /* NULL: opened when it is needed */
    struct arena opened;     /* lives as long as edit */
    struct value *defaults;  /* by column, what null rows get; VALUE_NULL: nothing */
    bool has_defaults;
    struct value *values; /* one row */
    struct arena row;
    int64_t next; /* commit identifier */
    uint64_t rows;
};

/* ---- the open table ---- */

static void close_table(struct apply *p)
{
    table_edit_close(p->edit);
    p->edit = NULL;
    arena_release(&p->opened);
}

/* Paimon's writers put a column's default where a row has null. */
static bool read_defaults(struct apply *p, const struct schema *s, struct error *err)
{
    static const struct type text = {.kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH};
    p->defaults = ARENA_ARRAY(&p->opened, struct value, s->field_count);
    p->values = ARENA_ARRAY(&p->opened, struct value, s->field_count);
    p->has_defaults = false;
    for (size_t i = 0; i < s->field_count; i++) {
        const struct schema_field *f = &s->fields[i];
        const struct cast *cast = NULL;
        struct value v = {.bytes = f->default_value.ptr,
                          .len = (uint32_t)f->default_value.len,
                          .state = VALUE_SET};
        if (f->default_value.ptr == NULL) {
            continue;
        }
        p->has_defaults = true;
        p->defaults[i] = v;
        if (!cast_plan(&text, &f->type, &p->opened, &cast, err) ||
            (cast != NULL && !cast_value(cast, &v, &p->opened, &p->defaults[i], err))) {
            return error_in(err, "default of column '%.*s'", STR_FMT(f->name));
        }
    }
    return true;
}

static bool open_table(struct apply *p, struct error *err)
{
    const struct apply_options *o = p->options;
    struct table_edit_place place = {.fs = o->fs,
                                     .root = o->root,
                                     .database = o->database,
                                     .name = o->name,
                                     .user = p->user,
                                     .memory_bytes = ROWS_MAX_BYTES,
                                     .stop = o->stop};
    int64_t next = 0;
    if (p->edit != NULL) {
        return true;
    }
    if (!table_edit_open(&place, &p->edit, err)) {
        p->edit = NULL;
        return false;
    }
    if (!table_edit_next_identifier(p->edit, &next, err) ||
        !read_defaults(p, table_edit_table(p->edit)->schema, err)) {
        close_table(p);
        return false;
    }
    p->next = next > p->next ? next : p->next;
    return true;
}

static bool is_dirty(const struct apply *p)
{
    return p->edit != NULL && table_edit_is_dirty(p->edit);
}

/* ---- rows ---- */

static bool put(struct apply *p, enum row_kind kind, struct error *err)
{
    const struct schema *s = table_edit_table(p->edit)->schema;
    for (size_t i = 0; p->has_defaults && i < s->field_count; i++) {
        if (p->values[i].state == VALUE_NULL) {
            p->values[i] = p->defaults[i];
        }
    }
    if (!table_edit_row(p->edit, kind, p->values, err)) {
        return false;
    }
    p->rows++;
    return true;
}

static bool put_json(struct apply *p, enum row_kind kind, const struct json *row, struct error *err)
{
    const struct schema *s = table_edit_table(p->edit)->schema;
    arena_reset(&p->row);
    return row_parse(s->fields, s->field_count, row, &p->row, p->values, err) && put(p, kind, err);
}

static bool kind_of(const struct json *n, const char *name, enum row_kind *out, struct error *err)
{
    struct str text;
    *out = ROW_INSERT;
    if (json_get(n, name) == NULL) {
        return true;
    }
    return (json_str(json_get(n, name), &text) ||
            error_set(err, FAIL_CONFIG, "\"%s\" is no text", name)) &&
           row_parse_kind(text, out, err);
}

static bool op_row(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"r", "k", NULL};
    enum row_kind kind;
    return apply_schema_only(n, members, err) && kind_of(n, "k", &kind, err) &&
           open_table(p, err) && put_json(p, kind, json_get(n, "r"), err);
}

/* A whole number that may be missing. */
static bool number(const struct json *n, const char *name, int64_t missing, int64_t *out,
                   struct error *err)
{
    const struct json *value = json_get(n, name);
    *out = missing;
    return value == NULL || json_i64(value, out) ||
           error_set(err, FAIL_CONFIG, "\"%s\" is no whole number", name);
}

static bool op_gen(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"rows", "from", "salt", "kind", NULL};
    const struct json *gen = json_get(n, "gen");
    enum row_kind kind;
    int64_t count = 0;
    int64_t from = 0;
    int64_t salt = 0;
    if (!apply_schema_only(gen, members, err) || !number(gen, "rows", 0, &count, err) ||
        !number(gen, "from", 0, &from, err) || !number(gen, "salt", 0, &salt, err) ||
        !kind_of(gen, "kind", &kind, err) || !open_table(p, err)) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        if (p->options->stop != NULL && stop_requested(p->options->stop)) {
            return error_set(err, FAIL_STOPPED, "stopped");
        }
        arena_reset(&p->row);
        made_row(table_edit_table(p->edit)->schema, from + i, salt, &p->row, p->values);
        if (!put(p, kind, err)) {
            return error_in(err, "made-up row %" PRId64, from + i);
        }
    }
    return true;
}

/* ---- commits ---- */

/* After a commit the buckets are compacted as a job would, but for `write-only`. When somebody else
 * was faster at that, it is done. */
static bool compact_beside(struct apply *p, int64_t identifier, struct error *err)
{
    struct table_edit_compact how = {.beside = true};
    struct table_edit_compacted done;
    if (table_edit_compact(p->edit, identifier, &how, &done, err)) {
        return true;
    }
    close_table(p);
    return err->code == FAIL_CONFLICT;
}

static bool commit(struct apply *p, int64_t identifier, const int64_t *watermark, struct error *err)
{
    if (!open_table(p, err)) {
        return false;
    }
    identifier = identifier >= 0 ? identifier : p->next;
    p->next = identifier + 1;
    if (!table_edit_commit(p->edit, identifier, watermark, err)) {
        return false;
    }
    return compact_beside(p, identifier, err);
}

static bool commit_dirty(struct apply *p, struct error *err)
{
    return !is_dirty(p) || commit(p, -1, NULL, err);
}

static bool op_commit(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"commit", "id", "watermark", NULL};
    int64_t identifier = -1;
    int64_t watermark = 0;
    if (!apply_schema_only(n, members, err) || !number(n, "id", -1, &identifier, err) ||
        !number(n, "watermark", 0, &watermark, err)) {
        return false;
    }
    if (identifier < -1 || identifier == INT64_MAX) {
        return error_set(err, FAIL_CONFIG, "\"id\" is absurd");
    }
    return commit(p, identifier, json_get(n, "watermark") == NULL ? NULL : &watermark, err);
}

static bool op_compact(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"compact", NULL};
    struct str how;
    struct table_edit_compacted done;
    if (!apply_schema_only(n, members, err)) {
        return false;
    }
    if (!json_str(json_get(n, "compact"), &how) ||
        (!str_eq(how, STR("full")) && !str_eq(how, STR("minor")))) {
        return error_set(err, FAIL_CONFIG, "\"compact\" is \"full\" or \"minor\"");
    }
    if (!commit_dirty(p, err)) {
        return false;
    }
    close_table(p);
    struct table_edit_compact want = {.full = str_eq(how, STR("full"))};
    bool ok = open_table(p, err) && table_edit_compact(p->edit, p->next, &want, &done, err);
    p->next++;
    close_table(p);
    return ok;
}

static bool op_overwrite(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"overwrite", NULL};
    const struct json *rows = json_get(n, "overwrite");
    struct json_iter it = json_iter(rows);
    struct str key;
    const struct json *row;
    if (!apply_schema_only(n, members, err)) {
        return false;
    }
    if (!json_is_array(rows)) {
        return error_set(err, FAIL_CONFIG, "\"overwrite\" is no list of rows");
    }
    if (!commit_dirty(p, err)) {
        return false;
    }
    close_table(p);
    bool ok = open_table(p, err);
    for (size_t i = 0; ok && json_next(&it, &key, &row); i++) {
        ok = put_json(p, ROW_INSERT, row, err) || error_in(err, "row %zu", i);
    }
    ok = ok && table_edit_overwrite(p->edit, p->next, err);
    p->next++;
    close_table(p);
    return ok;
}

/* ---- the table as a whole ---- */

static bool op_create(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"create", NULL};
    close_table(p);
    return apply_schema_only(n, members, err) &&
           apply_schema_create(p->options->fs, p->path, json_get(n, "create"), err);
}

static bool op_alter(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"alter", NULL};
    if (!apply_schema_only(n, members, err) || !commit_dirty(p, err)) {
        return false;
    }
    close_table(p);
    return apply_schema_alter(p->options->fs, p->path, json_get(n, "alter"), err);
}

static bool op_reopen(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"reopen", NULL};
    close_table(p);
    return apply_schema_only(n, members, err);
}

static bool op_user(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"user", NULL};
    struct str user;
    if (!apply_schema_only(n, members, err) || !json_str(json_get(n, "user"), &user) ||
        user.len == 0) {
        return error_set(err, FAIL_CONFIG, "\"user\" is no name");
    }
    close_table(p);
    p->user = arena_str(&p->arena, user);
    p->next = 0;
    return true;
}

/* The newest schema, for what needs no open table. */
static bool read_schema(const struct apply *p, struct schema **out, struct error *err)
{
    return schema_file_latest(p->options->fs, p->path, out, err) &&
           (*out != NULL || error_set(err, FAIL_CONFIG, "there is no such table"));
}

static bool op_tag(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"tag", "snapshot", NULL};
    struct schema *s = NULL;
    struct str name = {"", 0};
    int64_t snapshot = 0;
    (void)json_str(json_get(n, "tag"), &name);
    bool ok = apply_schema_only(n, members, err) && number(n, "snapshot", 0, &snapshot, err) &&
              read_schema(p, &s, err) &&
              tag_create(p->options->fs, p->path, s, name, snapshot, err);
    schema_free(s);
    return ok;
}

/* What looks at the files of partitions. */
static bool with_layout(struct apply *p,
                        bool (*act)(struct apply *p, const struct json *n, const struct schema *s,
                                    const struct partition_layout *layout, struct error *err),
                        const struct json *n, struct error *err)
{
    struct arena a = {0};
    struct schema *s = NULL;
    struct partition_layout layout;
    bool ok = read_schema(p, &s, err) && partition_layout(s, &a, &layout, err) &&
              act(p, n, s, &layout, err);
    schema_free(s);
    arena_release(&a);
    return ok;
}

static bool delete_tag(struct apply *p, const struct json *n, const struct schema *s,
                       const struct partition_layout *layout, struct error *err)
{
    struct str name = {"", 0};
    (void)s;
    (void)json_str(json_get(n, "deleteTag"), &name);
    return tag_delete(p->options->fs, p->path, layout, name, err);
}

static bool op_delete_tag(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"deleteTag", NULL};
    return apply_schema_only(n, members, err) && with_layout(p, delete_tag, n, err);
}

static bool op_branch(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"branch", "fromTag", NULL};
    struct str name = {"", 0};
    struct str tag = {"", 0};
    (void)json_str(json_get(n, "branch"), &name);
    (void)json_str(json_get(n, "fromTag"), &tag);
    return apply_schema_only(n, members, err) &&
           tag_branch(p->options->fs, p->path, name, tag, err);
}

static bool rollback(struct apply *p, const struct json *n, const struct schema *s,
                     const struct partition_layout *layout, struct error *err)
{
    int64_t id = 0;
    (void)s;
    return number(n, "rollback", 0, &id, err) &&
           tag_rollback(p->options->fs, p->path, layout, id, err);
}

static bool op_rollback(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"rollback", NULL};
    close_table(p);
    return apply_schema_only(n, members, err) && with_layout(p, rollback, n, err);
}

static bool expire(struct apply *p, const struct json *n, const struct schema *s,
                   const struct partition_layout *layout, struct error *err)
{
    static const char *const members[] = {"keep", NULL};
    const struct json *how = json_get(n, "expire");
    struct expire_options options;
    struct expire_result result = {.more = true};
    bool by_options = false;
    if (!expire_options_parse(s, &options, err)) {
        return false;
    }
    if (!json_bool(how, &by_options) || !by_options) {
        int64_t keep;
        if (!apply_schema_only(how, members, err) || !number(how, "keep", 1, &keep, err)) {
            return false;
        }
        if (keep < 1) {
            return error_set(err, FAIL_CONFIG, "\"keep\" is less than 1");
        }
        options.snapshot = (struct expire_retention){.min = keep, .max = keep};
    }
    bool ok = true;
    while (ok && result.more) {
        ok = expire_run(p->options->fs, p->path, &options, layout, instant_wall_ms(),
                        p->options->stop, &result, err);
    }
    return ok;
}

static bool op_expire(struct apply *p, const struct json *n, struct error *err)
{
    static const char *const members[] = {"expire", NULL};
    return apply_schema_only(n, members, err) && with_layout(p, expire, n, err);
}

/* ---- lines ---- */

/* By the member that names the operation. */
static const struct {
    const char *name;
    bool (*run)(struct apply *p, const struct json *n, struct error *err);
} operations[] = {
    {"r", op_row},           {"commit", op_commit},
    {"compact", op_compact}, {"create", op_create},
    {"alter", op_alter},     {"gen", op_gen},
    {"reopen", op_reopen},   {"overwrite", op_overwrite},
    {"tag", op_tag},         {"deleteTag", op_delete_tag},
    {"branch", op_branch},   {"rollback", op_rollback},
    {"expire", op_expire},   {"user", op_user},
};

static bool run_line(struct apply *p, struct str line, struct error *err)
{
    struct json_doc *doc = NULL;
    if (!json_parse(line, &doc, err)) {
        err->code = FAIL_CONFIG;
        return false;
    }
    const struct json *n = json_root(doc);
    size_t i = 0;
    size_t count = sizeof operations / sizeof *operations;
    while (i < count && json_get(n, operations[i].name) == NULL) {
        i++;
    }
    bool ok = i < count ? operations[i].run(p, n, err)
                        : error_set(err, FAIL_CONFIG,
                                    "this is no operation: r, commit, compact, "
                                    "create, alter, gen, reopen, overwrite, tag, "
                                    "deleteTag, branch, rollback, expire or user");
    json_free(doc);
    return ok;
}

static bool run_numbered(struct apply *p, struct str line, uint64_t at, struct error *err)
{
    if (p->options->stop != NULL && stop_requested(p->options->stop)) {
        return error_set(err, FAIL_STOPPED, "%s:%llu: stopped", p->options->from,
                         (unsigned long long)at);
    }
    if (str_trim(line).len == 0 || line.ptr[0] == '#') {
        return true;
    }
    return run_line(p, line, err) ||
           error_in(err, "%s:%llu", p->options->from, (unsigned long long)at);
}

/* Every line of the input. */
static bool run_lines(struct apply *p, struct error *err)
{
    struct buf line = BUF_INIT(LINE_MAX_BYTES);
    char *chunk = mem_alloc(BUFFER_BYTES);
    uint64_t at = 0;
    size_t got;
    bool ok = true;
    while (ok && (got = fread(chunk, 1, BUFFER_BYTES, p->options->in)) > 0) {
        struct str rest = {chunk, got};
        while (ok && rest.len > 0) {
            size_t end = str_find(rest, '\n');
            buf_put_str(&line, str_slice(rest, 0, end));
            if (end == rest.len) {
                break;
            }
            at++;
            ok = buf_ok(&line, "a line", err) && run_numbered(p, buf_str(&line), at, err);
            buf_reset(&line);
            rest = str_slice(rest, end + 1, rest.len);
        }
    }
    if (ok && ferror(p->options->in) != 0) {
        ok = error_os(err, "read %s", p->options->from);
    }
    ok = ok && buf_ok(&line, "a line", err) && run_numbered(p, buf_str(&line), at + 1, err);
    if (ok && !commit_dirty(p, err)) {
        ok = error_in(err, "%s: at the end", p->options->from);
    }
    mem_free(chunk);
    buf_release(&line);
    return ok;
}

bool apply_run(const struct apply_options *options, struct apply_result *out, struct error *err)
{
    struct apply p = {.options = options, .user = options->user};
    struct apply_result result = {0};
    p.path = paths_table(&p.arena, options->root, options->database, options->name);
    bool ok = run_lines(&p, err);
    close_table(&p);
    ok = ok && snapshot_latest_id(options->fs, p.path, &result.snapshot, err);
    result.rows = p.rows;
    arena_release(&p.row);
    arena_release(&p.arena);
    if (ok) {
        *out = result;
    }
    return ok;
}
