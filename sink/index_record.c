#include "sink/index_record.h"

#include <string.h>

#include "sink/format/avro_schema.h"

#define INDEX_RECORD_VERSION 1

/* ---- the record (paimon-format §4.4) ------------------------------------------------------- */

#define PLAIN(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"
#define OPTIONAL(name, type) "{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null}"
#define RECORD(name) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":["

/* clang-format would put every part of a text made of so many on a line of its own. */
/* clang-format off */
#define RANGE_RECORD                                                                               \
    RECORD("record__DELETIONS_VECTORS_RANGES") PLAIN("f0", "string") "," PLAIN("f1", "int") ","    \
    PLAIN("f2", "int") "," OPTIONAL("_CARDINALITY", "\"long\"") "]}"
#define GLOBAL_RECORD                                                                              \
    RECORD("record__GLOBAL_INDEX") PLAIN("_ROW_RANGE_START", "long") ","                           \
    PLAIN("_ROW_RANGE_END", "long") "," PLAIN("_INDEX_FIELD_ID", "int") ","                        \
    OPTIONAL("_EXTRA_FIELD_IDS", "{\"type\":\"array\",\"items\":\"int\"}") ","                   \
    OPTIONAL("_INDEX_META", "\"bytes\"") "," OPTIONAL("_SOURCE_META", "\"bytes\"") "]}"
#define COMMON                                                                                     \
    "{\"type\":\"record\",\"name\":\"record\",\"namespace\":\"org.apache.paimon.avro.generated\"," \
    "\"fields\":["                                                                                 \
    PLAIN("_VERSION", "int") "," PLAIN("_KIND", "int") "," PLAIN("_PARTITION", "bytes") ","        \
    PLAIN("_BUCKET", "int") "," PLAIN("_INDEX_TYPE", "string") "," PLAIN("_FILE_NAME", "string")   \
    "," PLAIN("_FILE_SIZE", "long") "," PLAIN("_ROW_COUNT", "long") ","                            \
    OPTIONAL("_DELETIONS_VECTORS_RANGES",                                                          \
             "{\"type\":\"array\",\"items\":[\"null\"," RANGE_RECORD "]}") ","                     \
    OPTIONAL("_EXTERNAL_PATH", "\"string\"")

static const char plain_schema[] = COMMON "]}";
static const char global_schema[] = COMMON "," OPTIONAL("_GLOBAL_INDEX", GLOBAL_RECORD) "]}";
/* clang-format on */

struct str index_record_schema(bool with_global)
{
    return with_global ? (struct str){global_schema, sizeof(global_schema) - 1}
                       : (struct str){plain_schema, sizeof(plain_schema) - 1};
}

/* What is read: by name, all of it optional to the decoder; what must be there is asked for after.
 */
#define NAME(text)                                                                                 \
    {                                                                                              \
        ("" text), sizeof(text) - 1                                                                \
    }
#define FIELD(text, of)                                                                            \
    {                                                                                              \
        .name = NAME(text), .type = &(of)                                                          \
    }
#define COLUMN(text, ...)                                                                          \
    {                                                                                              \
        .name = NAME(text), .type = {.nullable = true, __VA_ARGS__ }                               \
    }

static const struct type int_type = {.kind = TYPE_INT, .nullable = true};
static const struct type long_type = {.kind = TYPE_BIGINT, .nullable = true};
static const struct type text_type = {.kind = TYPE_VARCHAR, .nullable = true};
static const struct type bytes_type = {.kind = TYPE_VARBINARY, .nullable = true};
static const struct type ints_type = {.kind = TYPE_ARRAY, .nullable = true, .element = &int_type};

enum { RANGE_FILE, RANGE_OFFSET, RANGE_LENGTH, RANGE_CARDINALITY, RANGE_COUNT };
static const struct type_field range_fields[RANGE_COUNT] = {
    [RANGE_FILE] = FIELD("f0", text_type),
    [RANGE_OFFSET] = FIELD("f1", int_type),
    [RANGE_LENGTH] = FIELD("f2", int_type),
    [RANGE_CARDINALITY] = FIELD("_CARDINALITY", long_type),
};
static const struct type range_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = range_fields, .field_count = RANGE_COUNT};

enum {
    GLOBAL_START,
    GLOBAL_END,
    GLOBAL_FIELD,
    GLOBAL_EXTRA,
    GLOBAL_META,
    GLOBAL_SOURCE,
    GLOBAL_COUNT
};
static const struct type_field global_fields[GLOBAL_COUNT] = {
    [GLOBAL_START] = FIELD("_ROW_RANGE_START", long_type),
    [GLOBAL_END] = FIELD("_ROW_RANGE_END", long_type),
    [GLOBAL_FIELD] = FIELD("_INDEX_FIELD_ID", int_type),
    [GLOBAL_EXTRA] = FIELD("_EXTRA_FIELD_IDS", ints_type),
    [GLOBAL_META] = FIELD("_INDEX_META", bytes_type),
    [GLOBAL_SOURCE] = FIELD("_SOURCE_META", bytes_type),
};

enum {
    ENTRY_VERSION,
    ENTRY_KIND,
    ENTRY_PARTITION,
    ENTRY_BUCKET,
    ENTRY_TYPE,
    ENTRY_FILE_NAME,
    ENTRY_FILE_SIZE,
    ENTRY_ROW_COUNT,
    ENTRY_RANGES,
    ENTRY_EXTERNAL,
    ENTRY_GLOBAL,
    ENTRY_COUNT
};
static const struct schema_field entry_fields[ENTRY_COUNT] = {
    [ENTRY_VERSION] = COLUMN("_VERSION", .kind = TYPE_INT),
    [ENTRY_KIND] = COLUMN("_KIND", .kind = TYPE_INT),
    [ENTRY_PARTITION] = COLUMN("_PARTITION", .kind = TYPE_VARBINARY),
    [ENTRY_BUCKET] = COLUMN("_BUCKET", .kind = TYPE_INT),
    [ENTRY_TYPE] = COLUMN("_INDEX_TYPE", .kind = TYPE_VARCHAR),
    [ENTRY_FILE_NAME] = COLUMN("_FILE_NAME", .kind = TYPE_VARCHAR),
    [ENTRY_FILE_SIZE] = COLUMN("_FILE_SIZE", .kind = TYPE_BIGINT),
    [ENTRY_ROW_COUNT] = COLUMN("_ROW_COUNT", .kind = TYPE_BIGINT),
    [ENTRY_RANGES] =
        COLUMN("_DELETIONS_VECTORS_RANGES", .kind = TYPE_ARRAY, .element = &range_type),
    [ENTRY_EXTERNAL] = COLUMN("_EXTERNAL_PATH", .kind = TYPE_VARCHAR),
    [ENTRY_GLOBAL] = COLUMN("_GLOBAL_INDEX", .kind = TYPE_ROW, .fields = global_fields,
                            .field_count = GLOBAL_COUNT),
};

/* ---- to bytes ------------------------------------------------------------------------------ */

static void put_bytes(struct buf *b, struct str s)
{
    buf_put_zigzag(b, (int64_t)s.len);
    buf_put_str(b, s);
}

static void put_optional_bytes(struct buf *b, struct str s)
{
    buf_put_zigzag(b, s.ptr == NULL ? 0 : 1);
    if (s.ptr != NULL) {
        put_bytes(b, s);
    }
}

static void put_ranges(struct buf *b, const struct index_manifest_entry *e)
{
    buf_put_zigzag(b, e->ranges_null ? 0 : 1);
    if (e->ranges_null) {
        return;
    }
    if (e->range_count > 0) {
        buf_put_zigzag(b, (int64_t)e->range_count);
    }
    for (size_t i = 0; i < e->range_count; i++) {
        const struct index_manifest_range *r = &e->ranges[i];
        buf_put_zigzag(b, 1);
        put_bytes(b, r->data_file);
        buf_put_zigzag(b, r->offset);
        buf_put_zigzag(b, r->length);
        buf_put_zigzag(b, r->cardinality < 0 ? 0 : 1);
        if (r->cardinality >= 0) {
            buf_put_zigzag(b, r->cardinality);
        }
    }
    buf_put_zigzag(b, 0);
}

static void put_global(struct buf *b, const struct index_manifest_global *g)
{
    buf_put_zigzag(b, g == NULL ? 0 : 1);
    if (g == NULL) {
        return;
    }
    buf_put_zigzag(b, g->row_range_start);
    buf_put_zigzag(b, g->row_range_end);
    buf_put_zigzag(b, g->field_id);
    buf_put_zigzag(b, g->extra_fields_null ? 0 : 1);
    if (!g->extra_fields_null) {
        if (g->extra_field_count > 0) {
            buf_put_zigzag(b, (int64_t)g->extra_field_count);
        }
        for (size_t i = 0; i < g->extra_field_count; i++) {
            buf_put_zigzag(b, g->extra_field_ids[i]);
        }
        buf_put_zigzag(b, 0);
    }
    put_optional_bytes(b, g->index_meta);
    put_optional_bytes(b, g->source_meta);
}

void index_record_put(struct buf *b, const struct index_manifest_entry *e, bool with_global)
{
    buf_put_zigzag(b, INDEX_RECORD_VERSION);
    buf_put_zigzag(b, (int64_t)e->kind);
    put_bytes(b, e->partition);
    buf_put_zigzag(b, e->bucket);
    put_bytes(b, e->type);
    put_bytes(b, e->file_name);
    buf_put_zigzag(b, e->size_bytes);
    buf_put_zigzag(b, e->row_count);
    put_ranges(b, e);
    put_optional_bytes(b, e->external_path);
    if (with_global) {
        put_global(b, e->global);
    }
}

/* ---- from values --------------------------------------------------------------------------- */

/* Turns decoded values into our structs; the first thing that must be there and is not fails it. */
struct get {
    struct arena *arena;
    const char *missing;
    const char *wrong;
};

static int64_t get_long(struct get *g, const struct value *v, const char *name)
{
    if (v->state != VALUE_SET) {
        g->missing = g->missing == NULL ? name : g->missing;
        return 0;
    }
    return v->i;
}

static int64_t get_count(struct get *g, const struct value *v, const char *name)
{
    int64_t n = get_long(g, v, name);
    if (n < 0) {
        g->wrong = g->wrong == NULL ? name : g->wrong;
    }
    return n;
}

static struct str get_bytes(struct get *g, const struct value *v, const char *name)
{
    if (v->state != VALUE_SET) {
        g->missing = g->missing == NULL ? name : g->missing;
        return (struct str){"", 0};
    }
    return arena_str(g->arena, value_str(v));
}

/* A file's name, which must not lead to another folder. */
static struct str get_name(struct get *g, const struct value *v, const char *name)
{
    struct str s = get_bytes(g, v, name);
    if (s.len == 0 || s.ptr[0] == '.' || memchr(s.ptr, '/', s.len) != NULL ||
        memchr(s.ptr, '\0', s.len) != NULL) {
        g->wrong = g->wrong == NULL ? name : g->wrong;
    }
    return s;
}

static struct str get_optional_bytes(struct get *g, const struct value *v)
{
    return v->state == VALUE_SET ? arena_str(g->arena, value_str(v)) : (struct str){NULL, 0};
}

static void get_ranges(struct get *g, const struct value *v, struct index_manifest_entry *e)
{
    e->ranges_null = v->state != VALUE_SET;
    if (e->ranges_null) {
        return;
    }
    e->range_count = v->len;
    e->ranges = ARENA_ARRAY(g->arena, struct index_manifest_range, e->range_count);
    for (size_t i = 0; i < e->range_count; i++) {
        if (v->items[i].state != VALUE_SET) {
            g->missing = "_DELETIONS_VECTORS_RANGES";
            continue;
        }
        const struct value *f = v->items[i].items;
        struct index_manifest_range *r = &e->ranges[i];
        r->data_file = get_name(g, &f[RANGE_FILE], "f0");
        r->offset = (int32_t)get_count(g, &f[RANGE_OFFSET], "f1");
        r->length = (int32_t)get_count(g, &f[RANGE_LENGTH], "f2");
        r->cardinality = f[RANGE_CARDINALITY].state == VALUE_SET
                             ? get_count(g, &f[RANGE_CARDINALITY], "_CARDINALITY")
                             : -1;
    }
}

static struct index_manifest_global *get_global(struct get *g, const struct value *v)
{
    if (v->state != VALUE_SET) {
        return NULL;
    }
    struct index_manifest_global *out = arena_zalloc(g->arena, sizeof(*out));
    const struct value *f = v->items;
    out->row_range_start = get_long(g, &f[GLOBAL_START], "_ROW_RANGE_START");
    out->row_range_end = get_long(g, &f[GLOBAL_END], "_ROW_RANGE_END");
    out->field_id = (int32_t)get_long(g, &f[GLOBAL_FIELD], "_INDEX_FIELD_ID");
    out->extra_fields_null = f[GLOBAL_EXTRA].state != VALUE_SET;
    if (!out->extra_fields_null) {
        out->extra_field_count = f[GLOBAL_EXTRA].len;
        out->extra_field_ids = ARENA_ARRAY(g->arena, int32_t, out->extra_field_count);
        for (size_t i = 0; i < out->extra_field_count; i++) {
            out->extra_field_ids[i] =
                (int32_t)get_long(g, &f[GLOBAL_EXTRA].items[i], "_EXTRA_FIELD_IDS");
        }
    }
    out->index_meta = get_optional_bytes(g, &f[GLOBAL_META]);
    out->source_meta = get_optional_bytes(g, &f[GLOBAL_SOURCE]);
    return out;
}

static bool check_version(const struct value *v, struct error *err)
{
    if (v->state != VALUE_SET) {
        return error_set(err, FAIL_CORRUPT, "an entry lacks _VERSION");
    }
    return v->i == INDEX_RECORD_VERSION ||
           error_set(err, FAIL_SCHEMA,
                     "entries of version %lld, while %d is the one known; the table was written "
                     "by another generation of Paimon",
                     (long long)v->i, INDEX_RECORD_VERSION);
}

static bool take_entry(struct arena *arena, const struct value *v, void *into, struct error *err)
{
    struct get g = {.arena = arena};
    if (!check_version(&v[ENTRY_VERSION], err)) {
        return false;
    }
    int64_t kind = get_long(&g, &v[ENTRY_KIND], "_KIND");
    if (kind != MANIFEST_ADD && kind != MANIFEST_DELETE) {
        return error_set(err, FAIL_SCHEMA,
                         "an entry of kind %lld; only 0 (add) and 1 (delete) are known",
                         (long long)kind);
    }
    struct index_manifest_entry e = {.kind = (enum manifest_kind)kind};
    e.partition = get_bytes(&g, &v[ENTRY_PARTITION], "_PARTITION");
    e.bucket = (int32_t)get_long(&g, &v[ENTRY_BUCKET], "_BUCKET");
    e.type = get_bytes(&g, &v[ENTRY_TYPE], "_INDEX_TYPE");
    e.file_name = get_name(&g, &v[ENTRY_FILE_NAME], "_FILE_NAME");
    e.size_bytes = get_count(&g, &v[ENTRY_FILE_SIZE], "_FILE_SIZE");
    e.row_count = get_count(&g, &v[ENTRY_ROW_COUNT], "_ROW_COUNT");
    get_ranges(&g, &v[ENTRY_RANGES], &e);
    e.external_path = get_optional_bytes(&g, &v[ENTRY_EXTERNAL]);
    e.global = get_global(&g, &v[ENTRY_GLOBAL]);
    if (g.missing != NULL) {
        return error_set(err, FAIL_CORRUPT, "an entry lacks %s", g.missing);
    }
    if (g.wrong != NULL) {
        return error_set(err, FAIL_CORRUPT, "an entry's %s is absurd", g.wrong);
    }
    index_manifest_add(into, arena, &e);
    return true;
}

/* ---- fields nobody here knows -------------------------------------------------------------- */

/* The record below unions and arrays, or NULL. */
static const struct avro_node *record_below(const struct avro_node *n)
{
    while (n->kind == AVRO_UNION || n->kind == AVRO_ARRAY) {
        const struct avro_node *next = NULL;
        for (size_t i = 0; i < n->count && next == NULL; i++) {
            next = n->children[i]->kind == AVRO_NULL ? NULL : n->children[i];
        }
        if (next == NULL) {
            return NULL;
        }
        n = next;
    }
    return n->kind == AVRO_RECORD ? n : NULL;
}

static const struct avro_node *child_named(const struct avro_node *record, struct str name)
{
    for (size_t i = 0; record != NULL && i < record->count; i++) {
        if (str_eq(record->names[i], name)) {
            return record_below(record->children[i]);
        }
    }
    return NULL;
}

static void find_unknown_inner(const struct avro_node *record, const struct type_field *fields,
                               size_t count, struct arena *arena, struct str *out)
{
    for (size_t i = 0; record != NULL && i < record->count && out->len == 0; i++) {
        size_t at = 0;
        while (at < count && !str_eq(fields[at].name, record->names[i])) {
            at++;
        }
        if (at == count) {
            *out = arena_str(arena, record->names[i]);
        }
    }
}

/* Called with the file's schema before its rows. */
static void look_at_schema(const struct avro_node *root, struct arena *arena, void *into)
{
    struct index_manifest_entries *out = into;
    const struct avro_node *record = record_below(root);
    for (size_t i = 0; record != NULL && i < record->count && out->unknown_field.len == 0; i++) {
        size_t at = 0;
        while (at < ENTRY_COUNT && !str_eq(entry_fields[at].name, record->names[i])) {
            at++;
        }
        if (at == ENTRY_COUNT) {
            out->unknown_field = arena_str(arena, record->names[i]);
        }
    }
    find_unknown_inner(child_named(record, STR("_DELETIONS_VECTORS_RANGES")), range_fields,
                       RANGE_COUNT, arena, &out->unknown_field);
    find_unknown_inner(child_named(record, STR("_GLOBAL_INDEX")), global_fields, GLOBAL_COUNT,
                       arena, &out->unknown_field);
}

const struct manifest_record index_record = {
    .fields = entry_fields,
    .width = ENTRY_COUNT,
    .look = look_at_schema,
    .take = take_entry,
};
