#include "sink/format/avro_schema.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define AVRO_MAX_DEPTH TYPE_MAX_DEPTH
#define AVRO_MAX_WEIGHT 65536
#define AVRO_MAX_NAMED 4096

/* ---- parsing the schema of a file -------------------------------------------------------- */

struct named {
    struct str name; /* last part: Paimon gives every record the same namespace */
    const struct avro_node *node;
};

struct parse {
    struct arena *arena;
    struct named *named;
    size_t named_count, named_cap;
    struct error *err;
};

static const char *const kind_names[] = {"null",   "boolean", "int",    "long",  "float",
                                         "double", "bytes",   "string", "fixed", "enum",
                                         "array",  "map",     "record", "union"};

const char *avro_schema_kind(const struct avro_node *n)
{
    return kind_names[n->kind];
}

static struct str last_part(struct str name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.ptr[i - 1] == '.') {
            return str_slice(name, i, name.len);
        }
    }
    return name;
}

static struct avro_node *new_node(struct parse *p, enum avro_kind kind)
{
    static const size_t min_bytes[] = {0, 1, 1, 1, 4, 8, 1, 1, 0, 1, 1, 1, 0, 1};
    struct avro_node *n = arena_zalloc(p->arena, sizeof(*n));
    n->kind = kind;
    n->min_bytes = min_bytes[kind];
    n->weight = 1;
    return n;
}

static const struct avro_node *parse_node(struct parse *p, const struct json *j, unsigned depth);

static bool add_child(struct parse *p, struct avro_node *n, size_t at, const struct json *j,
                      unsigned depth)
{
    const struct avro_node *child = parse_node(p, j, depth + 1);
    if (child == NULL) {
        return false;
    }
    n->children[at] = child;
    n->weight += child->weight;
    if (n->kind == AVRO_RECORD) {
        n->min_bytes += child->min_bytes;
    }
    /* Types used by name could make a small text mean a huge tree. */
    return n->weight <= AVRO_MAX_WEIGHT && n->min_bytes <= UINT32_MAX
               ? true
               : error_set(p->err, FAIL_LIMIT, "Avro schema: more than %d types", AVRO_MAX_WEIGHT);
}

static bool define_name(struct parse *p, const struct json *j, const struct avro_node *n)
{
    struct str name;
    if (!json_need_str(j, "name", &name, p->err)) {
        return error_in(p->err, "Avro schema: %s", avro_schema_kind(n));
    }
    if (p->named_count == AVRO_MAX_NAMED) {
        return error_set(p->err, FAIL_LIMIT, "Avro schema: more than %d named types",
                         AVRO_MAX_NAMED);
    }
    VEC_ROOM(p->named, p->named_count, p->named_cap);
    p->named[p->named_count++] =
        (struct named){.name = arena_str(p->arena, last_part(name)), .node = n};
    return true;
}

static const struct avro_node *parse_name(struct parse *p, struct str name)
{
    for (size_t k = AVRO_NULL; k <= AVRO_STRING; k++) {
        if (str_eq(name, str_of(kind_names[k]))) {
            return new_node(p, (enum avro_kind)k);
        }
    }
    for (size_t i = p->named_count; i > 0; i--) {
        if (str_eq(p->named[i - 1].name, last_part(name))) {
            return p->named[i - 1].node;
        }
    }
    (void)error_set(p->err, FAIL_CORRUPT, "Avro schema: unknown type '%.*s'",
                    STR_FMT(str_slice(name, 0, 60)));
    return NULL;
}

static const struct avro_node *parse_union(struct parse *p, const struct json *j, unsigned depth)
{
    struct avro_node *n = new_node(p, AVRO_UNION);
    n->count = json_count(j);
    n->children = ARENA_ARRAY(p->arena, const struct avro_node *, n->count);
    if (n->count == 0) {
        (void)error_set(p->err, FAIL_CORRUPT, "Avro schema: a union without branches");
        return NULL;
    }
    struct json_iter it = json_iter(j);
    struct str key;
    const struct json *item;
    for (size_t i = 0; json_next(&it, &key, &item); i++) {
        if (json_is_array(item)) {
            (void)error_set(p->err, FAIL_CORRUPT, "Avro schema: a union within a union");
            return NULL;
        }
        if (!add_child(p, n, i, item, depth)) {
            return NULL;
        }
    }
    return n;
}

static const struct avro_node *parse_record(struct parse *p, const struct json *j, unsigned depth)
{
    struct avro_node *n = new_node(p, AVRO_RECORD);
    const struct json *fields = json_get(j, "fields");
    if (!json_is_array(fields)) {
        (void)error_set(p->err, FAIL_CORRUPT, "Avro schema: a record without fields");
        return NULL;
    }
    n->count = json_count(fields);
    n->children = ARENA_ARRAY(p->arena, const struct avro_node *, n->count);
    n->names = ARENA_ARRAY(p->arena, struct str, n->count);
    struct json_iter it = json_iter(fields);
    struct str key;
    struct str name;
    const struct json *field;
    for (size_t i = 0; json_next(&it, &key, &field); i++) {
        if (!json_need_str(field, "name", &name, p->err)) {
            (void)error_in(p->err, "Avro schema: field %zu", i);
            return NULL;
        }
        n->names[i] = arena_str(p->arena, name);
        if (!add_child(p, n, i, json_get(field, "type"), depth)) {
            return NULL;
        }
    }
    /* Defined only now: a type that contains itself is an unknown one to us. */
    return define_name(p, j, n) ? n : NULL;
}

static const struct avro_node *parse_container(struct parse *p, const struct json *j,
                                               enum avro_kind kind, const char *member,
                                               unsigned depth)
{
    struct avro_node *n = new_node(p, kind);
    n->count = 1;
    n->children = ARENA_ARRAY(p->arena, const struct avro_node *, 1);
    return add_child(p, n, 0, json_get(j, member), depth) ? n : NULL;
}

static const struct avro_node *parse_fixed(struct parse *p, const struct json *j)
{
    struct avro_node *n = new_node(p, AVRO_FIXED);
    int64_t size;
    if (!json_need_i64(j, "size", &size, p->err)) {
        return NULL;
    }
    if (size < 0 || size > INT32_MAX) {
        (void)error_set(p->err, FAIL_CORRUPT, "Avro schema: fixed of %lld bytes", (long long)size);
        return NULL;
    }
    n->size = (size_t)size;
    n->min_bytes = n->size;
    return define_name(p, j, n) ? n : NULL;
}

static enum avro_logical logical_of(struct str name)
{
    static const struct {
        struct str name;
        enum avro_logical logical;
    } known[] = {
        {{"date", 4}, AVRO_DATE},
        {{"time-millis", 11}, AVRO_TIME_MILLIS},
        {{"time-micros", 11}, AVRO_TIME_MICROS},
        {{"timestamp-millis", 16}, AVRO_TIMESTAMP_MILLIS},
        {{"timestamp-micros", 16}, AVRO_TIMESTAMP_MICROS},
        {{"local-timestamp-millis", 22}, AVRO_TIMESTAMP_MILLIS},
        {{"local-timestamp-micros", 22}, AVRO_TIMESTAMP_MICROS},
        {{"decimal", 7}, AVRO_DECIMAL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_eq(name, known[i].name)) {
            return known[i].logical;
        }
    }
    return AVRO_PLAIN; /* unknown ones are to be ignored, says Avro */
}

static const struct avro_node *parse_object(struct parse *p, const struct json *j, unsigned depth)
{
    const struct json *type = json_get(j, "type");
    struct str name;
    struct str logical;
    if (!json_str(type, &name)) {
        return parse_node(p, type, depth + 1); /* {"type": {…}} */
    }
    if (str_eq(name, STR("record")) || str_eq(name, STR("error"))) {
        return parse_record(p, j, depth);
    }
    if (str_eq(name, STR("array"))) {
        return parse_container(p, j, AVRO_ARRAY, "items", depth);
    }
    if (str_eq(name, STR("map"))) {
        return parse_container(p, j, AVRO_MAP, "values", depth);
    }
    if (str_eq(name, STR("fixed"))) {
        return parse_fixed(p, j);
    }
    if (str_eq(name, STR("enum"))) {
        struct avro_node *n = new_node(p, AVRO_ENUM);
        n->count = json_count(json_get(j, "symbols"));
        return define_name(p, j, n) ? n : NULL;
    }
    const struct avro_node *found = parse_name(p, name);
    if (found == NULL || !json_str(json_get(j, "logicalType"), &logical)) {
        return found;
    }
    struct avro_node *n = arena_alloc(p->arena, sizeof(*n));
    *n = *found;
    n->logical = logical_of(logical);
    (void)json_i64(json_get(j, "scale"), &n->scale);
    return n;
}

static const struct avro_node *parse_node(struct parse *p, const struct json *j, unsigned depth)
{
    struct str name;
    if (depth > AVRO_MAX_DEPTH) {
        (void)error_set(p->err, FAIL_LIMIT, "Avro schema: nested deeper than %d", AVRO_MAX_DEPTH);
        return NULL;
    }
    if (json_str(j, &name)) {
        return parse_name(p, name);
    }
    if (json_is_array(j)) {
        return parse_union(p, j, depth);
    }
    if (json_is_object(j)) {
        return parse_object(p, j, depth);
    }
    (void)error_set(p->err, FAIL_CORRUPT, "Avro schema: a type is missing");
    return NULL;
}

bool avro_schema_parse(struct str json, struct arena *arena, const struct avro_node **out,
                       struct error *err)
{
    struct json_doc *doc;
    if (!json_parse(json, &doc, err)) {
        return error_in(err, "Avro schema");
    }
    struct parse p = {.arena = arena, .err = err};
    const struct avro_node *n = parse_node(&p, json_root(doc), 0);
    mem_free(p.named);
    json_free(doc);
    if (n == NULL) {
        return false;
    }
    *out = n;
    return true;
}

/* ---- passing over values ------------------------------------------------------------------ */

static void skip_items(const struct avro_node *n, struct reader *r)
{
    const struct avro_node *item = n->children[0];
    /* An item that may have no bytes is taken to have one, so that a count cannot run away. */
    size_t min = (item->min_bytes > 0 ? item->min_bytes : 1) + (n->kind == AVRO_MAP ? 1 : 0);
    while (!r->failed) {
        int64_t count = reader_zigzag(r);
        if (count == 0) {
            return;
        }
        if (count < 0) {
            int64_t size = reader_zigzag(r);
            if (size < 0) {
                reader_fail(r);
                return;
            }
            reader_skip(r, (size_t)size);
            continue;
        }
        size_t admitted = reader_count(r, (uint64_t)count, min);
        for (size_t i = 0; i < admitted && !r->failed; i++) {
            if (n->kind == AVRO_MAP) {
                int64_t len = reader_zigzag(r);
                reader_skip(r, len < 0 ? SIZE_MAX : (size_t)len);
            }
            avro_schema_skip(item, r);
        }
    }
}

void avro_schema_skip(const struct avro_node *n, struct reader *r)
{
    switch (n->kind) {
    case AVRO_NULL:
        return;
    case AVRO_BOOLEAN:
        reader_skip(r, 1);
        return;
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_ENUM:
        (void)reader_zigzag(r);
        return;
    case AVRO_FLOAT:
        reader_skip(r, 4);
        return;
    case AVRO_DOUBLE:
        reader_skip(r, 8);
        return;
    case AVRO_BYTES:
    case AVRO_STRING: {
        int64_t len = reader_zigzag(r);
        reader_skip(r, len < 0 ? SIZE_MAX : (size_t)len);
        return;
    }
    case AVRO_FIXED:
        reader_skip(r, n->size);
        return;
    case AVRO_ARRAY:
    case AVRO_MAP:
        skip_items(n, r);
        return;
    case AVRO_RECORD:
        for (size_t i = 0; i < n->count && !r->failed; i++) {
            avro_schema_skip(n->children[i], r);
        }
        return;
    case AVRO_UNION: {
        int64_t branch = reader_zigzag(r);
        if (branch < 0 || (uint64_t)branch >= n->count) {
            reader_fail(r);
            return;
        }
        avro_schema_skip(n->children[branch], r);
        return;
    }
    }
}

/* ---- the schema of our own files ---------------------------------------------------------- */

bool avro_schema_text_key(const struct type *map)
{
    return type_is_text(map->key);
}

static bool check_type(const struct type *t, struct str column, struct error *err)
{
    switch (t->kind) {
    case TYPE_TIME:
        if (t->precision > 3) {
            return error_set(err, FAIL_SCHEMA,
                             "column '%.*s': avro holds TIME up to precision 3, not %u",
                             STR_FMT(column), t->precision);
        }
        return true;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        if (t->precision > 6) {
            return error_set(err, FAIL_SCHEMA,
                             "column '%.*s': avro holds timestamps up to precision 6, not %u",
                             STR_FMT(column), t->precision);
        }
        return true;
    case TYPE_MULTISET:
        return error_set(err, FAIL_SCHEMA, "column '%.*s': MULTISET is not supported in avro files",
                         STR_FMT(column));
    case TYPE_ARRAY:
        return check_type(t->element, column, err);
    case TYPE_MAP:
        return check_type(t->key, column, err) && check_type(t->element, column, err);
    case TYPE_ROW:
        for (size_t i = 0; i < t->field_count; i++) {
            if (!check_type(t->fields[i].type, column, err)) {
                return false;
            }
        }
        return true;
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
        return true;
    }
    return error_set(err, FAIL_SCHEMA, "column '%.*s': unknown type", STR_FMT(column));
}

bool avro_schema_check(const struct schema_field *fields, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!check_type(&fields[i].type, fields[i].name, err)) {
            return false;
        }
    }
    return true;
}

/* The name of a nested record: "record" and the way to it, joined by '_'. */
struct path {
    const struct path *up;
    struct str name;
};

static void print_path(const struct path *path, struct buf *out)
{
    if (path->up != NULL) {
        print_path(path->up, out);
        buf_put_byte(out, '_');
    }
    /* Names that need no escape only: anything else was refused or is UTF-8 text. */
    for (size_t i = 0; i < path->name.len; i++) {
        char c = path->name.ptr[i];
        buf_put_byte(out, c == '"' || c == '\\' || (unsigned char)c < 0x20 ? '_' : (uint8_t)c);
    }
}

static void print_type(const struct type *t, const struct path *path, struct buf *out);

static void print_field(struct str name, const struct type *t, const struct path *path,
                        bool with_default, struct buf *out)
{
    buf_put_cstr(out, "{\"name\":");
    buf_put_json(out, name);
    buf_put_cstr(out, ",\"type\":");
    print_type(t, path, out);
    buf_put_cstr(out, t->nullable && with_default ? ",\"default\":null}" : "}");
}

static void print_record_head(const struct path *path, struct buf *out)
{
    buf_put_cstr(out, "{\"type\":\"record\",\"name\":\"");
    print_path(path, out);
    buf_put_cstr(out, "\",\"fields\":[");
}

static void print_map(const struct type *t, const struct path *path, struct buf *out)
{
    if (avro_schema_text_key(t)) {
        buf_put_cstr(out, "{\"type\":\"map\",\"values\":");
        print_type(t->element, path, out);
        buf_put_cstr(out, "}");
        return;
    }
    struct path key = {path, STR("key")};
    struct path value = {path, STR("value")};
    buf_put_cstr(out, "{\"type\":\"array\",\"items\":");
    print_record_head(path, out);
    print_field(key.name, t->key, &key, false, out);
    buf_put_byte(out, ',');
    print_field(value.name, t->element, &value, true, out);
    buf_put_cstr(out, "]},\"logicalType\":\"map\"}");
}

static void print_row(const struct type *t, const struct path *path, struct buf *out)
{
    print_record_head(path, out);
    for (size_t i = 0; i < t->field_count; i++) {
        struct path inner = {path, t->fields[i].name};
        buf_put_cstr(out, i > 0 ? "," : "");
        print_field(inner.name, t->fields[i].type, &inner, true, out);
    }
    buf_put_cstr(out, "]}");
}

/* Paimon gives TIMESTAMP the Avro names of instants and LTZ those of local time (paimon-format
 * §7.10): kept, for its readers go by them. */
static void print_timestamp(const struct type *t, struct buf *out)
{
    buf_printf(out, "{\"type\":\"long\",\"logicalType\":\"%stimestamp-%s\"}",
               t->kind == TYPE_TIMESTAMP_LTZ ? "local-" : "",
               t->precision <= 3 ? "millis" : "micros");
}

static void print_type(const struct type *t, const struct path *path, struct buf *out)
{
    static const char *const simple[] = {
        [TYPE_BOOLEAN] = "\"boolean\"",
        [TYPE_TINYINT] = "\"int\"",
        [TYPE_SMALLINT] = "\"int\"",
        [TYPE_INT] = "\"int\"",
        [TYPE_BIGINT] = "\"long\"",
        [TYPE_FLOAT] = "\"float\"",
        [TYPE_DOUBLE] = "\"double\"",
        [TYPE_CHAR] = "\"string\"",
        [TYPE_VARCHAR] = "\"string\"",
        [TYPE_BINARY] = "\"bytes\"",
        [TYPE_VARBINARY] = "\"bytes\"",
        [TYPE_DATE] = "{\"type\":\"int\",\"logicalType\":\"date\"}",
        [TYPE_TIME] = "{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
        [TYPE_ROW] = NULL,
    };
    buf_put_cstr(out, t->nullable ? "[\"null\"," : "");
    if (simple[t->kind] != NULL) {
        buf_put_cstr(out, simple[t->kind]);
    } else if (t->kind == TYPE_DECIMAL) {
        buf_printf(out,
                   "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":%u,\"scale\":%u}",
                   t->precision, t->scale);
    } else if (t->kind == TYPE_ARRAY) {
        buf_put_cstr(out, "{\"type\":\"array\",\"items\":");
        print_type(t->element, path, out);
        buf_put_cstr(out, "}");
    } else if (t->kind == TYPE_MAP) {
        print_map(t, path, out);
    } else if (t->kind == TYPE_ROW) {
        print_row(t, path, out);
    } else {
        must(t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ);
        print_timestamp(t, out);
    }
    buf_put_cstr(out, t->nullable ? "]" : "");
}

void avro_schema_print(const struct schema_field *fields, size_t count, struct buf *out)
{
    struct path top = {NULL, STR("record")};
    buf_put_cstr(out, "{\"type\":\"record\",\"name\":\"record\","
                      "\"namespace\":\"org.apache.paimon.avro.generated\",\"fields\":[");
    for (size_t i = 0; i < count; i++) {
        struct path path = {&top, fields[i].name};
        buf_put_cstr(out, i > 0 ? "," : "");
        print_field(fields[i].name, &fields[i].type, &path, true, out);
    }
    buf_put_cstr(out, "]}");
}
