#include "agent/apply_schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/instant.h"
#include "sink/paths.h"
#include "sink/schema_change.h"
#include "sink/schema_file.h"
#include "sink/snapshot.h"
#include "sink/table.h"

#define ALTER_TRIES 20
#define MAX_FOLDER_DEPTH 16

bool apply_schema_only(const struct json *object, const char *const *names, struct error *err)
{
    struct json_iter it = json_iter(object);
    struct str key;
    const struct json *value;
    if (!json_is_object(object)) {
        return error_set(err, FAIL_CONFIG, "a JSON object was expected");
    }
    while (json_next(&it, &key, &value)) {
        size_t i = 0;
        while (names[i] != NULL && !str_eq(key, str_of(names[i]))) {
            i++;
        }
        if (names[i] == NULL) {
            return error_set(err, FAIL_CONFIG, "member \"%.*s\" means nothing here",
                             STR_FMT(str_slice(key, 0, 60)));
        }
    }
    return true;
}

bool apply_schema_text(const struct json *object, const char *name, struct arena *arena,
                       struct str *out, struct error *err)
{
    const struct json *n = json_get(object, name);
    int64_t number;
    bool flag;
    char text[32];
    *out = (struct str){NULL, 0};
    if (json_is_null(n)) {
        return true;
    }
    if (json_str(n, out)) {
        *out = arena_str(arena, *out);
        return true;
    }
    if (json_i64(n, &number)) {
        (void)snprintf(text, sizeof text, "%" PRId64, number);
    } else if (json_bool(n, &flag)) {
        (void)snprintf(text, sizeof text, "%s", flag ? "true" : "false");
    } else {
        return error_set(err, FAIL_CONFIG, "member \"%s\" is not a text", name);
    }
    *out = arena_str(arena, str_of(text));
    return true;
}

/* ---- create ---- */

static bool add_column(struct schema *s, const struct json *n, struct error *err)
{
    static const char *const members[] = {"name", "type", "comment", "default", NULL};
    struct schema_field *f = &s->fields[s->field_count];
    struct arena *a = &s->arena;
    if (!apply_schema_only(n, members, err) || !apply_schema_text(n, "name", a, &f->name, err) ||
        !apply_schema_text(n, "comment", a, &f->comment, err) ||
        !apply_schema_text(n, "default", a, &f->default_value, err)) {
        return false;
    }
    if (f->name.len == 0 || schema_find(s, f->name) != SIZE_MAX) {
        return error_set(err, FAIL_CONFIG, "column %zu has no name of its own", s->field_count + 1);
    }
    struct type type;
    if (!schema_file_parse_type(json_get(n, "type"), a, &type, err)) {
        return error_in(err, "column '%.*s'", STR_FMT(str_slice(f->name, 0, 80)));
    }
    f->id = ++s->highest_field_id;
    f->type = schema_change_number(&type, a, &s->highest_field_id);
    s->field_count++;
    return true;
}

static bool add_columns(struct schema *s, const struct json *list, struct error *err)
{
    struct json_iter it = json_iter(list);
    struct str key;
    const struct json *n;
    if (!json_is_array(list) || json_count(list) == 0) {
        return error_set(err, FAIL_CONFIG, "\"columns\" is no list of columns");
    }
    s->highest_field_id = -1;
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, json_count(list));
    while (json_next(&it, &key, &n)) {
        if (!add_column(s, n, err)) {
            return false;
        }
    }
    return true;
}

static bool add_key(struct schema *s, const struct json *list, const char *what, size_t **out,
                    size_t *out_count, struct error *err)
{
    struct json_iter it = json_iter(list);
    struct str key;
    const struct json *n;
    *out = ARENA_ARRAY(&s->arena, size_t, json_count(list) + 1);
    while (json_next(&it, &key, &n)) {
        struct str name = {NULL, 0};
        size_t at = json_str(n, &name) ? schema_find(s, name) : SIZE_MAX;
        if (at == SIZE_MAX) {
            return error_set(err, FAIL_CONFIG, "\"%s\": there is no column '%.*s'", what,
                             STR_FMT(str_slice(name, 0, 80)));
        }
        (*out)[(*out_count)++] = at;
    }
    return true;
}

static bool add_options(struct schema *s, const struct json *options, struct error *err)
{
    struct json_iter it = json_iter(options);
    struct str key;
    const struct json *n;
    while (json_next(&it, &key, &n)) {
        struct str value;
        char name[200];
        (void)snprintf(name, sizeof name, "%.*s", STR_FMT(key));
        if (str_eq(key, STR("primary-key")) || str_eq(key, STR("partition"))) {
            return error_set(err, FAIL_CONFIG, "option '%s': say it by \"%s\"", name,
                             key.ptr[1] == 'r' ? "primaryKeys" : "partitionKeys");
        }
        if (!apply_schema_text(options, name, &s->arena, &value, err)) {
            return false;
        }
        if (value.ptr != NULL) {
            schema_set_option(s, key, value);
        }
    }
    return true;
}

static bool parse_create(const struct json *n, struct schema *s, struct error *err)
{
    static const char *const members[] = {
        "columns", "primaryKeys", "partitionKeys", "options", "comment", "replace", NULL};
    if (!apply_schema_only(n, members, err) || !add_columns(s, json_get(n, "columns"), err) ||
        !add_key(s, json_get(n, "primaryKeys"), "primaryKeys", &s->primary_key,
                 &s->primary_key_count, err) ||
        !add_key(s, json_get(n, "partitionKeys"), "partitionKeys", &s->partition_key,
                 &s->partition_key_count, err) ||
        !add_options(s, json_get(n, "options"), err) ||
        !apply_schema_text(n, "comment", &s->arena, &s->comment, err)) {
        return false;
    }
    for (size_t i = 0; i < s->primary_key_count; i++) {
        s->fields[s->primary_key[i]].type.nullable = false;
    }
    s->time_ms = instant_wall_ms();
    return table_check_schema(s, err);
}

/* Folders that are left are empty. Recursion: as deep as a table's folders are. */
static bool remove_below(struct fs fs, const char *folder, unsigned depth, struct error *err)
{
    struct arena a = {0};
    struct fs_entry *entries = NULL;
    size_t count = 0;
    bool ok = fs.ops->list(fs.self, folder, &a, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        const char *path = paths_join(&a, folder, entries[i].name);
        if (!entries[i].is_folder) {
            ok = fs.ops->remove(fs.self, path, err);
        } else if (depth < MAX_FOLDER_DEPTH) {
            ok = remove_below(fs, path, depth + 1, err);
        }
    }
    arena_release(&a);
    return ok;
}

/* Snapshots first: without them the table is empty; schemas last: with one it is there. */
static bool drop(struct fs fs, const char *table_path, struct error *err)
{
    struct arena a = {0};
    struct fs_entry *entries = NULL;
    size_t count = 0;
    bool ok = remove_below(fs, paths_join(&a, table_path, STR("snapshot")), 0, err) &&
              fs.ops->list(fs.self, table_path, &a, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        if (!str_eq(entries[i].name, STR("schema"))) {
            ok = entries[i].is_folder
                     ? remove_below(fs, paths_join(&a, table_path, entries[i].name), 0, err)
                     : fs.ops->remove(fs.self, paths_join(&a, table_path, entries[i].name), err);
        }
    }
    ok = ok && remove_below(fs, paths_join(&a, table_path, STR("schema")), 0, err);
    arena_release(&a);
    return ok || error_in(err, "drop %s", table_path);
}

static bool make(struct fs fs, const char *table_path, const struct schema *s, bool replace,
                 struct error *err)
{
    struct schema *old = NULL;
    if (!schema_file_latest(fs, table_path, &old, err)) {
        return false;
    }
    bool there = old != NULL;
    schema_free(old);
    if (there && !replace) {
        return error_set(err, FAIL_CONFIG, "there is such a table already");
    }
    return (!there || drop(fs, table_path, err)) && schema_file_publish(fs, table_path, s, err);
}

bool apply_schema_create(struct fs fs, const char *table_path, const struct json *create,
                         struct error *err)
{
    bool replace = false;
    struct schema *s = schema_new();
    (void)json_bool(json_get(create, "replace"), &replace);
    bool ok = parse_create(create, s, err) && make(fs, table_path, s, replace, err);
    schema_free(s);
    return ok;
}

/* ---- alter ---- */

static bool parse_move(const struct json *n, struct arena *a, struct schema_change *out,
                       struct error *err)
{
    bool first = false;
    (void)json_bool(json_get(n, "first"), &first);
    if (!apply_schema_text(n, "after", a, &out->after, err)) {
        return false;
    }
    out->move = out->after.ptr != NULL ? SCHEMA_CHANGE_AFTER
                : first                ? SCHEMA_CHANGE_FIRST
                                       : SCHEMA_CHANGE_LAST;
    return true;
}

/* The member that names the change is also what it is about. */
struct form {
    const char *name;
    enum schema_change_kind kind;
    const char *text;       /* the member that gives `text`; NULL: none */
    const char *members[7]; /* all there may be */
};
static const struct form forms[] = {
    {"add", SCHEMA_CHANGE_ADD, "comment", {"add", "type", "comment", "after", "first", NULL}},
    {"drop", SCHEMA_CHANGE_DROP, NULL, {"drop", NULL}},
    {"rename", SCHEMA_CHANGE_RENAME, "to", {"rename", "to", NULL}},
    {"type", SCHEMA_CHANGE_TYPE, NULL, {"type", "to", NULL}},
    {"nullable", SCHEMA_CHANGE_NULLABLE, NULL, {"nullable", "to", NULL}},
    {"default", SCHEMA_CHANGE_DEFAULT, "to", {"default", "to", NULL}},
    {"columnComment", SCHEMA_CHANGE_DOC, "to", {"columnComment", "to", NULL}},
    {"move", SCHEMA_CHANGE_MOVE, NULL, {"move", "after", "first", NULL}},
    {"set", SCHEMA_CHANGE_SET, "value", {"set", "value", NULL}},
    {"reset", SCHEMA_CHANGE_RESET, NULL, {"reset", NULL}},
    {"comment", SCHEMA_CHANGE_COMMENT, "comment", {"comment", NULL}},
};

static bool parse_change(const struct json *n, struct arena *a, struct schema_change *out,
                         struct error *err)
{
    const struct form *form = NULL;
    for (size_t i = 0; form == NULL && i < sizeof forms / sizeof *forms; i++) {
        form = json_get(n, forms[i].name) != NULL ? &forms[i] : NULL;
    }
    if (form == NULL) {
        return error_set(err, FAIL_CONFIG,
                         "a change is add, drop, rename, type, nullable, default, "
                         "columnComment, move, comment, set or reset");
    }
    *out = (struct schema_change){.kind = form->kind};
    if (!apply_schema_only(n, form->members, err) ||
        !apply_schema_text(n, form->name, a, &out->column, err) ||
        (form->text != NULL && !apply_schema_text(n, form->text, a, &out->text, err)) ||
        !parse_move(n, a, out, err)) {
        return false;
    }
    bool needs_text = form->kind == SCHEMA_CHANGE_RENAME || form->kind == SCHEMA_CHANGE_SET;
    if (out->column.len == 0 || (needs_text && out->text.ptr == NULL)) {
        return error_set(err, FAIL_CONFIG, "\"%s\" does not say everything", form->name);
    }
    if (form->kind == SCHEMA_CHANGE_ADD || form->kind == SCHEMA_CHANGE_TYPE) {
        const char *member = form->kind == SCHEMA_CHANGE_ADD ? "type" : "to";
        return schema_file_parse_type(json_get(n, member), a, &out->type, err);
    }
    return form->kind != SCHEMA_CHANGE_NULLABLE || json_bool(json_get(n, "to"), &out->nullable) ||
           error_set(err, FAIL_CONFIG, "\"to\" is neither true nor false");
}

static bool alter_once(struct fs fs, const char *table_path, const struct schema_change *changes,
                       size_t count, struct error *err)
{
    struct schema *old = NULL;
    struct schema *next = NULL;
    int64_t latest = 0;
    bool ok = schema_file_latest(fs, table_path, &old, err) &&
              (old != NULL || error_set(err, FAIL_CONFIG, "there is no such table")) &&
              snapshot_latest_id(fs, table_path, &latest, err) &&
              schema_change_apply(old, changes, count, latest > 0, &next, err) &&
              table_check_schema(next, err) && schema_file_publish(fs, table_path, next, err);
    schema_free(old);
    schema_free(next);
    return ok;
}

bool apply_schema_alter(struct fs fs, const char *table_path, const struct json *alter,
                        struct error *err)
{
    struct arena a = {0};
    size_t count = json_is_array(alter) ? json_count(alter) : 1;
    struct schema_change *changes = ARENA_ARRAY(&a, struct schema_change, count + 1);
    struct json_iter it = json_iter(alter);
    struct str key;
    const struct json *n;
    bool ok = true;
    if (json_is_array(alter)) {
        for (size_t i = 0; ok && json_next(&it, &key, &n); i++) {
            ok = parse_change(n, &a, &changes[i], err);
        }
    } else {
        ok = parse_change(alter, &a, &changes[0], err);
    }
    if (ok) {
        ok = alter_once(fs, table_path, changes, count, err);
        for (int tries = 1; !ok && err->code == FAIL_CONFLICT && tries < ALTER_TRIES; tries++) {
            ok = alter_once(fs, table_path, changes, count, err); /* somebody altered it, too */
        }
    }
    arena_release(&a);
    return ok;
}
