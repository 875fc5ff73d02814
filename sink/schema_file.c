#include "sink/schema_file.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "sink/paths.h"

#define SCHEMA_FILE_VERSION 3
#define SCHEMA_FILE_MAX_BYTES ((size_t)64 << 20)
#define SCHEMA_FILE_MAX_FIELDS 10000

/* ---- printing (paimon-format §2.1, §2.2; layout as Java's) --------------------------------- */

static void put_indent(struct buf *out, unsigned depth)
{
    buf_put_byte(out, '\n');
    for (unsigned i = 0; i < depth; i++) {
        buf_put_cstr(out, "  ");
    }
}

static void put_member(struct buf *out, unsigned depth, const char *name, bool first)
{
    buf_put_cstr(out, first ? "" : ",");
    put_indent(out, depth);
    buf_printf(out, "\"%s\" : ", name);
}

/* An absent text is left out: Java would read null as the text "null". */
static void put_text_member(struct buf *out, unsigned depth, const char *name, struct str value)
{
    if (value.ptr != NULL) {
        put_member(out, depth, name, false);
        buf_put_json(out, value);
    }
}

static void print_type(const struct type *t, unsigned depth, struct buf *out);

static void print_row_fields(const struct type *t, unsigned depth, struct buf *out)
{
    buf_put_cstr(out, t->field_count == 0 ? "[ ]" : "[ ");
    for (size_t i = 0; i < t->field_count; i++) {
        const struct type_field *f = &t->fields[i];
        buf_put_cstr(out, i == 0 ? "{" : ", {");
        put_member(out, depth + 1, "id", true);
        buf_printf(out, "%" PRId32, f->id);
        put_text_member(out, depth + 1, "name", f->name);
        put_member(out, depth + 1, "type", false);
        print_type(f->type, depth + 1, out);
        put_text_member(out, depth + 1, "description", f->comment);
        put_indent(out, depth);
        buf_put_cstr(out, "}");
    }
    buf_put_cstr(out, t->field_count == 0 ? "" : " ]");
}

static void print_nested(const struct type *t, const char *name, unsigned depth, struct buf *out)
{
    buf_put_byte(out, '{');
    put_member(out, depth + 1, "type", true);
    buf_printf(out, "\"%s%s\"", name, t->nullable ? "" : " NOT NULL");
    if (t->kind == TYPE_ROW) {
        put_member(out, depth + 1, "fields", false);
        print_row_fields(t, depth + 1, out);
    } else {
        if (t->kind == TYPE_MAP) {
            put_member(out, depth + 1, "key", false);
            print_type(t->key, depth + 1, out);
        }
        put_member(out, depth + 1, t->kind == TYPE_MAP ? "value" : "element", false);
        print_type(t->element, depth + 1, out);
    }
    put_indent(out, depth);
    buf_put_byte(out, '}');
}

static void print_type(const struct type *t, unsigned depth, struct buf *out)
{
    if (t->kind == TYPE_ARRAY) {
        print_nested(t, "ARRAY", depth, out);
    } else if (t->kind == TYPE_MULTISET) {
        print_nested(t, "MULTISET", depth, out);
    } else if (t->kind == TYPE_MAP) {
        print_nested(t, "MAP", depth, out);
    } else if (t->kind == TYPE_ROW) {
        print_nested(t, "ROW", depth, out);
    } else {
        buf_put_byte(out, '"'); /* no atomic type's text needs an escape */
        type_print(t, out);
        buf_put_byte(out, '"');
    }
}

static void print_fields(const struct schema *s, struct buf *out)
{
    put_member(out, 1, "fields", false);
    buf_put_cstr(out, "[ ");
    for (size_t i = 0; i < s->field_count; i++) {
        const struct schema_field *f = &s->fields[i];
        buf_put_cstr(out, i == 0 ? "{" : ", {");
        put_member(out, 2, "id", true);
        buf_printf(out, "%" PRId32, f->id);
        put_text_member(out, 2, "name", f->name);
        put_member(out, 2, "type", false);
        print_type(&f->type, 2, out);
        put_text_member(out, 2, "description", f->comment);
        put_text_member(out, 2, "defaultValue", f->default_value);
        put_indent(out, 1);
        buf_put_cstr(out, "}");
    }
    buf_put_cstr(out, " ]");
}

static void print_keys(const struct schema *s, const char *name, const size_t *keys, size_t count,
                       struct buf *out)
{
    put_member(out, 1, name, false);
    buf_put_cstr(out, count == 0 ? "[ ]" : "[ ");
    for (size_t i = 0; i < count; i++) {
        buf_put_cstr(out, i == 0 ? "" : ", ");
        buf_put_json(out, s->fields[keys[i]].name);
    }
    buf_put_cstr(out, count == 0 ? "" : " ]");
}

static void print_options(const struct schema *s, struct buf *out)
{
    put_member(out, 1, "options", false);
    buf_put_cstr(out, s->option_count == 0 ? "{ }" : "{");
    for (size_t i = 0; i < s->option_count; i++) {
        buf_put_cstr(out, i == 0 ? "" : ",");
        put_indent(out, 2);
        buf_put_json(out, s->options[i].key);
        buf_put_cstr(out, " : ");
        buf_put_json(out, s->options[i].value);
    }
    if (s->option_count > 0) {
        put_indent(out, 1);
        buf_put_byte(out, '}');
    }
}

void schema_file_print(const struct schema *s, struct buf *out)
{
    buf_printf(out, "{\n  \"version\" : %d,\n  \"id\" : %" PRId64, SCHEMA_FILE_VERSION, s->id);
    print_fields(s, out);
    put_member(out, 1, "highestFieldId", false);
    buf_printf(out, "%" PRId32, s->highest_field_id);
    print_keys(s, "partitionKeys", s->partition_key, s->partition_key_count, out);
    print_keys(s, "primaryKeys", s->primary_key, s->primary_key_count, out);
    print_options(s, out);
    put_text_member(out, 1, "comment", s->comment);
    put_member(out, 1, "timeMillis", false);
    buf_printf(out, "%" PRId64 "\n}", s->time_ms);
}

/* ---- parsing ------------------------------------------------------------------------------- */

struct parse {
    struct schema *schema;
    bool ids_optional;
    struct arena *arena;
    struct error *err;
};

static bool parse_type(struct parse *p, const struct json *n, unsigned depth, struct type *out);

/* A member that may be missing; Java never writes null for it. */
static struct str optional_text(struct parse *p, const struct json *o, const char *name)
{
    struct str s;
    return json_str(json_get(o, name), &s) ? arena_str(p->arena, s) : (struct str){NULL, 0};
}

static bool need_id(struct parse *p, const struct json *o, int32_t *out)
{
    int64_t id;
    if (p->ids_optional && json_get(o, "id") == NULL) {
        *out = 0;
        return true;
    }
    if (!json_need_i64(o, "id", &id, p->err)) {
        return false;
    }
    if (id < 0 || id > INT32_MAX) {
        return error_set(p->err, FAIL_CORRUPT, "field id %" PRId64 " is absurd", id);
    }
    *out = (int32_t)id;
    return true;
}

static const struct type *parse_inner(struct parse *p, const struct json *o, const char *member,
                                      unsigned depth)
{
    struct type *t = arena_zalloc(p->arena, sizeof(*t));
    const struct json *n = json_get(o, member);
    if (n == NULL) {
        (void)error_set(p->err, FAIL_CORRUPT, "member \"%s\" of a nested type is missing", member);
        return NULL;
    }
    return parse_type(p, n, depth + 1, t) ? t : NULL;
}

static bool parse_row(struct parse *p, const struct json *o, unsigned depth, struct type *t)
{
    const struct json *fields = json_get(o, "fields");
    if (!json_is_array(fields)) {
        return error_set(p->err, FAIL_CORRUPT, "member \"fields\" of a ROW is missing");
    }
    t->field_count = json_count(fields);
    struct type_field *f = ARENA_ARRAY(p->arena, struct type_field, t->field_count);
    struct json_iter it = json_iter(fields);
    struct str key;
    const struct json *n;
    for (size_t i = 0; json_next(&it, &key, &n); i++) {
        struct str name;
        if (!json_need_str(n, "name", &name, p->err) || !need_id(p, n, &f[i].id)) {
            return false;
        }
        f[i].name = arena_str(p->arena, name);
        f[i].comment = optional_text(p, n, "description");
        f[i].type = parse_inner(p, n, "type", depth);
        if (f[i].type == NULL) {
            return error_in(p->err, "field \"%.*s\"", STR_FMT(str_slice(name, 0, 80)));
        }
    }
    t->fields = f;
    return true;
}

static bool contains(struct str s, struct str part)
{
    for (size_t i = 0; i + part.len <= s.len; i++) {
        if (str_eq(str_slice(s, i, i + part.len), part)) {
            return true;
        }
    }
    return false;
}

/* As DataTypeJsonParser: the kind by its beginning, NOT NULL anywhere. */
static bool parse_nested(struct parse *p, const struct json *o, unsigned depth, struct type *t)
{
    struct str name;
    if (!json_need_str(o, "type", &name, p->err)) {
        return error_in(p->err, "a nested type");
    }
    t->nullable = !contains(name, STR("NOT NULL"));
    if (str_starts(name, STR("ROW"))) {
        t->kind = TYPE_ROW;
        return parse_row(p, o, depth, t);
    }
    if (str_starts(name, STR("ARRAY")) || str_starts(name, STR("MULTISET"))) {
        t->kind = name.ptr[0] == 'A' ? TYPE_ARRAY : TYPE_MULTISET;
        t->element = parse_inner(p, o, "element", depth);
        return t->element != NULL;
    }
    if (str_starts(name, STR("MAP"))) {
        t->kind = TYPE_MAP;
        t->key = parse_inner(p, o, "key", depth);
        t->element = t->key == NULL ? NULL : parse_inner(p, o, "value", depth);
        return t->element != NULL;
    }
    return error_set(p->err, FAIL_SCHEMA, "type \"%.*s\" is not supported yet",
                     STR_FMT(str_slice(name, 0, 60)));
}

static bool parse_type(struct parse *p, const struct json *n, unsigned depth, struct type *out)
{
    struct str text;
    if (depth > TYPE_MAX_DEPTH) {
        return error_set(p->err, FAIL_LIMIT, "types are nested deeper than %d", TYPE_MAX_DEPTH);
    }
    *out = (struct type){.nullable = true};
    if (json_str(n, &text)) {
        return type_parse(text, out, p->err);
    }
    if (json_is_object(n)) {
        return parse_nested(p, n, depth, out);
    }
    return error_set(p->err, FAIL_CORRUPT, "member \"type\" is neither a text nor an object");
}

bool schema_file_parse_type(const struct json *n, struct arena *arena, struct type *out,
                            struct error *err)
{
    struct parse p = {.arena = arena, .ids_optional = true, .err = err};
    return parse_type(&p, n, 0, out);
}

static bool parse_field(struct parse *p, const struct json *n, size_t i)
{
    struct schema *s = p->schema;
    struct schema_field *f = &s->fields[i];
    struct str name;
    if (!json_need_str(n, "name", &name, p->err)) {
        return error_in(p->err, "column %zu", i);
    }
    if (schema_find(s, name) != SIZE_MAX) {
        return error_set(p->err, FAIL_CORRUPT, "column \"%.*s\" is there twice",
                         STR_FMT(str_slice(name, 0, 80)));
    }
    const struct json *type = json_get(n, "type");
    if (!need_id(p, n, &f->id) || !parse_type(p, type, 0, &f->type)) {
        return error_in(p->err, "column \"%.*s\"", STR_FMT(str_slice(name, 0, 80)));
    }
    f->name = arena_str(p->arena, name);
    f->comment = optional_text(p, n, "description");
    f->default_value = optional_text(p, n, "defaultValue");
    s->field_count = i + 1;
    return true;
}

static bool parse_fields(struct parse *p, const struct json *o)
{
    const struct json *fields = json_get(o, "fields");
    if (!json_is_array(fields)) {
        return error_set(p->err, FAIL_CORRUPT, "member \"fields\" is missing");
    }
    size_t count = json_count(fields);
    if (count == 0 || count > SCHEMA_FILE_MAX_FIELDS) {
        return error_set(p->err, FAIL_CORRUPT, "%zu columns are absurd", count);
    }
    p->schema->fields = ARENA_ARRAY(p->arena, struct schema_field, count);
    struct json_iter it = json_iter(fields);
    struct str key;
    const struct json *n;
    for (size_t i = 0; json_next(&it, &key, &n); i++) {
        if (!parse_field(p, n, i)) {
            return false;
        }
    }
    return true;
}

static bool parse_keys(struct parse *p, const struct json *o, const char *member, size_t **out,
                       size_t *out_count)
{
    const struct json *list = json_get(o, member);
    if (!json_is_array(list)) {
        return error_set(p->err, FAIL_CORRUPT, "member \"%s\" is missing", member);
    }
    *out = ARENA_ARRAY(p->arena, size_t, json_count(list));
    struct json_iter it = json_iter(list);
    struct str key;
    const struct json *n;
    while (json_next(&it, &key, &n)) {
        struct str name;
        size_t at = json_str(n, &name) ? schema_find(p->schema, name) : SIZE_MAX;
        if (at == SIZE_MAX) {
            return error_set(p->err, FAIL_CORRUPT, "member \"%s\" names no column", member);
        }
        for (size_t i = 0; i < *out_count; i++) {
            if ((*out)[i] == at) {
                return error_set(p->err, FAIL_CORRUPT, "member \"%s\" names a column twice",
                                 member);
            }
        }
        (*out)[(*out_count)++] = at;
    }
    return true;
}

static bool parse_options(struct parse *p, const struct json *o, int64_t version)
{
    const struct json *options = json_get(o, "options");
    if (!json_is_object(options)) {
        return error_set(p->err, FAIL_CORRUPT, "member \"options\" is missing");
    }
    struct schema *s = p->schema;
    s->options = ARENA_ARRAY(p->arena, struct schema_option, json_count(options));
    struct json_iter it = json_iter(options);
    struct str key;
    const struct json *n;
    while (json_next(&it, &key, &n)) {
        struct str value;
        if (!json_str(n, &value)) {
            return error_set(p->err, FAIL_CORRUPT, "option \"%.*s\" is not a text",
                             STR_FMT(str_slice(key, 0, 80)));
        }
        s->options[s->option_count++] =
            (struct schema_option){arena_str(p->arena, key), arena_str(p->arena, value)};
    }
    /* What older versions meant when nothing was said (TableSchema.java). */
    if (version <= 1 && schema_option(s, STR("bucket")).ptr == NULL) {
        schema_set_option(s, STR("bucket"), STR("1"));
    }
    if (version <= 2 && schema_option(s, STR("file.format")).ptr == NULL) {
        schema_set_option(s, STR("file.format"), STR("orc"));
    }
    return true;
}

static bool parse_version(struct parse *p, const struct json *o, int64_t *out)
{
    if (json_get(o, "version") == NULL) {
        *out = 1; /* the first releases did not say */
        return true;
    }
    if (!json_need_i64(o, "version", out, p->err)) {
        return false;
    }
    return *out <= SCHEMA_FILE_VERSION ||
           error_set(p->err, FAIL_SCHEMA,
                     "member \"version\" is %" PRId64
                     ", while %d is the newest known: the table was written by a newer Paimon",
                     *out, SCHEMA_FILE_VERSION);
}

static bool parse_schema(struct parse *p, const struct json *o)
{
    struct schema *s = p->schema;
    int64_t version = 0;
    int64_t highest = 0;
    const struct json *time = json_get(o, "timeMillis");
    if (!json_is_object(o)) {
        return error_set(p->err, FAIL_CORRUPT, "the text is not a JSON object");
    }
    if (!parse_version(p, o, &version) || !json_need_i64(o, "id", &s->id, p->err) ||
        !parse_fields(p, o) || !json_need_i64(o, "highestFieldId", &highest, p->err) ||
        !parse_keys(p, o, "partitionKeys", &s->partition_key, &s->partition_key_count) ||
        !parse_keys(p, o, "primaryKeys", &s->primary_key, &s->primary_key_count) ||
        !parse_options(p, o, version)) {
        return false;
    }
    if (s->id < 0 || highest < 0 || highest > INT32_MAX) {
        return error_set(p->err, FAIL_CORRUPT, "id or highestFieldId is absurd");
    }
    s->highest_field_id = (int32_t)highest;
    s->comment = optional_text(p, o, "comment");
    if (!json_is_null(time) && !json_i64(time, &s->time_ms)) {
        return error_set(p->err, FAIL_CORRUPT, "member \"timeMillis\" is not a number");
    }
    return true;
}

bool schema_file_parse(struct str json, struct schema **out, struct error *err)
{
    struct json_doc *doc;
    if (!json_parse(json, &doc, err)) {
        return error_in(err, "schema");
    }
    struct schema *s = schema_new();
    struct parse p = {.schema = s, .arena = &s->arena, .err = err};
    bool ok = parse_schema(&p, json_root(doc));
    json_free(doc);
    if (!ok) {
        schema_free(s);
        return error_in(err, "schema");
    }
    *out = s;
    return true;
}

/* ---- files --------------------------------------------------------------------------------- */

static bool read_one(struct fs fs, const char *path, int64_t id, struct schema **out,
                     struct error *err)
{
    struct buf text = BUF_INIT(SCHEMA_FILE_MAX_BYTES);
    struct schema *s = NULL;
    bool found = false;
    bool ok = fs.ops->read(fs.self, path, &text, &found, err);
    if (ok && !found) {
        ok = error_set(err, FAIL_CORRUPT,
                       "%s is missing; schema files are needed as long as the table lives", path);
    } else if (ok) {
        ok = schema_file_parse(buf_str(&text), &s, err) || error_in(err, "%s", path);
        if (s != NULL && s->id != id) {
            ok = error_set(err, FAIL_CORRUPT, "%s: it says that its id is %" PRId64, path, s->id);
        }
    }
    buf_release(&text);
    if (!ok) {
        schema_free(s);
        return false;
    }
    *out = s;
    return true;
}

bool schema_file_read(struct fs fs, const char *table_path, int64_t id, struct schema **out,
                      struct error *err)
{
    struct arena a = {0};
    bool ok = read_one(fs, paths_schema(&a, table_path, id), id, out, err);
    arena_release(&a);
    return ok;
}

bool schema_file_latest(struct fs fs, const char *table_path, struct schema **out,
                        struct error *err)
{
    struct arena a = {0};
    struct fs_entry *entries;
    size_t count;
    int64_t newest = -1;
    struct str prefix = STR("schema-");
    bool ok =
        fs.ops->list(fs.self, paths_join(&a, table_path, STR("schema")), &a, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        int64_t id;
        struct str name = entries[i].name;
        if (str_starts(name, prefix) && !entries[i].is_folder &&
            str_to_i64(str_slice(name, prefix.len, name.len), &id) && id > newest) {
            newest = id;
        }
    }
    if (ok && newest < 0) {
        *out = NULL;
    } else if (ok) {
        ok = read_one(fs, paths_schema(&a, table_path, newest), newest, out, err);
    }
    arena_release(&a);
    return ok;
}

bool schema_file_publish(struct fs fs, const char *table_path, const struct schema *s,
                         struct error *err)
{
    struct arena a = {0};
    struct buf text = BUF_INIT(SCHEMA_FILE_MAX_BYTES);
    schema_file_print(s, &text);
    bool ok = buf_ok(&text, "the schema", err) &&
              fs.ops->publish(fs.self, paths_schema(&a, table_path, s->id), buf_str(&text), err);
    buf_release(&text);
    arena_release(&a);
    return ok;
}

struct str schema_file_compression(const struct schema *s)
{
    struct str format = schema_option(s, STR("file.format"));
    struct str own = schema_option(s, STR("parquet.compression"));
    bool parquet = format.ptr == NULL || str_eq_nocase(str_trim(format), STR("parquet"));
    if (!parquet || own.ptr == NULL) {
        own = schema_option(s, STR("file.compression"));
    }
    return own.ptr == NULL ? STR("zstd") : str_trim(own);
}
